//! The session itself, and the GRANTs that messages tell an administrator to run.

use crate::{
    ident::{DatabaseName, QualifiedTable},
    sql::{Sql, Statement, show::Account},
};

/// DATETIME columns have no zone: without this they are printed in the cluster's. A pooled or reset
/// connection forgets it.
pub fn set_utc() -> Statement {
    Sql::new("SET time_zone = '+00:00'").reads("SET time_zone")
}

/// Of every statement of the session except INSERT from 3.4 on.
pub fn set_query_timeout(seconds: u32) -> Statement {
    Sql::new("SET query_timeout = ")
        .number(seconds)
        .reads("SET query_timeout")
}

/// For DDL that names no database: SHOW CREATE prints it so.
pub fn use_database(database: &DatabaseName) -> Statement {
    Sql::new("USE ").name(database).reads("USE")
}

/// What a step needs to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege<'a> {
    /// SHOW FRONTENDS, SHOW BACKENDS, SHOW PROC.
    Operate,
    /// BACKUP, RESTORE, SHOW BACKUP, SHOW SNAPSHOT.
    Repository,
    /// EXPORT on each table of a BACKUP, SELECT to count its rows.
    BackUpTables(&'a DatabaseName),
    /// A restore beside the live tables, and the SWAP.
    RestoreTables(&'a DatabaseName),
    CreateTable(&'a DatabaseName),
    /// What is not a table and is missing where a database is restored.
    CreateDefinitions(&'a DatabaseName),
    CreateDatabase,
    /// The runner's own tables.
    OpsTables(&'a DatabaseName),
}

/// The GRANT to run, on tables that are still to come too: a grant on a single table stays with the
/// table id, and so is lost by drop and restore, or moves away with a SWAP.
pub fn grant(privilege: Privilege<'_>, to: &Account) -> Statement {
    let on_tables = |privileges: &'static str, database: &DatabaseName| {
        Sql::new(privileges)
            .text(" ON ALL TABLES IN DATABASE ")
            .name(database)
    };
    let sql = match privilege {
        Privilege::Operate => Sql::new("GRANT OPERATE ON SYSTEM"),
        Privilege::Repository => Sql::new("GRANT REPOSITORY ON SYSTEM"),
        Privilege::BackUpTables(database) => on_tables("GRANT EXPORT, SELECT", database),
        Privilege::RestoreTables(database) => {
            on_tables("GRANT SELECT, INSERT, ALTER, DROP", database)
        }
        Privilege::OpsTables(database) => on_tables(
            "GRANT SELECT, INSERT, UPDATE, DELETE, ALTER, EXPORT",
            database,
        ),
        Privilege::CreateTable(database) => {
            Sql::new("GRANT CREATE TABLE ON DATABASE ").name(database)
        }
        Privilege::CreateDefinitions(database) => {
            Sql::new("GRANT CREATE VIEW, CREATE MATERIALIZED VIEW, CREATE FUNCTION ON DATABASE ")
                .name(database)
        }
        Privilege::CreateDatabase => Sql::new("GRANT CREATE DATABASE ON CATALOG default_catalog"),
    };
    let sql = sql.text(" TO USER ").literal(&to.user).text("@");
    match to.is_domain {
        true => sql.text("[").literal(&to.host).text("]"),
        false => sql.literal(&to.host),
    }
    .writes("GRANT")
}

/// A grant on a single table once more, on the table that now has its name. Privileges and grantee (`
/// TO USER 'br'@'%'`) are the engine's own text.
pub fn regrant(privileges: &str, table: &QualifiedTable, grantee: &str) -> Statement {
    Sql::new("GRANT ")
        .engine_text(privileges)
        .text(" ON TABLE ")
        .table(table)
        .engine_text(grantee)
        .writes("GRANT")
}

/// Whether this user may read a table: answers no row, and is refused where not.
pub fn probe(table: &QualifiedTable) -> Statement {
    Sql::new("SELECT 1 FROM ")
        .table(table)
        .text(" LIMIT 0")
        .reads("SELECT probe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_statements() {
        insta::assert_snapshot!(set_utc(), @"SET time_zone = '+00:00'");
        insta::assert_snapshot!(set_query_timeout(60), @"SET query_timeout = 60");
        insta::assert_snapshot!(use_database(&"sales".parse().unwrap()), @"USE `sales`");
    }

    #[test]
    fn statements_on_one_table() {
        let table = QualifiedTable::new(&"sales".parse().unwrap(), &"a b".parse().unwrap());
        insta::assert_snapshot!(regrant("SELECT", &table, " TO ROLE 'r'"), @"GRANT SELECT ON TABLE `sales`.`a b` TO ROLE 'r'");
        insta::assert_snapshot!(probe(&table), @"SELECT 1 FROM `sales`.`a b` LIMIT 0");
    }

    #[test]
    fn grants_can_be_run_as_they_stand() {
        let sales: DatabaseName = "sales".parse().unwrap();
        let account = "'br'@'%'".parse().unwrap();
        let text = |privilege| grant(privilege, &account).to_string();
        insta::assert_snapshot!(text(Privilege::Operate), @"GRANT OPERATE ON SYSTEM TO USER 'br'@'%'");
        insta::assert_snapshot!(text(Privilege::Repository), @"GRANT REPOSITORY ON SYSTEM TO USER 'br'@'%'");
        insta::assert_snapshot!(text(Privilege::BackUpTables(&sales)), @"GRANT EXPORT, SELECT ON ALL TABLES IN DATABASE `sales` TO USER 'br'@'%'");
        insta::assert_snapshot!(text(Privilege::RestoreTables(&sales)), @"GRANT SELECT, INSERT, ALTER, DROP ON ALL TABLES IN DATABASE `sales` TO USER 'br'@'%'");
        insta::assert_snapshot!(text(Privilege::OpsTables(&sales)), @"GRANT SELECT, INSERT, UPDATE, DELETE, ALTER, EXPORT ON ALL TABLES IN DATABASE `sales` TO USER 'br'@'%'");
        insta::assert_snapshot!(text(Privilege::CreateTable(&sales)), @"GRANT CREATE TABLE ON DATABASE `sales` TO USER 'br'@'%'");
        insta::assert_snapshot!(text(Privilege::CreateDefinitions(&sales)), @"GRANT CREATE VIEW, CREATE MATERIALIZED VIEW, CREATE FUNCTION ON DATABASE `sales` TO USER 'br'@'%'");
        let domain = "'br'@['example.com']".parse().unwrap();
        insta::assert_snapshot!(grant(Privilege::Operate, &domain), @"GRANT OPERATE ON SYSTEM TO USER 'br'@['example.com']");
        insta::assert_snapshot!(text(Privilege::CreateDatabase), @"GRANT CREATE DATABASE ON CATALOG default_catalog TO USER 'br'@'%'");
    }
}
