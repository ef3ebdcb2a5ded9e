//! System variables: what SET, SHOW VARIABLES and `SELECT @@name` know.

use std::collections::BTreeMap;

use crate::{
    engine::{Engine, zone},
    parse::similar::jaro,
    profile::Profile,
    reply::{CHARSET_BINARY, CHARSET_UTF8, Column, SqlError, SqlResult, WireType},
    session::Session,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    Int,
    Long,
    Text,
}

#[derive(Debug, Clone, Copy)]
pub struct Definition {
    pub name: &'static str,
    pub kind: Kind,
    pub default: &'static str,
    pub read_only: bool,
}

const fn text(name: &'static str, default: &'static str) -> Definition {
    Definition {
        name,
        kind: Kind::Text,
        default,
        read_only: false,
    }
}

const fn int(name: &'static str, default: &'static str) -> Definition {
    Definition {
        kind: Kind::Int,
        ..text(name, default)
    }
}

const fn long(name: &'static str, default: &'static str) -> Definition {
    Definition {
        kind: Kind::Long,
        ..text(name, default)
    }
}

const fn boolean(name: &'static str, default: &'static str) -> Definition {
    Definition {
        kind: Kind::Boolean,
        ..text(name, default)
    }
}

const fn fixed(definition: Definition) -> Definition {
    Definition {
        read_only: true,
        ..definition
    }
}

/// In the order of SHOW VARIABLES. `version` and `version_comment` are the profile's, `time_zone` and
/// `system_time_zone` the engine's.
const DEFINITIONS: &[Definition] = &[
    boolean("activate_all_roles_on_login", "false"),
    int("auto_increment_increment", "1"),
    boolean("autocommit", "true"),
    text("big_query_profile_threshold", "0s"),
    text("catalog", "default_catalog"),
    text("character_set_client", "utf8"),
    text("character_set_connection", "utf8"),
    text("character_set_database", "utf8"),
    text("character_set_results", "utf8"),
    text("character_set_server", "utf8"),
    text("collation_connection", "utf8_general_ci"),
    text("collation_database", "utf8_general_ci"),
    text("collation_server", "utf8_general_ci"),
    int("consistent_hash_virtual_number", "256"),
    int("count_distinct_column_buckets", "1024"),
    text("default_storage_engine", "InnoDB"),
    text("default_table_compression", "lz4_frame"),
    boolean("enable_async_profile", "true"),
    boolean("enable_display_shadow_partitions", "false"),
    boolean("enable_insert_strict", "true"),
    boolean("enable_prepare_stmt", "true"),
    boolean("enable_profile", "false"),
    boolean("enable_sql_transaction", "true"),
    boolean("enable_strict_type", "false"),
    long("exec_mem_limit", "2147483648"),
    boolean("foreign_key_checks", "true"),
    boolean("hdfs_backend_selector_force_rebalance", "false"),
    text("hdfs_backend_selector_hash_algorithm", "consistent"),
    text("init_connect", ""),
    int("insert_timeout", "14400"),
    int("interactive_timeout", "3600"),
    fixed(text("language", "/starrocks/share/english/")),
    fixed(text("license", "Apache License 2.0")),
    fixed(int("lower_case_table_names", "0")),
    int("max_allowed_packet", "33554432"),
    int("max_scan_key_num", "-1"),
    int("metadata_collect_query_timeout", "60"),
    int("net_buffer_length", "16384"),
    int("net_read_timeout", "60"),
    int("net_write_timeout", "60"),
    long("new_planner_optimize_timeout", "3000"),
    int("parallel_fragment_exec_instance_num", "1"),
    text("partial_update_mode", "auto"),
    boolean("performance_schema", "false"),
    int("pipeline_dop", "0"),
    int("query_cache_size", "1048576"),
    text("query_cache_type", "0"),
    int("query_delivery_timeout", "300"),
    long("query_mem_limit", "0"),
    int("query_queue_pending_timeout_second", "300"),
    int("query_timeout", "300"),
    text("resource_group", ""),
    boolean("sql_auto_is_null", "false"),
    text("sql_dialect", "StarRocks"),
    text("sql_mode", "ONLY_FULL_GROUP_BY"),
    int("sql_safe_updates", "0"),
    long("sql_select_limit", "9223372036854775807"),
    fixed(text("system_time_zone", "")),
    text("time_zone", ""),
    text("transaction_isolation", "REPEATABLE-READ"),
    boolean("transaction_read_only", "false"),
    int("transmission_encode_level", "7"),
    text("tx_isolation", "REPEATABLE-READ"),
    boolean("tx_read_only", "false"),
    int("tx_visible_wait_timeout", "10"),
    boolean("unique_checks", "true"),
    int("use_compute_nodes", "-1"),
    fixed(text("version", "")),
    fixed(text("version_comment", "")),
    int("wait_timeout", "28800"),
];

