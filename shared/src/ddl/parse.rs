//! The statement as a whole.

use std::ops::Range;

use super::{
    Ddl, DdlError,
    column::column,
    partition::partitioning,
    token::{Cursor, Kind, unquote},
};
use crate::{
    facts::{Distribution, KeyModel, ObjectKind, Partitioning},
    ident::ColumnName,
};

pub(super) fn table(text: &str) -> Result<Ddl, DdlError> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.expect_word("CREATE")?;
    if cursor.take_word("VIEW") {
        return Err(DdlError::NotATable(ObjectKind::View));
    }
    if cursor.take_word("MATERIALIZED") {
        return Err(DdlError::NotATable(ObjectKind::MaterializedView));
    }
    cursor.take_word("EXTERNAL");
    cursor.expect_word("TABLE")?;
    let name = cursor.next();
    if !matches!(name.kind, Kind::Word | Kind::Name) {
        return Err(cursor.missing("the name of the table"));
    }
    let table = unquote(cursor.slice(&name)).parse()?;

    let mut columns = Vec::new();
    cursor.expect_symbol('(', "the list of columns")?;
    loop {
        match cursor.is_word("INDEX") {
            true => index(&mut cursor)?,
            false => columns.push(column(&mut cursor)?),
        }
        if !cursor.take_symbol(',') {
            break;
        }
    }
    cursor.expect_symbol(')', "the end of the columns")?;

    cursor.expect_word("ENGINE")?;
    cursor.expect_symbol('=', "=")?;
    let engine = cursor.next();
    let engine = cursor.slice(&engine);
    if !engine.eq_ignore_ascii_case("OLAP") {
        return Err(DdlError::OtherEngine(engine.to_owned()));
    }

    let key_model = key_model(&mut cursor)?;
    cursor.expect_word("KEY")?;
    let keys = column_list(&mut cursor)?;
    for column in &mut columns {
        column.is_key = keys.contains(&column.name);
    }
    let comment = match cursor.take_word("COMMENT") {
        true => {
            let comment = cursor.next();
            Some(unquote(cursor.slice(&comment)))
        }
        false => None,
    };

    let (partitioning, partition_list, tail) = match cursor.take_word("PARTITION") {
        true => {
            cursor.expect_word("BY")?;
            partitioning(cursor, &columns)?
        }
        false => (Partitioning::Unpartitioned, None, tail(cursor)?),
    };
    Ok(Ddl {
        table,
        columns,
        key_model,
        keys,
        comment,
        partitioning,
        distribution: tail.distribution,
        distributed_by: tail.distributed_by,
        buckets: tail.buckets,
        order_by: tail.order_by,
        properties: tail.properties,
        text: text.to_owned(),
        name: name.range,
        partition_list,
    })
}

/// `INDEX name (columns) USING KIND("k" = "v") COMMENT 'free text, its quotes not escaped'`.
fn index(cursor: &mut Cursor<'_>) -> Result<(), DdlError> {
    loop {
        match cursor.peek().kind {
            Kind::Symbol('(') => cursor.skip_group('(', ')')?,
            Kind::Symbol(',' | ')') => return Ok(()),
            Kind::End => return Err(cursor.missing("the end of an index")),
            _ if cursor.take_word("COMMENT") => break,
            _ => {
                cursor.next();
            }
        }
    }
    cursor.expect_quote('\'')?;
    cursor.at += cursor.length_to(&["',\n  ", "'\n) ENGINE="], "the end of an index comment")? + 1;
    Ok(())
}

fn key_model(cursor: &mut Cursor<'_>) -> Result<KeyModel, DdlError> {
    for (word, model) in [
        ("DUPLICATE", KeyModel::Duplicate),
        ("AGGREGATE", KeyModel::Aggregate),
        ("UNIQUE", KeyModel::Unique),
        ("PRIMARY", KeyModel::Primary),
    ] {
        if cursor.take_word(word) {
            return Ok(model);
        }
    }
    Err(cursor.missing("the key of the table"))
}

pub(super) fn column_name(cursor: &mut Cursor<'_>) -> Result<ColumnName, DdlError> {
    let token = cursor.next();
    match token.kind {
        Kind::Word | Kind::Name => Ok(unquote(cursor.slice(&token)).parse()?),
        _ => Err(cursor.missing("the name of a column")),
    }
}

/// Names in parentheses; none where a table has no key.
pub(super) fn column_list(cursor: &mut Cursor<'_>) -> Result<Vec<ColumnName>, DdlError> {
    cursor.expect_symbol('(', "a list of columns")?;
    let mut columns = Vec::new();
    while !cursor.take_symbol(')') {
        columns.push(column_name(cursor)?);
        if !cursor.is_symbol(')') {
            cursor.expect_symbol(',', "a comma")?;
        }
    }
    Ok(columns)
}

pub(super) type Partitioned = (Partitioning, Option<Range<usize>>, Tail);

pub(super) struct Tail {
    distribution: Distribution,
    distributed_by: Vec<ColumnName>,
    buckets: Option<u32>,
    order_by: Vec<ColumnName>,
    properties: Vec<(String, String)>,
}

/// From DISTRIBUTED BY to the last character of the text.
pub(super) fn tail(mut cursor: Cursor<'_>) -> Result<Tail, DdlError> {
    cursor.expect_word("DISTRIBUTED")?;
    cursor.expect_word("BY")?;
    let (distribution, distributed_by) = match cursor.take_word("HASH") {
        true => (Distribution::Hash, column_list(&mut cursor)?),
        false => {
            cursor.expect_word("RANDOM")?;
            (Distribution::Random, Vec::new())
        }
    };
    let mut buckets = None;
    if cursor.take_word("BUCKETS") {
        let number = cursor.next();
        let number = cursor.slice(&number).parse();
        buckets = Some(number.map_err(|_| cursor.missing("a number of buckets"))?);
    }
    let mut order_by = Vec::new();
    if cursor.take_word("ORDER") {
        cursor.expect_word("BY")?;
        order_by = column_list(&mut cursor)?;
    }
    let mut properties = Vec::new();
    if cursor.take_word("PROPERTIES") {
        properties = property_list(&mut cursor)?;
    }
    cursor.take_symbol(';');
    if cursor.peek().kind != Kind::End {
        return Err(cursor.missing("the end of the statement"));
    }
    Ok(Tail {
        distribution,
        distributed_by,
        buckets,
        order_by,
        properties,
    })
}

/// `"k" = "v"`, one a line. A value is not escaped: it ends at the quote that ends its line.
fn property_list(cursor: &mut Cursor<'_>) -> Result<Vec<(String, String)>, DdlError> {
    cursor.expect_symbol('(', "a list of properties")?;
    let mut properties = Vec::new();
    while !cursor.take_symbol(')') {
        let key = cursor.next();
        if key.kind != Kind::Text {
            return Err(cursor.missing("the name of a property"));
        }
        cursor.expect_symbol('=', "=")?;
        cursor.expect_quote('"')?;
        let length = cursor.length_to(&["\",\n", "\"\n)"], "the end of a property")?;
        let value = &cursor.text[cursor.at..cursor.at + length];
        properties.push((unquote(cursor.slice(&key)), value.to_owned()));
        cursor.at += length + 1;
        cursor.take_symbol(',');
    }
    Ok(properties)
}
