//! Column types, in the spelling of SHOW CREATE TABLE.

use crate::{
    parse::token::{Cursor, Token},
    reply::{SqlError, SqlResult},
};

/// A column type in the spelling of SHOW CREATE TABLE: `int(11)`, `varchar(20)`, `array<int(11)>`.
pub fn sql_type(cursor: &mut Cursor) -> SqlResult<String> {
    let word = match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Word(word)) => word.to_uppercase(),
        _ => return Err(cursor.unexpected("a type")),
    };
    cursor.advance();
    let spelled = match word.as_str() {
        "BOOLEAN" | "BOOL" => "boolean",
        "TINYINT" => "tinyint(4)",
        "SMALLINT" => "smallint(6)",
        "INT" | "INTEGER" => "int(11)",
        "BIGINT" | "SIGNED" => "bigint(20)",
        "LARGEINT" => "largeint(40)",
        "FLOAT" => "float",
        "DOUBLE" => "double",
        "DATE" => "date",
        "DATETIME" | "TIMESTAMP" => "datetime",
        "TIME" => "time",
        "JSON" => "json",
        "HLL" => "hll",
        "BITMAP" => "bitmap",
        "PERCENTILE" => "percentile",
        "STRING" | "TEXT" => "varchar(65533)",
        "VARCHAR" | "CHAR" | "VARBINARY" | "BINARY" => return sized_type(cursor, &word),
        "DECIMAL" | "NUMERIC" | "DECIMAL32" | "DECIMAL64" | "DECIMAL128" | "DECIMALV2"
        | "DECIMALV3" | "DECIMAL256" => return decimal_type(cursor),
        "ARRAY" => {
            open_angle(cursor)?;
            let element = sql_type(cursor)?;
            close_angle(cursor)?;
            return Ok(format!("array<{element}>"));
        }
        "MAP" => {
            open_angle(cursor)?;
            let key = sql_type(cursor)?;
            cursor.expect_symbol(",")?;
            let value = sql_type(cursor)?;
            close_angle(cursor)?;
            return Ok(format!("map<{key},{value}>"));
        }
        "STRUCT" => return struct_type(cursor),
        _ => {
            return Err(SqlError::plain(format!(
                "Getting syntax error. Detail message: Unknown type '{word}' in: {}.",
                cursor.sql
            )));
        }
    };
    // `INT(11)`: a display width is accepted and means nothing.
    if cursor.take_symbol("(") {
        cursor.number()?;
        cursor.expect_symbol(")")?;
    }
    Ok(spelled.to_owned())
}

fn sized_type(cursor: &mut Cursor, word: &str) -> SqlResult<String> {
    let binary = matches!(word, "VARBINARY" | "BINARY");
    let mut length = if word == "CHAR" { 1 } else { 65533 };
    let given = cursor.take_symbol("(");
    if given {
        if !cursor.take(&["MAX"]) {
            length = cursor.number()?;
        }
        cursor.expect_symbol(")")?;
    }
    let word = match word {
        "CHAR" => "char",
        "VARCHAR" => "varchar",
        _ => "varbinary",
    };
    Ok(if binary && !given {
        word.to_owned()
    } else {
        format!("{word}({length})")
    })
}

fn decimal_type(cursor: &mut Cursor) -> SqlResult<String> {
    let (mut precision, mut scale) = (10, 0);
    if cursor.take_symbol("(") {
        precision = cursor.number()?;
        if cursor.take_symbol(",") {
            scale = cursor.number()?;
        }
        cursor.expect_symbol(")")?;
    }
    Ok(format!("decimal({precision}, {scale})"))
}

fn struct_type(cursor: &mut Cursor) -> SqlResult<String> {
    open_angle(cursor)?;
    let mut fields = Vec::new();
    loop {
        let name = cursor.identifier()?;
        cursor.take_symbol(":");
        fields.push(format!("`{name}` {}", sql_type(cursor)?));
        if !cursor.take_symbol(",") {
            break;
        }
    }
    close_angle(cursor)?;
    Ok(format!("struct<{}>", fields.join(", ")))
}

fn open_angle(cursor: &mut Cursor) -> SqlResult<()> {
    cursor.expect_symbol("<")
}

fn close_angle(cursor: &mut Cursor) -> SqlResult<()> {
    cursor.expect_symbol(">")
}
