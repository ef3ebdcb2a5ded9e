//! Metrics, in CloudWatch's embedded metric format: one JSON line on standard output, which Lambda's log
//! carries. No call, no endpoint, no permission.
//!
//! At most one dimension, `Group`: a label or an execution as dimension would make a new metric, and a
//! new price, for each. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{io::Write, sync::OnceLock};

use serde_json::{Map, Value, json};

use crate::ident::GroupName;

/// Unless it was configured otherwise.
pub const NAMESPACE: &str = "StarRocksBackup";

macro_rules! metrics {
    ($($(#[doc = $meaning:literal])+ $name:ident: $unit:ident),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $($(#[doc = $meaning])+ $name),+
        }

        impl Metric {
            pub const ALL: &'static [Metric] = &[$(Metric::$name),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Metric::$name => stringify!($name)),+
                }
            }

            /// As CloudWatch names units.
            pub fn unit(self) -> &'static str {
                match self {
                    $(Metric::$name => stringify!($unit)),+
                }
            }
        }
    };
}

metrics! {
    /// Groups whose newest good backup is older than their interval and grace.
    OverdueGroups: Count,
    /// Of the fullest disk of all backends.
    MinFreeDiskPercent: Percent,
    /// 1 where the repository is missing or cannot be listed.
    RepositoryErrors: Count,
    /// Databases whose run died and was not adopted yet.
    ActiveLeasesExpired: Count,
    /// Since a group's newest good backup was planned; since it was made, where it has none.
    NewestBackupAge: Seconds,
    /// How much of its window a running backup has used.
    WindowUsedPercent: Percent,
    /// Databases backed up by an execution.
    DatabasesBackedUp: Count,
    /// Databases that an execution could not back up, or not completely.
    DatabasesFailed: Count,
    /// The engine's estimate of what an execution stored.
    BytesStored: Bytes,
    /// Executions that ended because another one was at work.
    ExecutionsSkipped: Count,
    /// Recorded backups that cannot be restored any more.
    LostBackups: Count,
}

static NAMESPACE_IN_USE: OnceLock<String> = OnceLock::new();

/// From now on metrics are written. Elsewhere than in Lambda nobody would read them.
pub fn switch_on(namespace: String) {
    // The first one stays: there is one bootstrap in a process.
    let _ = NAMESPACE_IN_USE.set(namespace);
}

/// Writes values, of a group where it is one group's. A group's value counts for all groups too.
#[expect(
    clippy::disallowed_methods,
    reason = "CloudWatch dates what it receives by this clock"
)]
pub fn emit(group: Option<&GroupName>, values: &[(Metric, f64)]) {
    let Some(namespace) = NAMESPACE_IN_USE.get().filter(|_| !values.is_empty()) else {
        return;
    };
    let now = jiff::Timestamp::now().as_millisecond();
    let line = line(namespace, now, group, values);
    // Nobody is left to tell that nobody listens.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn line(
    namespace: &str,
    millisecond: i64,
    group: Option<&GroupName>,
    values: &[(Metric, f64)],
) -> Value {
    let dimensions = match group {
        Some(_) => json!([[], ["Group"]]),
        None => json!([[]]),
    };
    let metrics: Vec<Value> = values
        .iter()
        .map(|(metric, _)| json!({ "Name": metric.as_str(), "Unit": metric.unit() }))
        .collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": millisecond,
            "CloudWatchMetrics": [
                { "Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics },
            ],
        }),
    );
    if let Some(group) = group {
        line.insert("Group".to_owned(), json!(group));
    }
    for (metric, value) in values {
        line.insert(metric.as_str().to_owned(), json!(value));
    }
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let group = "nightly".parse().unwrap();
        let values = [(Metric::BytesStored, 12.0), (Metric::DatabasesFailed, 0.0)];
        insta::assert_snapshot!(
            line(NAMESPACE, 1_767_225_600_000, Some(&group), &values),
            @r#"{"_aws":{"Timestamp":1767225600000,"CloudWatchMetrics":[{"Namespace":"StarRocksBackup","Dimensions":[[],["Group"]],"Metrics":[{"Name":"BytesStored","Unit":"Bytes"},{"Name":"DatabasesFailed","Unit":"Count"}]}]},"Group":"nightly","BytesStored":12.0,"DatabasesFailed":0.0}"#
        );
        let alone = line(NAMESPACE, 0, None, &[(Metric::OverdueGroups, 1.0)]);
        assert_eq!(
            alone["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
            json!([[]])
        );
    }
}
