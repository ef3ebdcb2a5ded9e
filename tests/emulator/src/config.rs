//! The frontend's configuration: what ADMIN SHOW and ADMIN SET FRONTEND CONFIG know.

use crate::{
    profile::Profile,
    reply::{Cell, Column, ResultSet, SqlError, SqlResult},
};

#[derive(Debug)]
pub struct Config {
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    name: &'static str,
    value: String,
    kind: &'static str,
    mutable: bool,
    comment: &'static str,
}

const FAST_SCHEMA_CHANGE_COMMENT: &str = "MV fast schema evolution (FSE) mode. Values: strict \
    (default) - only allow when isSupportFastSchemaEvolutionInDanger, clear partition entries; force \
    - allow FSE even when isSupportFastSchemaEvolutionInDanger is false, clear partition entries; \
    force_no_clear - allow FSE even when isSupportFastSchemaEvolutionInDanger is false, do not clear.";

impl Config {
    pub fn new(profile: Profile, default_replication_num: u32) -> Config {
        let item = |name, value: &str, kind, mutable| Item {
            name,
            value: value.to_owned(),
            kind,
            mutable,
            comment: "",
        };
        let mut items = vec![
            item("backup_job_default_timeout_ms", "86400000", "int", true),
            item(
                "backup_plugin_path",
                "/tools/trans_file_tool/trans_files.sh",
                "String",
                false,
            ),
            item("catalog_trash_expire_second", "86400", "long", true),
            item(
                "default_replication_num",
                &default_replication_num.to_string(),
                "short",
                true,
            ),
            item(
                "dynamic_partition_check_interval_seconds",
                "600",
                "long",
                true,
            ),
            item("dynamic_partition_enable", "true", "boolean", true),
            item(
                "enable_backup_materialized_view",
                if profile.is_3_3() { "true" } else { "false" },
                "boolean",
                true,
            ),
            item("enable_colocate_restore", "false", "boolean", true),
            item("enable_fast_schema_evolution", "true", "boolean", true),
            item(
                "enable_fast_schema_evolution_in_share_data_mode",
                "true",
                "boolean",
                true,
            ),
            item("expr_children_limit", "10000", "int", true),
            item("history_job_keep_max_second", "604800", "int", true),
            item("label_keep_max_num", "1000", "int", true),
            item("label_keep_max_second", "259200", "int", true),
            item("max_download_task_per_be", "0", "int", true),
            item("max_upload_task_per_be", "0", "int", true),
            item("run_mode", "shared_nothing", "String", false),
            item("storage_usage_hard_limit_percent", "95", "int", true),
            item(
                "storage_usage_hard_limit_reserve_bytes",
                "107374182400",
                "long",
                true,
            ),
        ];
        if profile == Profile::V4_1 {
            items.push(Item {
                comment: FAST_SCHEMA_CHANGE_COMMENT,
                ..item("mv_fast_schema_change_mode", "strict", "String", true)
            });
        }
        items.sort_by_key(|item| item.name);
        Config { items }
    }

    /// The value of an item. The emulator asks only for names that are in its own list.
    pub fn text(&self, name: &str) -> &str {
        self.items
            .iter()
            .find(|item| item.name == name)
            .map_or("", |item| &item.value)
    }

    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    pub fn is_on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// What ADMIN SET FRONTEND CONFIG does, without the statement.
    pub fn set(&mut self, name: &str, value: &str) -> SqlResult<()> {
        let item = self
            .items
            .iter_mut()
            .find(|item| item.name == name && item.mutable)
            .ok_or_else(|| {
                SqlError::plain(format!("Config '{name}' does not exist or is not mutable"))
            })?;
        let is_valid = match item.kind {
            "int" | "long" | "short" => value.parse::<i64>().is_ok(),
            "boolean" => ["true", "false"].contains(&value.to_ascii_lowercase().as_str()),
            _ => true,
        };
        if !is_valid {
            return Err(SqlError::plain(format!(
                "Unsupported configuration type or value: {name} = {value}"
            )));
        }
        item.value = if item.kind == "boolean" {
            value.to_ascii_lowercase()
        } else {
            value.to_owned()
        };
        Ok(())
    }

    pub(crate) fn show(&self) -> ResultSet {
        let columns = ["Key", "AliasNames", "Value", "Type", "IsMutable", "Comment"];
        let rows = self
            .items
            .iter()
            .map(|item| {
                [
                    item.name,
                    "[]",
                    &item.value,
                    item.kind,
                    if item.mutable { "true" } else { "false" },
                    item.comment,
                ]
                .map(|text| -> Cell { Some(text.to_owned()) })
                .to_vec()
            })
            .collect();
        ResultSet {
            columns: columns.into_iter().map(Column::show).collect(),
            rows,
        }
    }
}
