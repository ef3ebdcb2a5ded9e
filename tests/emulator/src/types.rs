//! StarRocks' types: their spelling, how a value of each is stored, and how a result column of each
//! looks on the wire.

use crate::reply::{CHARSET_BINARY, CHARSET_UTF8, Column, WireType};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlType {
    /// The type of a bare NULL.
    Null,
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    LargeInt,
    Float,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Date,
    DateTime,
    Time,
    /// `None` is the length of an expression, which StarRocks leaves open.
    Char(Option<u32>),
    Varchar(Option<u32>),
    Varbinary(Option<u32>),
    Json,
    Array(Box<SqlType>),
    Map(Box<SqlType>, Box<SqlType>),
    Struct(Vec<(String, SqlType)>),
    Bitmap,
    Hll,
    Percentile,
}

pub const MAX_VARCHAR: u32 = 1_048_576;
/// `STRING` is `VARCHAR(65533)`.
pub const STRING_LENGTH: u32 = 65_533;

impl SqlType {
    pub const STRING: SqlType = SqlType::Varchar(None);

    /// Reads a spelling such as `int(11)`, `decimal(18, 2)`, `array<varchar(20)>`.
    pub fn parse(text: &str) -> Option<SqlType> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let (name, rest) = lower
            .find(['(', '<'])
            .map_or((lower.as_str(), ""), |at| lower.split_at(at));
        let number = || -> Option<u32> {
            let inner = rest.strip_prefix('(')?.strip_suffix(')')?;
            inner.trim().parse().ok()
        };
        // Field names of a STRUCT keep their case.
        let inner = || -> Option<&str> {
            let start = text.find('<')?;
            text[start..].strip_prefix('<')?.strip_suffix('>')
        };
        Some(match name.trim() {
            "boolean" | "bool" => SqlType::Boolean,
            "tinyint" => SqlType::TinyInt,
            "smallint" => SqlType::SmallInt,
            "int" | "integer" => SqlType::Int,
            "bigint" => SqlType::BigInt,
            "largeint" => SqlType::LargeInt,
            "float" => SqlType::Float,
            "double" => SqlType::Double,
            "decimal" | "decimalv2" | "decimal32" | "decimal64" | "decimal128" | "decimal256"
            | "numeric" => {
                let (precision, scale) = match rest.strip_prefix('(') {
                    None => (10, 0),
                    Some(rest) => match rest.strip_suffix(')')?.split_once(',') {
                        Some((precision, scale)) => {
                            (precision.trim().parse().ok()?, scale.trim().parse().ok()?)
                        }
                        None => (rest.strip_suffix(')')?.trim().parse().ok()?, 0),
                    },
                };
                SqlType::Decimal { precision, scale }
            }
            "date" => SqlType::Date,
            "datetime" => SqlType::DateTime,
            "time" => SqlType::Time,
            "char" => SqlType::Char(Some(number().unwrap_or(1))),
            "varchar" => SqlType::Varchar(Some(number().unwrap_or(1))),
            "string" | "text" => SqlType::Varchar(Some(STRING_LENGTH)),
            "varbinary" | "binary" => SqlType::Varbinary(Some(number().unwrap_or(MAX_VARCHAR))),
            "json" => SqlType::Json,
            "array" => SqlType::Array(Box::new(SqlType::parse(inner()?)?)),
            "map" => match split_top_level(inner()?).as_slice() {
                [key, value] => SqlType::Map(
                    Box::new(SqlType::parse(key)?),
                    Box::new(SqlType::parse(value)?),
                ),
                _ => return None,
            },
            "struct" => SqlType::Struct(
                split_top_level(inner()?)
                    .into_iter()
                    .map(|field| {
                        let field = field.trim();
                        let (name, kind) = field.split_once([' ', ':'])?;
                        Some((name.trim_matches('`').to_owned(), SqlType::parse(kind)?))
                    })
                    .collect::<Option<_>>()?,
            ),
            "bitmap" => SqlType::Bitmap,
            "hll" => SqlType::Hll,
            "percentile" => SqlType::Percentile,
            _ => return None,
        })
    }

    pub fn is_integer(&self) -> bool {
        matches!(
            self,
            SqlType::Boolean
                | SqlType::TinyInt
                | SqlType::SmallInt
                | SqlType::Int
                | SqlType::BigInt
                | SqlType::LargeInt
        )
    }

    pub fn is_text(&self) -> bool {
        matches!(self, SqlType::Char(_) | SqlType::Varchar(_))
    }

    /// Numbers that do not fit SQLite's: stored as text, compared by the collation [`WIDE`].
    pub fn is_wide(&self) -> bool {
        matches!(self, SqlType::LargeInt | SqlType::Decimal { .. })
    }

    /// The column definition of a result column of this type, as a real FE sends it.
    pub fn column(&self, name: impl Into<String>) -> Column {
        let (wire_type, length, charset, decimals) = match self {
            SqlType::Null | SqlType::Boolean => (WireType::Tiny, 1, CHARSET_BINARY, 0),
            SqlType::TinyInt => (WireType::Tiny, 4, CHARSET_BINARY, 0),
            SqlType::SmallInt => (WireType::Short, 6, CHARSET_BINARY, 0),
            SqlType::Int => (WireType::Long, 11, CHARSET_BINARY, 0),
            SqlType::BigInt => (WireType::LongLong, 20, CHARSET_BINARY, 0),
            SqlType::LargeInt => (WireType::String, 40, CHARSET_UTF8, 0),
            SqlType::Float => (WireType::Float, 12, CHARSET_BINARY, 31),
            SqlType::Double => (WireType::Double, 22, CHARSET_BINARY, 31),
            // Sign, leading zero and overflow, plus the point if there is one.
            SqlType::Decimal { precision, scale } => (
                WireType::NewDecimal,
                u32::from(*precision) + 3 + u32::from(*scale > 0),
                CHARSET_BINARY,
                *scale,
            ),
            SqlType::Date => (WireType::Date, 10, CHARSET_BINARY, 0),
            SqlType::DateTime => (WireType::DateTime, 19, CHARSET_BINARY, 0),
            SqlType::Time => (WireType::Time, 60, CHARSET_BINARY, 0),
            SqlType::Char(length) => (WireType::String, text_length(*length), CHARSET_UTF8, 0),
            SqlType::Varchar(length) => {
                (WireType::VarString, text_length(*length), CHARSET_UTF8, 0)
            }
            SqlType::Varbinary(length) => (WireType::Blob, text_length(*length), CHARSET_BINARY, 0),
            SqlType::Bitmap | SqlType::Hll => (WireType::String, 192, CHARSET_UTF8, 0),
            SqlType::Json => (WireType::String, 60, CHARSET_UTF8, 0),
            SqlType::Percentile => (WireType::String, 60, CHARSET_BINARY, 0),
            SqlType::Array(_) | SqlType::Map(..) | SqlType::Struct(_) => {
                (WireType::VarString, 60, CHARSET_BINARY, 0)
            }
        };
        Column {
            name: name.into(),
            wire_type,
            length,
            charset,
            decimals,
        }
    }
}

