//! What is remembered of a step besides its state: the column `detail` of `restore_steps`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::{
    digest::Digest,
    error::Error,
    ident::{TableId, TableName},
    plan::verify::checksum::Summed,
    sql::ops::steps::StepRow,
};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Detail {
    /// The job that SHOW RESTORE showed right before the step's own was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_job: Option<i64>,
    /// Tables that the step made.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) made: BTreeMap<TableName, TableId>,
    /// What a verified table held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// How far a table is summed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summed: Option<Summed>,
    /// What was said about the step: what could not be compared, what could not be set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

impl Detail {
    pub(crate) fn of(row: &StepRow) -> Result<Detail, Error> {
        let Some(text) = &row.detail else {
            return Ok(Detail::default());
        };
        serde_json::from_str(text).map_err(|error| {
            Error::internal(format!(
                "the detail of restore step {} is not JSON: {error}",
                row.number
            ))
        })
    }

    pub(crate) fn to_text(&self) -> Result<String, Error> {
        serde_json::to_string(self)
            .map_err(|error| Error::internal(format!("a step's detail cannot be written: {error}")))
    }
}
