//! The cluster itself: frontends, backends, disks, configuration, repositories, grants.

use std::{fmt, str::FromStr};

use crate::{
    ident::{ClusterId, RepositoryName},
    sql::{FromRow, Query, Row, RowError, Sql},
    time::UtcTime,
};

/// Needs OPERATE (or NODE) on SYSTEM.
pub fn frontends() -> Query<Frontend> {
    Sql::new("SHOW FRONTENDS").query("SHOW FRONTENDS")
}

/// The same rows by another way; some 3.3 versions show the leader only here. Needs OPERATE.
pub fn proc_frontends() -> Query<Frontend> {
    Sql::new("SHOW PROC '/frontends'").query("SHOW PROC frontends")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontend {
    pub host: String,
    pub query_port: u16,
    pub role: FrontendRole,
    pub cluster_id: ClusterId,
    pub alive: bool,
    /// Empty until the first heartbeat.
    pub version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontendRole {
    Leader,
    /// FOLLOWER, OBSERVER, or not known yet.
    Other,
}

impl FromRow for Frontend {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Frontend {
            host: row.text("IP")?.to_owned(),
            query_port: row.parse("QueryPort")?,
            role: match row.text("Role")? {
                "LEADER" => FrontendRole::Leader,
                _ => FrontendRole::Other,
            },
            cluster_id: row.parse("ClusterId")?,
            alive: row.flag("Alive")?,
            version: row.optional("Version")?.unwrap_or_default().to_owned(),
        })
    }
}

/// Needs OPERATE (or NODE) on SYSTEM.
pub fn backends() -> Query<Backend> {
    Sql::new("SHOW BACKENDS").query("SHOW BACKENDS")
}

/// Capacities are sums over the backend's disks, up to a minute old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    pub id: i64,
    pub host: String,
    pub alive: bool,
    pub decommissioned: bool,
    pub available: ByteSize,
    pub total: ByteSize,
    pub error: Option<String>,
    pub version: String,
}

impl FromRow for Backend {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Backend {
            id: row.parse("BackendId")?,
            host: row.text("IP")?.to_owned(),
            alive: row.flag("Alive")?,
            decommissioned: row.flag("SystemDecommissioned")?,
            available: row.parse("AvailCapacity")?,
            total: row.parse("TotalCapacity")?,
            error: non_empty(row.optional("ErrMsg")?),
            version: row.optional("Version")?.unwrap_or_default().to_owned(),
        })
    }
}

/// Needs OPERATE on SYSTEM.
pub fn disks(backend_id: i64) -> Query<Disk> {
    Sql::new("SHOW PROC ")
        .literal(&format!("/backends/{backend_id}"))
        .query("SHOW PROC backend")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    pub path: String,
    pub available: ByteSize,
    pub total: ByteSize,
    pub online: bool,
}

impl FromRow for Disk {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Disk {
            path: row.text("RootPath")?.to_owned(),
            available: row.parse("AvailCapacity")?,
            total: row.parse("TotalCapacity")?,
            online: row.text("State")? == "ONLINE",
        })
    }
}

/// Needs OPERATE on SYSTEM. The name is a pattern, so the rows can be none or several.
pub fn frontend_config(name: &str) -> Query<ConfigEntry> {
    Sql::new("ADMIN SHOW FRONTEND CONFIG LIKE ")
        .literal(name)
        .query("ADMIN SHOW FRONTEND CONFIG")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    pub name: String,
    pub value: String,
}

impl FromRow for ConfigEntry {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(ConfigEntry {
            name: row.text("Key")?.to_owned(),
            value: row.optional("Value")?.unwrap_or_default().to_owned(),
        })
    }
}

/// The engine's version, such as `3.5.7-abc1234`: the version that the handshake tells is MySQL's.
/// Answered by the frontend alone, where `SELECT @@version_comment` would need a backend.
pub fn version() -> Query<Variable> {
    variable("version_comment")
}

pub fn variable(name: &str) -> Query<Variable> {
    Sql::new("SHOW VARIABLES LIKE ")
        .literal(name)
        .query("SHOW VARIABLES")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub value: String,
}

impl FromRow for Variable {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Variable {
            name: row.text("Variable_name")?.to_owned(),
            value: row.optional("Value")?.unwrap_or_default().to_owned(),
        })
    }
}

