//! What the user holds, by SHOW GRANTS, against what a backup or a restore needs. Found out before
//! anything is done: a privilege that StarRocks misses at the SWAP costs the hours before it.
//!
//! Only what is not held anywhere is in the way. A grant on single tables may be enough for what is asked
//! for, and where not everything that the user holds can be read, it may hold more: both are said, and
//! nothing is refused for them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::ErrorName,
    ident::{DatabaseName, QualifiedTable, TableName},
    plan::Finding,
    sql::{
        admin::{Privilege, grant},
        show::Account,
    },
};

#[cfg(test)]
mod tests;

/// Privileges and the objects that they are on, in the engine's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// By what stands after ON: `ALL TABLES IN DATABASE sales`, `TABLE sales.orders`.
    entries: BTreeMap<String, BTreeSet<String>>,
    everything: bool,
    /// Why there may be more.
    unread: Vec<String>,
}

/// One row of SHOW GRANTS, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    Roles(Vec<String>),
    Privileges {
        privileges: Vec<String>,
        objects: Vec<String>,
    },
}

/// `GRANT SELECT, EXPORT ON TABLE d.t TO USER 'u'@'%'`, `GRANT 'a', 'b' TO 'u'@'%'`. The engine prints
/// names without quotes.
pub fn parse(text: &str) -> Option<Granted> {
    let list = |text: &str| text.split(", ").map(str::to_owned).collect();
    let rest = text.strip_prefix("GRANT ")?;
    let Some((privileges, rest)) = rest.split_once(" ON ") else {
        let (roles, _) = rest.rsplit_once(" TO ")?;
        let names = roles.split(", ").map(|name| {
            let name = name.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            Some(name.to_owned())
        });
        return Some(Granted::Roles(names.collect::<Option<_>>()?));
    };
    let grantee = [" TO USER ", " TO ROLE "];
    let end = grantee.into_iter().filter_map(|to| rest.rfind(to)).max()?;
    let on = &rest[..end];
    // One kind before several names: `TABLE d.t, d.u`.
    let objects = match on.split_once(' ') {
        Some(("TABLE", names)) => names
            .split(", ")
            .map(|name| format!("TABLE {name}"))
            .collect(),
        Some(("DATABASE", names)) => {
            let named = |name| format!("DATABASE {name}");
            names.split(", ").map(named).collect()
        }
        _ => vec![on.to_owned()],
    };
    Some(Granted::Privileges {
        privileges: list(privileges),
        objects,
    })
}

/// The built-in role that may do everything, with or without grants of its own.
pub const ROOT: &str = "root";

impl Held {
    pub fn add(&mut self, privileges: Vec<String>, objects: Vec<String>) {
        for object in objects {
            let held = self.entries.entry(object).or_default();
            held.extend(privileges.iter().cloned());
        }
    }

    pub fn add_everything(&mut self) {
        self.everything = true;
    }

    pub fn add_unread(&mut self, why: String) {
        self.unread.push(why);
    }

    fn on(&self, object: &str, privilege: &str) -> bool {
        let held = self.entries.get(object);
        held.is_some_and(|held| held.contains(privilege))
    }

    fn on_all_tables(&self, database: &DatabaseName, privilege: &str) -> bool {
        self.everything
            || self.on("ALL TABLES IN ALL DATABASES", privilege)
            || self.on(&format!("ALL TABLES IN DATABASE {database}"), privilege)
    }

    fn on_database(&self, database: &DatabaseName, privilege: &str) -> bool {
        self.everything
            || self.on("ALL DATABASES", privilege)
            || self.on(&format!("DATABASE {database}"), privilege)
    }

    fn on_table(&self, table: &QualifiedTable, privilege: &str) -> bool {
        let object = format!("TABLE {}.{}", table.database, table.table);
        self.on_all_tables(&table.database, privilege) || self.on(&object, privilege)
    }

    fn on_some_table(&self, database: &DatabaseName, privilege: &str) -> bool {
        let prefix = format!("TABLE {database}.");
        let single = |(object, held): (&String, &BTreeSet<String>)| {
            object.starts_with(&prefix) && held.contains(privilege)
        };
        self.on_all_tables(database, privilege) || self.entries.iter().any(single)
    }
}

/// Judges one thing that is needed after the other.
struct Judge<'a> {
    held: &'a Held,
    account: &'a Account,
    findings: Vec<Finding>,
}

const CHECK: &str = "privilege";

impl Judge<'_> {
    fn missing(&mut self, privileges: &[&str], on: &str, why: &str, needed: Privilege<'_>) {
        let subject = format!("{} on {on}", privileges.join(", "));
        let hint = grant(needed, self.account).to_string();
        let finding = match self.held.unread.first() {
            None => {
                let message = format!("missing: {why}");
                Finding::failed(CHECK, ErrorName::AccessDenied, message, hint)
            }
            Some(unread) => {
                let message = format!("not seen, and not everything can be seen ({unread}): {why}");
                Finding::advice(CHECK, message, hint)
            }
        };
        self.findings.push(finding.about(subject));
    }

    fn advice(&mut self, privileges: &[&str], on: &str, why: &str, needed: Privilege<'_>) {
        let subject = format!("{} on {on}", privileges.join(", "));
        let hint = grant(needed, self.account).to_string();
        let finding = Finding::advice(CHECK, why, hint);
        self.findings.push(finding.about(subject));
    }

    fn passed_if_none(&mut self, before: usize, subject: &str) {
        if self.findings.len() == before {
            let finding = Finding::passed(CHECK, "granted").about(subject);
            self.findings.push(finding);
        }
    }

    fn ops(&mut self, ops: &DatabaseName) {
        let needed = ["SELECT", "INSERT", "UPDATE", "DELETE"];
        let missing: Vec<&str> = needed
            .into_iter()
            .filter(|privilege| !self.held.on_some_table(ops, privilege))
            .collect();
        if !missing.is_empty() {
            let on = format!("all tables of {ops}");
            let why = "nothing can be recorded without";
            self.missing(&missing, &on, why, Privilege::OpsTables(ops));
        }
    }
}

