//! The table in docs/metrics.md is what the code writes.

use std::path::PathBuf;

use shared::metrics::{Metric, NAMESPACE};

#[test]
fn the_table_has_every_metric_with_its_unit_and_no_other() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = std::fs::read_to_string(path).expect("docs/metrics.md");
    assert!(text.contains(&format!("Namespace `{NAMESPACE}`")));
    let documented: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let name = cells.next()?.trim_end_matches('`').to_owned();
            Some((name, cells.next()?.to_owned()))
        })
        .collect();
    let written: Vec<(String, String)> = Metric::ALL
        .iter()
        .map(|metric| (metric.as_str().to_owned(), metric.unit().to_owned()))
        .collect();
    assert_eq!(documented, written);
}
