//! A second reading beside its label: with what has to hold for it to be used again.

use serde::{Deserialize, Serialize};

use crate::{
    job::PinMark,
    manifest::Manifest,
    plan::{
        kept::{self, BrokenText},
        row_counts::CountMark,
        second_reading::SecondReading,
    },
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptReading {
    /// The pin that it followed.
    pub pin: PinMark,
    /// What had been counted before it was taken.
    pub counted: Option<CountMark>,
    pub reading: SecondReading,
}

impl KeptReading {
    /// More differs than can be kept (`None`) only where an unusual number of scattered partitions
    /// changed within the moments between plan and pin: then R1 is read at the end.
    pub fn to_text(&self, planned: &Manifest) -> Option<String> {
        kept::to_text(self, planned)
    }

    /// Reads back what [`KeptReading::to_text`] wrote.
    pub fn parse(text: &str, planned: &Manifest) -> Result<KeptReading, BrokenText> {
        let kept: KeptReading = kept::parse(text, planned)?;
        let fits = kept.reading.fits(planned);
        kept::fitting(kept, fits)
    }
}
