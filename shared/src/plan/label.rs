//! Which label a new backup takes.

use std::collections::BTreeSet;

use crate::{
    error::{Error, ErrorName},
    label::{LabelStem, SnapshotLabel},
};

/// More attempts than anybody makes under one name.
const MAX_ATTEMPTS: u32 = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("all {MAX_ATTEMPTS} labels from '{first}' on are taken")]
pub struct NoFreeLabel {
    pub first: SnapshotLabel,
}

impl From<NoFreeLabel> for Error {
    fn from(none: NoFreeLabel) -> Error {
        Error::new(ErrorName::InvalidInput, none.to_string())
            .hint("give the backup another name: --name")
    }
}

/// The first attempt that is not `taken`: by history, by work in progress, or by anything in the
/// repository. StarRocks refuses a label of which even a fragment exists, and ours are never used
/// twice, so that a label names one content for ever.
pub fn free_label(
    stem: &LabelStem,
    taken: &BTreeSet<String>,
) -> Result<SnapshotLabel, NoFreeLabel> {
    let mut attempts = (0..MAX_ATTEMPTS).map(|number| stem.attempt(number));
    let free = attempts.find(|label| !taken.contains(label.as_str()));
    free.ok_or_else(|| NoFreeLabel {
        first: stem.attempt(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::BackupKind;

    fn taken(labels: &[&str]) -> BTreeSet<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn the_first_free_one_is_taken() {
        let sales = "sales".parse().unwrap();
        let dated = LabelStem::dated(&sales, "20260301", BackupKind::Full);
        let named = LabelStem::named("nightly-v#r", Some(&sales)).unwrap();
        for (stem, taken_labels, expected) in [
            (&dated, vec![], "sales_20260301_full"),
            (
                &dated,
                vec!["sales_20260301_inc", "other"],
                "sales_20260301_full",
            ),
            (
                &dated,
                vec!["sales_20260301_full"],
                "sales_20260301_full_r1",
            ),
            (
                &dated,
                vec!["sales_20260301_full", "sales_20260301_full_r2"],
                "sales_20260301_full_r1",
            ),
            (&named, vec!["nightly_sales_v1"], "nightly_sales_v2"),
        ] {
            let label = free_label(stem, &taken(&taken_labels)).unwrap();
            assert_eq!(label.as_str(), expected);
        }
    }

    #[test]
    fn there_is_an_end() {
        let stem = LabelStem::named("x", None).unwrap();
        let all = (0..MAX_ATTEMPTS)
            .map(|number| stem.attempt(number).to_string())
            .collect();
        let none = free_label(&stem, &all).unwrap_err();
        assert_eq!(none.first.as_str(), "x");
        assert_eq!(Error::from(none).name, ErrorName::InvalidInput);
    }
}
