//! Names of things in StarRocks and of ours, checked once when they enter.
//!
//! Each kind of name is a type of its own, so that a table can never be passed for a database. The
//! rules are StarRocks' (`FeNameFormat`), tightened where a legal name would be dangerous: a backtick
//! cannot be part of any name, because the server drops it from a quoted identifier and so turns
//! ``d``ot`` into another name. Such a name is refused, never escaped.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is not a legal name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a valid {kind}: {reason}")]
pub struct InvalidName {
    pub kind: &'static str,
    pub text: String,
    pub reason: &'static str,
}

/// Declares a checked name: private text, `FromStr`, `Display`, ordered, and serialized as its text.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ident::InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(text) {
                    Ok(()) => Ok($name(text.into())),
                    Err(reason) => Err($crate::ident::InvalidName {
                        kind: $kind,
                        text: text.chars().take(200).collect(),
                        reason,
                    }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::ident::InvalidName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.into()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{:?}", &*self.0)
            }
        }
    };
}
pub(crate) use name_type;

name_type!(
    /// A database. Case sensitive, at most 256 characters.
    DatabaseName, "database name", database_name
);
name_type!(
    /// A table, view or materialized view. Case sensitive, at most 1,024 characters, nearly any
    /// character: quotes, spaces, dots and Unicode are legal.
    TableName, "table name", table_name
);
name_type!(
    /// A partition, including `$shadow_automatic_partition` and the partition of an unpartitioned
    /// table, which is named like the table.
    PartitionName, "partition name", table_name
);
name_type!(ColumnName, "column name", table_name);
name_type!(FunctionSignature, "function signature", table_name);
name_type!(
    /// A repository: `^[a-zA-Z]\w{0,63}$` or `^_[a-zA-Z0-9]\w{0,62}$`. Case sensitive.
    RepositoryName, "repository name", repository_name
);
name_type!(
    /// A backup group: the `inventory_group` column of `table_inventory`, VARCHAR(255).
    GroupName, "group name", group_name
);
name_type!(
    /// One run of a state machine, never reused: the execution's ARN and start time on AWS, a ULID
    /// on any other machine.
    ExecutionId, "execution id", opaque_id
);
name_type!(
    /// One claim of work inside an execution: a repeat of the same state gets the same one.
    InvocationId, "invocation id", opaque_id
);
name_type!(
    /// The cluster, as SHOW FRONTENDS prints it in ClusterId.
    ClusterId, "cluster id", opaque_id
);
name_type!(
    /// A plan: the key under which the rows of its manifest are stored.
    PlanId, "plan id", opaque_id
);
name_type!(
    /// A restore, as people name it in `restore promote ID`.
    RestoreId, "restore id", opaque_id
);
name_type!(
    /// A task of `SUBMIT TASK`.
    TaskName, "task name", word
);

/// Numeric ids of StarRocks. They identify an object over renames and swaps, and are never reused.
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}", self.0)
            }
        }
    };
}

id_type!(DatabaseId);
id_type!(
    /// Travels with the data on SWAP and RENAME.
    TableId
);
id_type!(
    /// The physical partition of `partitions_meta`; TRUNCATE and INSERT OVERWRITE give a new one.
    PartitionId
);

/// A counter of leases on a database: the newest one holds, every older one is superseded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    pub fn next(self) -> Generation {
        Generation(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A table with its database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedTable {
    pub database: DatabaseName,
    pub table: TableName,
}

impl QualifiedTable {
    pub fn new(database: &DatabaseName, table: &TableName) -> QualifiedTable {
        QualifiedTable {
            database: database.clone(),
            table: table.clone(),
        }
    }
}

impl fmt::Display for QualifiedTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.database, self.table)
    }
}

fn database_name(text: &str) -> Result<(), &'static str> {
    let mut characters = text.chars();
    let first = characters.next().ok_or("it is empty")?;
    let starts_well = first.is_ascii_alphabetic()
        || (first == '_'
            && text
                .chars()
                .nth(1)
                .is_some_and(|c| c.is_ascii_alphanumeric()));
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-~!@#$%^&<>=+".contains(c);
    if text.chars().count() > 256 {
        Err("it has more than 256 characters")
    } else if !starts_well {
        Err("it must start with a letter, or with an underscore and a letter or digit")
    } else if !text.chars().all(legal) {
        Err("only letters, digits and _-~!@#$%^&<>=+ are allowed")
    } else {
        Ok(())
    }
}

fn table_name(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("it is empty")
    } else if text.chars().count() > 1024 {
        Err("it has more than 1,024 characters")
    } else if text.contains('`') {
        Err("a backtick cannot be part of a name: StarRocks drops it")
    } else if text.contains('\0') {
        Err("it contains a NUL character")
    } else {
        Ok(())
    }
}

fn repository_name(text: &str) -> Result<(), &'static str> {
    let mut characters = text.chars();
    let starts_well = match characters.next() {
        Some('_') => text
            .chars()
            .nth(1)
            .is_some_and(|c| c.is_ascii_alphanumeric()),
        Some(first) => first.is_ascii_alphabetic(),
        None => return Err("it is empty"),
    };
    if text.len() > 64 {
        Err("it has more than 64 characters")
    } else if !starts_well || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Err("only letters, digits and underscores are allowed, and the first must be a letter")
    } else {
        Ok(())
    }
}

fn group_name(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("it is empty")
    } else if text.chars().count() > 255 {
        Err("it has more than 255 characters")
    } else if text.chars().any(char::is_control) {
        Err("it contains a control character")
    } else {
        Ok(())
    }
}

fn opaque_id(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("it is empty")
    } else if text.chars().count() > 512 {
        Err("it has more than 512 characters")
    } else if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Err("it contains white space or a control character")
    } else {
        Ok(())
    }
}

fn word(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 64 {
        Err("it must have 1 to 64 characters")
    } else if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Err("only letters, digits and underscores are allowed")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn check<T: FromStr<Err = InvalidName> + fmt::Display>(text: &str, valid: bool) {
        assert_eq!(text.parse::<T>().is_ok(), valid, "{text:?}");
    }

    #[test]
    fn backtick_is_refused_everywhere() {
        check::<DatabaseName>("a`b", false);
        check::<TableName>("a`b", false);
        check::<PartitionName>("a`b", false);
        check::<ColumnName>("a`b", false);
        check::<RepositoryName>("a`b", false);
    }

    #[test]
    fn table_names_may_be_odd() {
        for text in ["sp ace.d\"ot' é 中", "select", "a\\b", "1"] {
            check::<TableName>(text, true);
        }
        check::<TableName>("", false);
        check::<TableName>(&"x".repeat(1025), false);
    }

    #[test]
    fn database_names_follow_the_server() {
        for (text, valid) in [
            ("sales", true),
            ("we-ird~!@#$%^&<>=+", true),
            ("_1", true),
            ("_", false),
            ("1abc", false),
            ("bad name", false),
            ("", false),
        ] {
            check::<DatabaseName>(text, valid);
        }
    }

    #[test]
    fn names_survive_json() {
        let name: TableName = "a\"b".parse().unwrap();
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(serde_json::from_str::<TableName>(&json).unwrap(), name);
        assert!(serde_json::from_str::<TableName>("\"a`b\"").is_err());
    }
}