/// Added after 3.3.
const SINCE_3_4: [&str; 3] = [
    "enable_sql_transaction",
    "hdfs_backend_selector_force_rebalance",
    "insert_timeout",
];

/// SET GLOBAL, and what it left for sessions to come.
#[derive(Debug, Default)]
pub struct GlobalVariables {
    pub values: BTreeMap<String, String>,
}

impl Engine {
    /// The definitions that this version has.
    fn variable_definitions(&self) -> impl Iterator<Item = &'static Definition> + use<> {
        let old = self.profile.is_3_3();
        DEFINITIONS
            .iter()
            .filter(move |definition| !(old && SINCE_3_4.contains(&definition.name)))
    }

    pub fn variable_definition(&self, name: &str) -> Option<&'static Definition> {
        self.variable_definitions()
            .find(|definition| definition.name.eq_ignore_ascii_case(name))
    }

    /// The value for this session as SHOW VARIABLES prints it.
    fn variable_value(&self, session: &Session, definition: &Definition) -> String {
        match definition.name {
            "version" => self.profile.server_version().to_owned(),
            "version_comment" => self.profile.version_comment().to_owned(),
            "time_zone" => session.time_zone_name.clone(),
            "system_time_zone" => self.time_zone_name.clone(),
            name => session
                .variables
                .get(name)
                .map_or(definition.default, String::as_str)
                .to_owned(),
        }
    }

    /// What `SELECT @@name` answers: a column without its name, and the value.
    pub fn variable(&self, session: &Session, name: &str) -> SqlResult<(Column, String)> {
        let definition = self
            .variable_definition(name)
            .ok_or_else(|| self.unknown_variable(name))?;
        let value = self.variable_value(session, definition);
        // 3.5 made autocommit a number.
        let is_number = definition.name == "autocommit" && !self.profile.is_3_3();
        let (wire_type, length, charset) = match definition.kind {
            Kind::Boolean if is_number => (WireType::LongLong, 20, CHARSET_BINARY),
            Kind::Boolean => (WireType::Tiny, 1, CHARSET_BINARY),
            Kind::Int => (WireType::Long, 11, CHARSET_BINARY),
            Kind::Long => (WireType::LongLong, 20, CHARSET_BINARY),
            Kind::Text => (WireType::VarString, 192, CHARSET_UTF8),
        };
        let value = match (definition.kind, value.as_str()) {
            (Kind::Boolean, "true") => "1".to_owned(),
            (Kind::Boolean, "false") => "0".to_owned(),
            _ => value,
        };
        let column = Column {
            name: String::new(),
            wire_type,
            length,
            charset,
            decimals: 0,
        };
        Ok((column, value))
    }

    /// Name and value of all, as SHOW VARIABLES lists them.
    pub(crate) fn variables(&self, session: &Session) -> Vec<(&'static str, String)> {
        self.variable_definitions()
            .map(|definition| (definition.name, self.variable_value(session, definition)))
            .collect()
    }

    /// The definition of a variable that is to be set.
    pub(crate) fn check_variable(&self, name: &str) -> SqlResult<&'static Definition> {
        self.variable_definition(name).ok_or_else(|| {
            let error = self.unknown_variable(name);
            // Before 4.1 it is not the analyzer that finds out.
            if self.profile == Profile::V4_1 {
                error
            } else {
                without_prefix(error)
            }
        })
    }

    /// `SET [GLOBAL]`: a global value is for sessions to come and for this one.
    pub(crate) fn set_variable(
        &mut self,
        session: &mut Session,
        name: &str,
        value: &str,
        global: bool,
    ) -> SqlResult<()> {
        let definition = self.check_variable(name)?;
        if definition.read_only {
            return Err(variable_error(
                1238,
                format!("Variable '{}' is a read only variable", definition.name),
            ));
        }
        let value = normalize(definition, value)?;
        if definition.name == "time_zone" {
            let time_zone = zone(&value).map_err(|message| variable_error(1298, message))?;
            if global {
                self.session_time_zone = time_zone.clone();
                self.session_time_zone_name.clone_from(&value);
            }
            session.time_zone = time_zone;
            session.time_zone_name = value;
            return Ok(());
        }
        if global {
            self.global_variables
                .values
                .insert(definition.name.to_owned(), value.clone());
        }
        session.variables.insert(definition.name.to_owned(), value);
        Ok(())
    }

    /// The value that `SET x = DEFAULT` gives back.
    pub(crate) fn default_of(&self, name: &str) -> String {
        if name.eq_ignore_ascii_case("time_zone") {
            return self.session_time_zone_name.clone();
        }
        let lower = name.to_ascii_lowercase();
        match self.global_variables.values.get(&lower) {
            Some(value) => value.clone(),
            None => self
                .variable_definition(name)
                .map_or_else(String::new, |definition| definition.default.to_owned()),
        }
    }

    /// 1193, with the three most similar names of those that the emulator has.
    fn unknown_variable(&self, name: &str) -> SqlError {
        let letters: Vec<char> = name.chars().collect();
        let mut ranked: Vec<(f64, &str)> = self
            .variable_definitions()
            .map(|definition| {
                let other: Vec<char> = definition.name.chars().collect();
                (jaro(&letters, &other), definition.name)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let similar: Vec<String> = ranked
            .into_iter()
            .take(3)
            .map(|(_, name)| format!("'{name}'"))
            .collect();
        variable_error(
            1193,
            format!(
                "Unknown system variable '{name}', the most similar variables are {{{}}}",
                similar.join(", ")
            ),
        )
    }
}

fn variable_error(code: u16, message: String) -> SqlError {
    SqlError::new(
        code,
        "HY000",
        format!("Getting analyzing error. Detail message: {message}."),
    )
}

fn without_prefix(error: SqlError) -> SqlError {
    let message = error
        .message
        .trim_start_matches("Getting analyzing error. Detail message: ")
        .trim_end_matches('.')
        .to_owned();
    SqlError { message, ..error }
}

fn normalize(definition: &Definition, value: &str) -> SqlResult<String> {
    let wrong_type = || {
        variable_error(
            1232,
            format!("Incorrect argument type to variable '{}'", definition.name),
        )
    };
    match definition.kind {
        Kind::Boolean => match value.to_ascii_lowercase().as_str() {
            "1" | "on" | "true" => Ok("true".to_owned()),
            "0" | "off" | "false" => Ok("false".to_owned()),
            _ => Err(variable_error(
                1231,
                format!(
                    "Variable '{}' can't be set to the value of '{value}'",
                    definition.name
                ),
            )),
        },
        Kind::Int => value
            .parse::<i32>()
            .map(|number| number.to_string())
            .map_err(|_| wrong_type()),
        Kind::Long => value
            .parse::<i64>()
            .map(|number| number.to_string())
            .map_err(|_| wrong_type()),
        Kind::Text if definition.name == "sql_mode" => sql_mode(value),
        Kind::Text => Ok(value.to_owned()),
    }
}

/// A mode is kept as its names; a number is the bits of them, of which 32 is the usual one.
fn sql_mode(value: &str) -> SqlResult<String> {
    match value {
        "32" => Ok("ONLY_FULL_GROUP_BY".to_owned()),
        "0" => Ok(String::new()),
        names => Ok(names.to_ascii_uppercase()),
    }
}

/// Session variables that matter to this emulator's statements.
impl Session {
    /// A switch, by its name in [`DEFINITIONS`].
    pub fn is_on(&self, name: &str) -> bool {
        let default = DEFINITIONS
            .iter()
            .find(|definition| definition.name == name)
            .map_or("false", |definition| definition.default);
        self.variables.get(name).map_or(default, String::as_str) == "true"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_in_order_and_once() {
        assert!(DEFINITIONS.is_sorted_by(|a, b| a.name < b.name));
    }
}
