//! StarRocks' scalar functions, as SQLite functions of the name `sr_<name>`.

mod hash;
mod nested;
mod numeric;
mod sketches;
mod text;
mod time;

use std::borrow::Cow;

use jiff::civil::DateTime;
use rusqlite::{
    Connection, Error,
    functions::FunctionFlags,
    types::{Value, ValueRef},
};

use crate::{number::Decimal, types::SqlType, value};

/// What a function gives: a value, or why the statement fails.
pub(super) type Outcome = Result<Value, String>;

/// How the type of a result follows from the types of the arguments.
#[derive(Debug, Clone, Copy)]
pub enum Returns {
    Boolean,
    Int,
    BigInt,
    LargeInt,
    Double,
    Date,
    DateTime,
    Text,
    Json,
    Bitmap,
    Hll,
    Percentile,
    /// ARRAY of text.
    Texts,
    /// The type of this argument.
    Argument(usize),
    /// The type of the items of this ARRAY, or of the values of this MAP.
    Item(usize),
    /// ARRAY of the keys or the values of a MAP.
    Keys,
    Values,
}

impl Returns {
    pub fn resolve(self, arguments: &[SqlType]) -> SqlType {
        let argument = |at: usize| arguments.get(at).cloned().unwrap_or(SqlType::Null);
        let array = |item: SqlType| SqlType::Array(Box::new(item));
        match self {
            Returns::Boolean => SqlType::Boolean,
            Returns::Int => SqlType::Int,
            Returns::BigInt => SqlType::BigInt,
            Returns::LargeInt => SqlType::LargeInt,
            Returns::Double => SqlType::Double,
            Returns::Date => SqlType::Date,
            Returns::DateTime => SqlType::DateTime,
            Returns::Text => SqlType::STRING,
            Returns::Json => SqlType::Json,
            Returns::Bitmap => SqlType::Bitmap,
            Returns::Hll => SqlType::Hll,
            Returns::Percentile => SqlType::Percentile,
            Returns::Texts => array(SqlType::STRING),
            Returns::Argument(at) => argument(at),
            Returns::Item(at) => match argument(at) {
                SqlType::Array(item) | SqlType::Map(_, item) => *item,
                _ => SqlType::STRING,
            },
            Returns::Keys => match argument(0) {
                SqlType::Map(key, _) => array(*key),
                _ => array(SqlType::STRING),
            },
            Returns::Values => match argument(0) {
                SqlType::Map(_, item) => array(*item),
                _ => array(SqlType::STRING),
            },
        }
    }
}

/// One function: most give NULL as soon as an argument is NULL.
#[derive(Debug, Clone, Copy)]
pub struct Scalar {
    pub name: &'static str,
    pub least: usize,
    pub most: usize,
    pub returns: Returns,
    sees_null: bool,
    run: fn(&Arguments<'_>) -> Outcome,
}

impl Scalar {
    pub(super) const fn new(
        name: &'static str,
        (least, most): (usize, usize),
        returns: Returns,
        run: fn(&Arguments<'_>) -> Outcome,
    ) -> Scalar {
        Scalar {
            name,
            least,
            most,
            returns,
            sees_null: false,
            run,
        }
    }

    /// Called for NULL arguments, too.
    pub(super) const fn sees_null(mut self) -> Scalar {
        self.sees_null = true;
        self
    }
}

/// As many arguments as one likes.
pub(super) const ANY: usize = usize::MAX;

fn tables() -> [&'static [Scalar]; 6] {
    [
        text::FUNCTIONS,
        numeric::FUNCTIONS,
        time::FUNCTIONS,
        nested::FUNCTIONS,
        hash::FUNCTIONS,
        sketches::FUNCTIONS,
    ]
}

pub fn find(name: &str) -> Option<&'static Scalar> {
    tables()
        .into_iter()
        .flatten()
        .find(|scalar| scalar.name == name)
}

/// The arguments of one call.
pub(super) struct Arguments<'a> {
    values: Vec<ValueRef<'a>>,
}

impl<'a> Arguments<'a> {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn get(&self, at: usize) -> ValueRef<'a> {
        self.values.get(at).copied().unwrap_or(ValueRef::Null)
    }

    pub(super) fn is_null(&self, at: usize) -> bool {
        self.get(at) == ValueRef::Null
    }

    /// The argument as a client would see it.
    pub(super) fn text(&self, at: usize) -> Cow<'a, str> {
        match self.get(at) {
            ValueRef::Null => Cow::Borrowed(""),
            ValueRef::Integer(number) => Cow::Owned(number.to_string()),
            ValueRef::Real(number) => Cow::Owned(value::format_real(number)),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
        }
    }

    pub(super) fn bytes(&self, at: usize) -> Cow<'a, [u8]> {
        match self.get(at) {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cow::Borrowed(bytes),
            _ => Cow::Owned(self.text(at).into_owned().into_bytes()),
        }
    }

    /// `None` if the argument is no number.
    pub(super) fn integer(&self, at: usize) -> Option<i64> {
        match self.get(at) {
            ValueRef::Integer(number) => Some(number),
            ValueRef::Null => None,
            other => match value::cast(other, &SqlType::BigInt) {
                Value::Integer(number) => Some(number),
                _ => None,
            },
        }
    }

    pub(super) fn real(&self, at: usize) -> Option<f64> {
        match value::cast(self.get(at), &SqlType::Double) {
            Value::Real(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn decimal(&self, at: usize) -> Option<Decimal> {
        Decimal::parse(&self.text(at))
    }

    pub(super) fn time(&self, at: usize) -> Option<DateTime> {
        value::time::parse(&self.text(at))
    }
}

/// NULL for what could not be computed.
pub(super) fn nullable(value: Option<impl Into<Value>>) -> Outcome {
    Ok(value.map_or(Value::Null, Into::into))
}

pub(super) fn text_value(text: impl Into<String>) -> Outcome {
    Ok(Value::Text(text.into()))
}

pub(super) fn truth(value: bool) -> Outcome {
    Ok(Value::Integer(i64::from(value)))
}

pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    for scalar in tables().into_iter().flatten() {
        let name = format!("sr_{}", scalar.name);
        connection.create_scalar_function(name.as_str(), -1, flags, move |context| {
            let values: Vec<ValueRef<'_>> =
                (0..context.len()).map(|at| context.get_raw(at)).collect();
            if !scalar.sees_null && values.contains(&ValueRef::Null) {
                return Ok(Value::Null);
            }
            (scalar.run)(&Arguments { values })
                .map_err(|message| Error::UserFunctionError(message.into()))
        })?;
    }
    connection.create_scalar_function("cast_to", 2, flags, |context| {
        let to = context.get_or_create_aux(1, |spelling| {
            let spelling = spelling.as_str().map_err(|error| error.to_string())?;
            SqlType::parse(spelling).ok_or_else(|| format!("unknown type {spelling}"))
        })?;
        Ok(value::cast(context.get_raw(0), &to))
    })?;
    numeric::register_wide(connection, flags)
}