/// SQLite's collation for [`SqlType::is_wide`] values.
pub const WIDE: &str = "wide";

fn text_length(characters: Option<u32>) -> u32 {
    characters.unwrap_or(64) * 3
}

/// Splits at commas that stand in no brackets.
fn split_top_level(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, character) in text.char_indices() {
        match character {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: SqlType) {
        assert_eq!(SqlType::parse(text), Some(expect));
    }

    #[test]
    fn spellings() {
        check("int(11)", SqlType::Int);
        check("VARCHAR(20)", SqlType::Varchar(Some(20)));
        check("STRING", SqlType::Varchar(Some(STRING_LENGTH)));
        check(
            "decimal(18, 2)",
            SqlType::Decimal {
                precision: 18,
                scale: 2,
            },
        );
        check(
            "map<varchar(10),array<int(11)>>",
            SqlType::Map(
                Box::new(SqlType::Varchar(Some(10))),
                Box::new(SqlType::Array(Box::new(SqlType::Int))),
            ),
        );
        check(
            "struct<Aa int(11), b decimal(9, 2)>",
            SqlType::Struct(vec![
                ("Aa".into(), SqlType::Int),
                (
                    "b".into(),
                    SqlType::Decimal {
                        precision: 9,
                        scale: 2,
                    },
                ),
            ]),
        );
        assert_eq!(SqlType::parse("geometry"), None);
    }

    #[test]
    fn decimal_length_is_as_recorded() {
        let column = SqlType::Decimal {
            precision: 2,
            scale: 1,
        }
        .column("d");
        assert_eq!((column.length, column.decimals), (6, 1));
    }
}
