//! What one call keeps beside a label for a later one: a text in one column of one row. It is used as
//! it was written, and for the plan that it was written for, or rejected.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{digest::Digest, manifest::Manifest};

/// Of VARCHAR(1048576).
pub const MAX_BYTES: usize = 1_000_000;

/// Not what was written, or of another plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BrokenText(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    plan: Digest,
    partitions: u64,
    kept: T,
}

/// Its digest, then what it says. `None` where that is too long to be kept.
pub(super) fn to_text<T: Serialize>(kept: &T, planned: &Manifest) -> Option<String> {
    let envelope = Envelope {
        plan: planned.digest(),
        partitions: planned.partitions_total(),
        kept,
    };
    let json = serde_json::to_string(&envelope).expect("names and numbers serialize");
    let text = format!("{} {json}", Digest::of([json.as_bytes()]));
    (text.len() <= MAX_BYTES).then_some(text)
}

pub(super) fn parse<T: DeserializeOwned>(text: &str, planned: &Manifest) -> Result<T, BrokenText> {
    let (digest, json) = text
        .split_once(' ')
        .ok_or_else(|| BrokenText("it has no digest".into()))?;
    let found = Digest::of([json.as_bytes()]).to_string();
    if digest != found {
        return Err(BrokenText(format!(
            "its digest is {found} instead of {digest}"
        )));
    }
    let envelope: Envelope<T> =
        serde_json::from_str(json).map_err(|error| BrokenText(error.to_string()))?;
    let of = (planned.digest(), planned.partitions_total());
    if (envelope.plan, envelope.partitions) != of {
        return Err(BrokenText(format!(
            "it is of plan {} with {} partitions, not of plan {} with {}",
            envelope.plan, envelope.partitions, of.0, of.1
        )));
    }
    Ok(envelope.kept)
}

/// Refuses what does not fit the plan, whatever its digest says.
pub(super) fn fitting<T>(kept: T, fits: bool) -> Result<T, BrokenText> {
    match fits {
        true => Ok(kept),
        false => Err(BrokenText("it speaks of more than its plan has".to_owned())),
    }
}