/// The frontend's clock. The only clock that leases and retention know.
pub fn utc_now() -> Query<UtcNow> {
    Sql::new("SELECT UTC_TIMESTAMP() AS utc_now").query("SELECT UTC_TIMESTAMP()")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcNow(pub UtcTime);

impl FromRow for UtcNow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(UtcNow(row.parse("utc_now")?))
    }
}

/// Needs no privilege. There is no form that names one repository before 4.1.
pub fn repositories() -> Query<Repository> {
    Sql::new("SHOW REPOSITORIES").query("SHOW REPOSITORIES")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub name: RepositoryName,
    pub read_only: bool,
    pub location: String,
    /// Of a check that only the leader runs, every ten minutes: `None` proves nothing.
    pub error: Option<String>,
}

impl FromRow for Repository {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Repository {
            name: row.parse("RepoName")?,
            read_only: row.flag("IsReadOnly")?,
            location: row.text("Location")?.to_owned(),
            error: non_empty(row.optional("ErrMsg")?),
        })
    }
}

/// What the current user holds, roles not expanded.
pub fn grants() -> Query<Grant> {
    Sql::new("SHOW GRANTS").query("SHOW GRANTS")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// `None` for the grant of a role.
    pub catalog: Option<String>,
    /// `GRANT SELECT ON TABLE d.t TO USER 'u'@'%'`, names without quotes.
    pub text: String,
}

impl Grant {
    /// Not on an external catalog, whose grants read the same.
    pub fn is_on_own_data(&self) -> bool {
        let catalog = self.catalog.as_deref();
        catalog.is_none_or(|catalog| catalog == "default_catalog")
    }
}

impl FromRow for Grant {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Grant {
            catalog: row.optional("Catalog")?.map(str::to_owned),
            text: row.text("Grants")?.to_owned(),
        })
    }
}

pub(super) fn non_empty(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A size as StarRocks prints it: `46.520 GB`, `1.2KB`, `0.000B`, or plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || format!("'{text}' is not a size such as 1.2 GB");
        let text = text.trim();
        let digits = text
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let exponent = match unit.trim() {
            "" | "B" => 0,
            "KB" => 1,
            "MB" => 2,
            "GB" => 3,
            "TB" => 4,
            "PB" => 5,
            _ => return Err(invalid()),
        };
        if let (Ok(bytes), 0) = (number.parse::<u64>(), exponent) {
            return Ok(ByteSize(bytes));
        }
        let number: f64 = number.parse().map_err(|_| invalid())?;
        Ok(ByteSize((number * 1024_f64.powi(exponent)) as u64))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let units = ["B", "KB", "MB", "GB", "TB", "PB"];
        let mut index = 0;
        while value >= 1024.0 && index + 1 < units.len() {
            value /= 1024.0;
            index += 1;
        }
        match index {
            0 => write!(formatter, "{} B", self.0),
            _ => write!(formatter, "{value:.1} {}", units[index]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements() {
        insta::assert_snapshot!(frontends(), @"SHOW FRONTENDS");
        insta::assert_snapshot!(proc_frontends(), @"SHOW PROC '/frontends'");
        insta::assert_snapshot!(backends(), @"SHOW BACKENDS");
        insta::assert_snapshot!(disks(10_001), @"SHOW PROC '/backends/10001'");
        insta::assert_snapshot!(frontend_config("run_mode"), @"ADMIN SHOW FRONTEND CONFIG LIKE 'run_mode'");
        insta::assert_snapshot!(version(), @"SHOW VARIABLES LIKE 'version_comment'");
        insta::assert_snapshot!(utc_now(), @"SELECT UTC_TIMESTAMP() AS utc_now");
        insta::assert_snapshot!(repositories(), @"SHOW REPOSITORIES");
        insta::assert_snapshot!(grants(), @"SHOW GRANTS");
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0.000B", Some(0)),
            ("0B", Some(0)),
            ("1.2KB", Some(1228)),
            ("46.520 GB", Some(49_950_469_652)),
            ("1.000 TB", Some(1 << 40)),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("N/A", None),
            ("1.2.3 GB", None),
            ("-1 GB", None),
            ("", None),
        ] {
            assert_eq!(
                text.parse::<ByteSize>().ok(),
                expected.map(ByteSize),
                "{text:?}"
            );
        }
        assert_eq!(ByteSize(1536).to_string(), "1.5 KB");
    }
}
