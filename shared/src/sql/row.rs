//! A row as the text protocol delivers it, read by column name.
//!
//! By name, because versions insert columns in the middle: SHOW FRONTENDS has an `Id` in 3.5 only.

use std::{fmt, str::FromStr, sync::Arc};

/// A row type: each field from one column, by name.
pub trait FromRow: Sized + Send {
    fn from_row(row: &Row) -> Result<Self, RowError>;
}

/// A reply that is not what this version of the program expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("the reply has no column '{column}', only: {}", .present.join(", "))]
    MissingColumn {
        column: &'static str,
        present: Vec<String>,
    },
    #[error("column '{column}' is NULL")]
    Null { column: &'static str },
    #[error("column '{column}' is '{value}': {reason}")]
    Invalid {
        column: &'static str,
        value: String,
        reason: String,
    },
    #[error("column '{column}' is not UTF-8 text")]
    NotText { column: String },
}

/// The columns of one reply, shared by its rows.
#[derive(Debug, PartialEq, Eq)]
pub struct Columns(Vec<String>);

impl Columns {
    pub fn new(names: impl IntoIterator<Item = String>) -> Arc<Columns> {
        Arc::new(Columns(names.into_iter().collect()))
    }

    /// Names are compared without case: information_schema prints upper case in some versions.
    fn index(&self, name: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    columns: Arc<Columns>,
    values: Vec<Option<String>>,
}

impl Row {
    /// A row of raw values, as they came.
    pub fn from_bytes(
        columns: &Arc<Columns>,
        values: impl IntoIterator<Item = Option<Vec<u8>>>,
    ) -> Result<Row, RowError> {
        let values = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| {
                value
                    .map(String::from_utf8)
                    .transpose()
                    .map_err(|_| RowError::NotText {
                        column: columns.0.get(index).cloned().unwrap_or_default(),
                    })
            })
            .collect::<Result<_, _>>()?;
        Ok(Row {
            columns: columns.clone(),
            values,
        })
    }

    pub fn has(&self, column: &str) -> bool {
        self.columns.index(column).is_some()
    }

    /// A column that must be there and may be NULL.
    pub fn optional(&self, column: &'static str) -> Result<Option<&str>, RowError> {
        match self.columns.index(column) {
            Some(index) => Ok(self.values.get(index).and_then(Option::as_deref)),
            None => Err(RowError::MissingColumn {
                column,
                present: self.columns.0.clone(),
            }),
        }
    }

    /// A column that must be there and hold something.
    pub fn text(&self, column: &'static str) -> Result<&str, RowError> {
        self.optional(column)?.ok_or(RowError::Null { column })
    }

    /// A column that only some versions have; `None` also where it is NULL.
    pub fn if_present(&self, column: &str) -> Option<&str> {
        let index = self.columns.index(column)?;
        self.values.get(index)?.as_deref()
    }

    pub fn parse<T>(&self, column: &'static str) -> Result<T, RowError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        parse_value(column, self.text(column)?)
    }

    /// A column that must be there and may be NULL.
    pub fn parse_optional<T>(&self, column: &'static str) -> Result<Option<T>, RowError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.optional(column)?
            .map(|value| parse_value(column, value))
            .transpose()
    }

    /// `true`/`false` as SHOW prints them, `1`/`0` as SELECT does.
    pub fn flag(&self, column: &'static str) -> Result<bool, RowError> {
        match self.text(column)? {
            text if text.eq_ignore_ascii_case("true") || text == "1" => Ok(true),
            text if text.eq_ignore_ascii_case("false") || text == "0" => Ok(false),
            other => Err(invalid(column, other, "true or false is needed")),
        }
    }
}

fn parse_value<T>(column: &'static str, value: &str) -> Result<T, RowError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    value
        .parse()
        .map_err(|error: T::Err| invalid(column, value, &error.to_string()))
}

fn invalid(column: &'static str, value: &str, reason: &str) -> RowError {
    RowError::Invalid {
        column,
        value: value.chars().take(200).collect(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let columns = Columns::new(["Name", "Count", "Alive"].map(String::from));
        let values = [Some(b"a".to_vec()), None, Some(b"true".to_vec())];
        Row::from_bytes(&columns, values).unwrap()
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(row().text("NAME"), Ok("a"));
        assert_eq!(row().flag("alive"), Ok(true));
    }

    #[test]
    fn a_missing_column_is_named() {
        assert_eq!(
            row().text("Id").unwrap_err().to_string(),
            "the reply has no column 'Id', only: Name, Count, Alive"
        );
    }

    #[test]
    fn null_is_not_text_and_not_a_number() {
        assert_eq!(row().text("Count"), Err(RowError::Null { column: "Count" }));
        assert_eq!(row().parse_optional::<u64>("Count"), Ok(None));
        assert_eq!(
            row().parse::<u64>("Name").unwrap_err().to_string(),
            "column 'Name' is 'a': invalid digit found in string"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let columns = Columns::new(["x".to_owned()]);
        let error = Row::from_bytes(&columns, [Some(vec![0xff])]).unwrap_err();
        assert_eq!(error.to_string(), "column 'x' is not UTF-8 text");
    }
}
