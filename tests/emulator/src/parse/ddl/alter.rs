//! ALTER TABLE.

use super::{
    Ddl, ObjectName, Position, identifier_list, identifier_or_text,
    partition::{self, MultiPartition, NamedPartition},
    table::{self, ColumnSpec, RollupSpec},
};
use crate::{
    parse::token::Cursor,
    reply::{SqlError, SqlResult},
};

#[derive(Debug, Clone)]
pub struct AlterTable {
    pub name: ObjectName,
    pub clauses: Vec<(AlterClause, Position)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterClause {
    AddColumn {
        column: ColumnSpec,
        place: ColumnPlace,
    },
    AddColumns(Vec<ColumnSpec>),
    DropColumn(String),
    ModifyColumn {
        column: ColumnSpec,
        place: ColumnPlace,
    },
    RenameColumn {
        name: String,
        new_name: String,
    },
    OrderBy(Vec<String>),
    AddRollups(Vec<RollupSpec>),
    DropRollups(Vec<String>),
    RenameRollup {
        name: String,
        new_name: String,
    },
    AddPartition {
        temporary: bool,
        partition: NamedPartition,
        distribution: Option<crate::catalog::Distribution>,
    },
    AddPartitions {
        temporary: bool,
        if_not_exists: bool,
        partitions: MultiPartition,
    },
    DropPartitions {
        temporary: bool,
        if_exists: bool,
        force: bool,
        selection: PartitionSelection,
    },
    ReplacePartition {
        partitions: Vec<String>,
        temporary_partitions: Vec<String>,
        properties: Vec<(String, String)>,
    },
    TruncatePartitions(Vec<String>),
    ModifyPartition {
        /// `None` is `(*)`.
        partitions: Option<Vec<String>>,
        properties: Vec<(String, String)>,
    },
    RenamePartition {
        name: String,
        new_name: String,
    },
    Rename(String),
    Swap(String),
    SetProperties(Vec<(String, String)>),
    Comment(String),
    AutoIncrement(i64),
    /// BASE, CUMULATIVE or both; of all partitions where none is named.
    Compact(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnPlace {
    Last,
    First,
    After(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionSelection {
    Names(Vec<String>),
    Multi(MultiPartition),
}

/// What a clause may start with.
const FIRST_WORDS: [&str; 13] = [
    "ADD",
    "DROP",
    "MODIFY",
    "RENAME",
    "SWAP",
    "SET",
    "REPLACE",
    "TRUNCATE",
    "COMMENT",
    "ORDER",
    "BASE",
    "CUMULATIVE",
    "COMPACT",
];

/// Clauses of the real grammar that the emulator does not know; it says so rather than call them
/// errors of syntax.
const UNKNOWN: [&[&str]; 10] = [
    &["ADD", "INDEX"],
    &["DROP", "INDEX"],
    &["ADD", "FIELD"],
    &["MODIFY", "COLUMN", "ADD"],
    &["DROP", "PERSISTENT"],
    &["DISTRIBUTED", "BY"],
    &["PARTITION", "BY"],
    &["PARTITIONS"],
    &["SPLIT"],
    &["MERGE"],
];

/// AUTO_INCREMENT came after 3.3.
fn starts_clause(cursor: &Cursor) -> bool {
    FIRST_WORDS.iter().any(|word| cursor.is_next(&[word]))
        || (cursor.is_next(&["AUTO_INCREMENT"]) && !cursor.profile.is_3_3())
}

/// After ALTER TABLE.
pub fn parse(cursor: &mut Cursor) -> SqlResult<Ddl> {
    let name = ObjectName::parse(cursor)?;
    let mut clauses = Vec::new();
    loop {
        let first = cursor.peek();
        if let Some(word) = UNKNOWN.iter().find(|word| cursor.is_next(word)) {
            return Err(SqlError::plain(format!(
                "The emulator does not know ALTER TABLE ... {}",
                word.join(" ")
            )));
        }
        if !starts_clause(cursor) {
            return Err(cursor.unexpected("<EOF>, ';'"));
        }
        let clause = clause(cursor)?;
        clauses.push((clause, Position::between(first, cursor.previous())));
        if !cursor.take_symbol(",") {
            break;
        }
    }
    Ok(Ddl::AlterTable(Box::new(AlterTable { name, clauses })))
}

fn clause(cursor: &mut Cursor) -> SqlResult<AlterClause> {
    if cursor.take(&["ADD"]) {
        return add(cursor);
    }
    if cursor.take(&["DROP"]) {
        return drop(cursor);
    }
    if cursor.take(&["MODIFY"]) {
        return modify(cursor);
    }
    if cursor.take(&["RENAME"]) {
        return rename(cursor);
    }
    if cursor.take(&["SWAP", "WITH"]) {
        return Ok(AlterClause::Swap(cursor.identifier()?));
    }
    if cursor.take(&["SET"]) {
        return Ok(AlterClause::SetProperties(cursor.properties()?));
    }
    if cursor.take(&["REPLACE"]) {
        return replace(cursor);
    }
    if cursor.take(&["TRUNCATE"]) {
        if !cursor.take(&["PARTITION"]) && !cursor.take(&["PARTITIONS"]) {
            return Err(cursor.unexpected("PARTITION"));
        }
        return Ok(AlterClause::TruncatePartitions(partition::names_only(
            cursor,
        )?));
    }
    if cursor.take(&["COMMENT"]) {
        cursor.expect_symbol("=")?;
        return Ok(AlterClause::Comment(cursor.text()?));
    }
    if cursor.take(&["ORDER", "BY"]) {
        return Ok(AlterClause::OrderBy(identifier_list(cursor)?));
    }
    if cursor.take(&["AUTO_INCREMENT"]) {
        cursor.expect_symbol("=")?;
        return Ok(AlterClause::AutoIncrement(cursor.number()?));
    }
    if cursor.take(&["BASE", "COMPACT"])
        || cursor.take(&["CUMULATIVE", "COMPACT"])
        || cursor.take(&["COMPACT"])
    {
        return compact(cursor);
    }
    Err(cursor.unexpected("ADD, DROP, MODIFY, RENAME, SWAP, SET, REPLACE, COMMENT"))
}

fn compact(cursor: &mut Cursor) -> SqlResult<AlterClause> {
    let ends = cursor.is_symbol(",") || cursor.is_symbol(";") || cursor.at_end();
    let partitions = match ends {
        true => Vec::new(),
        false => partition::names_only(cursor)?,
    };
    Ok(AlterClause::Compact(partitions))
}

fn add(cursor: &mut Cursor) -> SqlResult<AlterClause> {
    if cursor.take(&["ROLLUP"]) {
        return Ok(AlterClause::AddRollups(table::rollups(cursor)?));
    }
    let temporary = cursor.take(&["TEMPORARY"]);
    if cursor.take(&["PARTITION"]) {
        let partition = partition::named(cursor)?;
        let distribution = if cursor.take(&["DISTRIBUTED", "BY"]) {
            Some(table::distribution(cursor)?)
        } else {
            None
        };
        if cursor.is_symbol("(") {
            cursor.properties()?;
        }
        return Ok(AlterClause::AddPartition {
            temporary,
            partition,
            distribution,
        });
    }
    if cursor.take(&["PARTITIONS"]) {
        let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
        let partitions = partition::multi(cursor)?;
        if cursor.take(&["DISTRIBUTED", "BY"]) {
            table::distribution(cursor)?;
        }
        if cursor.is_symbol("(") {
            cursor.properties()?;
        }
        return Ok(AlterClause::AddPartitions {
            temporary,
            if_not_exists,
            partitions,
        });
    }
    cursor.expect("COLUMN")?;
    if cursor.take_symbol("(") {
        let mut columns = vec![table::column(cursor)?];
        while cursor.take_symbol(",") {
            columns.push(table::column(cursor)?);
        }
        cursor.expect_symbol(")")?;
        after_column(cursor)?;
        return Ok(AlterClause::AddColumns(columns));
    }
    let column = table::column(cursor)?;
    let place = place(cursor)?;
    after_column(cursor)?;
    Ok(AlterClause::AddColumn { column, place })
}

fn place(cursor: &mut Cursor) -> SqlResult<ColumnPlace> {
    if cursor.take(&["FIRST"]) {
        Ok(ColumnPlace::First)
    } else if cursor.take(&["AFTER"]) {
        Ok(ColumnPlace::After(cursor.identifier()?))
    } else {
        Ok(ColumnPlace::Last)
    }
}

/// `[TO | FROM rollup] [PROPERTIES (...)]`.
fn after_column(cursor: &mut Cursor) -> SqlResult<()> {
    if cursor.take(&["TO"]) || cursor.take(&["FROM"]) {
        cursor.identifier()?;
    }
    if cursor.take(&["PROPERTIES"]) {
        cursor.properties()?;
    }
    Ok(())
}

fn drop(cursor: &mut Cursor) -> SqlResult<AlterClause> {
    if cursor.take(&["COLUMN"]) {
        let name = cursor.identifier()?;
        after_column(cursor)?;
        return Ok(AlterClause::DropColumn(name));
    }
    if cursor.take(&["ROLLUP"]) {
        let mut names = vec![cursor.identifier()?];
        while cursor.take_symbol(",") {
            names.push(cursor.identifier()?);
        }
        return Ok(AlterClause::DropRollups(names));
    }
    let temporary = cursor.take(&["TEMPORARY"]);
    if !cursor.take(&["PARTITION"]) && !cursor.take(&["PARTITIONS"]) {
        return Err(cursor.unexpected("COLUMN, PARTITION, ROLLUP"));
    }
    let if_exists = cursor.take(&["IF", "EXISTS"]);
    let selection = if cursor.is_next(&["START"]) {
        PartitionSelection::Multi(partition::multi(cursor)?)
    } else {
        PartitionSelection::Names(partition::names_only(cursor)?)
    };
    let force = cursor.take(&["FORCE"]);
    Ok(AlterClause::DropPartitions {
        temporary,
        if_exists,
        force,
        selection,
    })
}

fn modify(cursor: &mut Cursor) -> SqlResult<AlterClause> {
    if cursor.take(&["COLUMN"]) {
        let column = table::column(cursor)?;
        let place = place(cursor)?;
        after_column(cursor)?;
        return Ok(AlterClause::ModifyColumn { column, place });
    }
    if !cursor.take(&["PARTITION"]) && !cursor.take(&["PARTITIONS"]) {
        return Err(cursor.unexpected("COLUMN, PARTITION"));
    }
    let all = cursor.clone().take_symbol("(") && {
        let mut ahead = cursor.clone();
        ahead.take_symbol("(");
        ahead.take_symbol("*")
    };
    let partitions = if all {
        cursor.expect_symbol("(")?;
        cursor.expect_symbol("*")?;
        cursor.expect_symbol(")")?;
        None
    } else {
        Some(partition::names_only(cursor)?)
    };
    cursor.expect("SET")?;
    Ok(AlterClause::ModifyPartition {
        partitions,
        properties: cursor.properties()?,
    })
}

fn rename(cursor: &mut Cursor) -> SqlResult<AlterClause> {
    let named = |cursor: &mut Cursor| -> SqlResult<(String, String)> {
        let name = identifier_or_text(cursor)?;
        cursor.take(&["TO"]);
        Ok((name, identifier_or_text(cursor)?))
    };
    if cursor.take(&["PARTITION"]) {
        let (name, new_name) = named(cursor)?;
        return Ok(AlterClause::RenamePartition { name, new_name });
    }
    if cursor.take(&["ROLLUP"]) {
        let (name, new_name) = named(cursor)?;
        return Ok(AlterClause::RenameRollup { name, new_name });
    }
    if cursor.take(&["COLUMN"]) {
        let (name, new_name) = named(cursor)?;
        return Ok(AlterClause::RenameColumn { name, new_name });
    }
    Ok(AlterClause::Rename(cursor.identifier()?))
}

fn replace(cursor: &mut Cursor) -> SqlResult<AlterClause> {
    if !cursor.take(&["PARTITION"]) && !cursor.take(&["PARTITIONS"]) {
        return Err(cursor.unexpected("PARTITION"));
    }
    let partitions = partition::names_only(cursor)?;
    cursor.expect("WITH")?;
    cursor.expect("TEMPORARY")?;
    if !cursor.take(&["PARTITION"]) && !cursor.take(&["PARTITIONS"]) {
        return Err(cursor.unexpected("PARTITION"));
    }
    let temporary_partitions = partition::names_only(cursor)?;
    cursor.take(&["PROPERTIES"]);
    let properties = if cursor.is_symbol("(") {
        cursor.properties()?
    } else {
        Vec::new()
    };
    Ok(AlterClause::ReplacePartition {
        partitions,
        temporary_partitions,
        properties,
    })
}