/// Of whatever records what it does.
pub fn check_ops(held: &Held, account: &Account, ops: &DatabaseName) -> Vec<Finding> {
    let mut judge = Judge {
        held,
        account,
        findings: Vec::new(),
    };
    judge.ops(ops);
    judge.findings
}

/// Of a backup: by database the tables that it is of, or `None` where they are not known.
pub fn check_backup(
    held: &Held,
    account: &Account,
    databases: &BTreeMap<DatabaseName, Option<BTreeSet<TableName>>>,
) -> Vec<Finding> {
    let mut judge = Judge {
        held,
        account,
        findings: Vec::new(),
    };
    for (database, tables) in databases {
        let before = judge.findings.len();
        for (privilege, why) in [
            ("EXPORT", "BACKUP is refused"),
            ("SELECT", "its rows are not counted, and views not read"),
        ] {
            let on = match tables {
                _ if held.on_all_tables(database, privilege) => continue,
                Some(tables) => {
                    let without: Vec<&str> = tables
                        .iter()
                        .filter(|table| {
                            !held.on_table(&QualifiedTable::new(database, table), privilege)
                        })
                        .map(TableName::as_str)
                        .collect();
                    match without.as_slice() {
                        [] => continue,
                        without => format!("{} of {database}", some(without)),
                    }
                }
                None if held.on_some_table(database, privilege) => continue,
                None => format!("tables of {database}"),
            };
            let needed = Privilege::BackUpTables(database);
            match privilege {
                "EXPORT" => judge.missing(&[privilege], &on, why, needed),
                _ => judge.advice(&[privilege], &on, why, needed),
            }
        }
        judge.passed_if_none(before, &format!("EXPORT, SELECT on tables of {database}"));
    }
    judge.findings
}

/// The first few of many.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more tables", names[..SHOWN].join(", ")),
    }
}

/// Of a restore.
#[derive(Debug)]
pub struct RestoreNeeds<'a> {
    /// Where tables will stand, and whether the database is there.
    pub databases: &'a BTreeMap<DatabaseName, bool>,
    /// Rows or checksums are compared.
    pub reads_rows: bool,
}

pub fn check_restore(held: &Held, account: &Account, needs: &RestoreNeeds<'_>) -> Vec<Finding> {
    let mut judge = Judge {
        held,
        account,
        findings: Vec::new(),
    };
    for (database, exists) in needs.databases {
        let before = judge.findings.len();
        let create_database =
            held.everything || held.on("CATALOG default_catalog", "CREATE DATABASE");
        if !exists && !create_database {
            judge.missing(
                &["CREATE DATABASE"],
                "CATALOG default_catalog",
                &format!("database {database} does not exist"),
                Privilege::CreateDatabase,
            );
        }
        if !held.on_database(database, "CREATE TABLE") {
            judge.missing(
                &["CREATE TABLE"],
                &format!("database {database}"),
                &restore_why(*exists, "RESTORE is refused"),
                Privilege::CreateTable(database),
            );
        }
        judge.restore_tables(database, *exists, needs.reads_rows);
        judge.restore_definitions(database);
        judge.passed_if_none(before, &format!("what a restore needs on {database}"));
    }
    judge.findings
}

fn restore_why(exists: bool, why: &str) -> String {
    match exists {
        true => why.to_owned(),
        false => {
            format!("{why}; the database has to be created before anything can be granted on it")
        }
    }
}

impl Judge<'_> {
    /// A group of tables alone needs none of it, and what could not be made is said with its statement.
    fn restore_definitions(&mut self, database: &DatabaseName) {
        let held = self.held;
        let mut missing = vec!["CREATE VIEW", "CREATE MATERIALIZED VIEW", "CREATE FUNCTION"];
        missing.retain(|one| !held.on_database(database, one));
        if !missing.is_empty() {
            let on = format!("database {database}");
            let why = "missing: of what a group holds besides tables, what is not there has to be made by hand";
            let needed = Privilege::CreateDefinitions(database);
            self.advice(&missing, &on, why, needed);
        }
    }

    fn restore_tables(&mut self, database: &DatabaseName, exists: bool, reads_rows: bool) {
        let held = self.held;
        let needed = Privilege::RestoreTables(database);
        let on = format!("all tables of {database}");
        let mut required = vec!["INSERT", "ALTER"];
        let mut useful = vec!["DROP"];
        match reads_rows {
            true => required.push("SELECT"),
            false => useful.push("SELECT"),
        }
        let nowhere = |privilege: &&str| !held.on_some_table(database, privilege);
        let missing: Vec<&str> = required
            .iter()
            .filter(|one| nowhere(one))
            .copied()
            .collect();
        if !missing.is_empty() {
            let why = restore_why(
                exists,
                "what is restored can be neither verified nor put into place",
            );
            self.missing(&missing, &on, &why, needed);
        }
        let partly: Vec<&str> = required
            .into_iter()
            .filter(|one| !nowhere(one) && !held.on_all_tables(database, one))
            .collect();
        if !partly.is_empty() {
            let why = "on single tables only: it is not on the tables that the restore makes beside them, \
                       and stays with the old ones at a SWAP";
            self.advice(&partly, &on, why, needed);
        }
        useful.retain(nowhere);
        if !useful.is_empty() {
            let why = "missing: what the restore leaves behind cannot be read or dropped";
            self.advice(&useful, &on, why, needed);
        }
    }
}
