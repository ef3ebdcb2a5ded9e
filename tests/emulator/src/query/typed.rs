//! Expressions with their types, and how values of different types meet.

use rusqlite::types::{Value, ValueRef};

use super::literal;
use crate::{
    number::Decimal,
    types::{SqlType, WIDE},
    value,
};

/// A piece of generated SQL and the StarRocks type of its value.
#[derive(Debug, Clone)]
pub struct Typed {
    pub sql: String,
    pub sql_type: SqlType,
    /// The value, if the expression is a literal.
    pub constant: Option<Value>,
}

/// The most digits of a DECIMAL; wider results are cut to it.
const MAX_PRECISION: u8 = 38;

impl Typed {
    pub fn new(sql: impl Into<String>, sql_type: SqlType) -> Typed {
        Typed {
            sql: sql.into(),
            sql_type,
            constant: None,
        }
    }

    pub fn boolean(sql: impl Into<String>) -> Typed {
        Typed::new(sql, SqlType::Boolean)
    }

    pub fn literal(constant: Value, sql_type: SqlType) -> Typed {
        Typed {
            sql: literal::value(&constant),
            sql_type,
            constant: Some(constant),
        }
    }

    pub fn null() -> Typed {
        Typed::literal(Value::Null, SqlType::Null)
    }

    /// A number as it is written: the smallest type that holds it, as StarRocks does.
    pub fn number(text: &str) -> Option<Typed> {
        if text.contains(['e', 'E']) {
            let number: f64 = text.parse().ok()?;
            return Some(Typed::literal(Value::Real(number), SqlType::Double));
        }
        let decimal = Decimal::parse(text)?;
        if decimal.scale > 0 {
            let digits = decimal.unscaled.unsigned_abs().to_string().len() as u32;
            let sql_type = SqlType::Decimal {
                precision: digits.max(decimal.scale) as u8,
                scale: decimal.scale as u8,
            };
            return Some(Typed::literal(Value::Text(decimal.to_string()), sql_type));
        }
        let sql_type = [
            SqlType::TinyInt,
            SqlType::SmallInt,
            SqlType::Int,
            SqlType::BigInt,
        ]
        .into_iter()
        .find(|integer| {
            let (smallest, largest) = value::integer_range(integer);
            (smallest..=largest).contains(&decimal.unscaled)
        });
        Some(match sql_type {
            Some(sql_type) => Typed::literal(
                Value::Integer(i64::try_from(decimal.unscaled).ok()?),
                sql_type,
            ),
            None => Typed::literal(Value::Text(decimal.to_string()), SqlType::LargeInt),
        })
    }

    /// This value as one of `to`. What cannot be converted becomes NULL.
    pub fn cast(self, to: &SqlType) -> Typed {
        if self.sql_type == *to || *to == SqlType::Null {
            return self;
        }
        if let Some(constant) = &self.constant {
            return Typed::literal(value::cast(ValueRef::from(constant), to), to.clone());
        }
        let same_storage = (self.sql_type.is_text() && to.is_text())
            || widens_in_place(&self.sql_type, to)
            || matches!(
                (&self.sql_type, to),
                (SqlType::Float, SqlType::Double)
                    | (
                        SqlType::Date
                            | SqlType::DateTime
                            | SqlType::LargeInt
                            | SqlType::Decimal { .. },
                        SqlType::Varchar(_) | SqlType::Char(_)
                    )
            );
        let sql = if same_storage {
            self.sql
        } else {
            format!("cast_to({}, {})", self.sql, literal::text(&spelling(to)))
        };
        Typed::new(sql, to.clone())
    }

    /// For ORDER BY: numbers kept as text need their own order.
    pub fn ordered(&self) -> String {
        if self.sql_type.is_wide() {
            format!("{} COLLATE {WIDE}", self.sql)
        } else if self.sql.bytes().all(|byte| byte.is_ascii_digit()) {
            // A bare integer would be a column number.
            format!("+({})", self.sql)
        } else {
            self.sql.clone()
        }
    }
}

/// Integers up to BIGINT are all stored alike; a wider type takes a narrower one's values as they are.
fn widens_in_place(from: &SqlType, to: &SqlType) -> bool {
    let rank = |sql_type: &SqlType| match sql_type {
        SqlType::Boolean => Some(0),
        SqlType::TinyInt => Some(1),
        SqlType::SmallInt => Some(2),
        SqlType::Int => Some(3),
        SqlType::BigInt => Some(4),
        _ => None,
    };
    matches!((rank(from), rank(to)), (Some(from), Some(to)) if from <= to)
}

/// A spelling that [`SqlType::parse`] reads back.
pub fn spelling(sql_type: &SqlType) -> String {
    let length = |name: &str, length: &Option<u32>| match length {
        Some(length) => format!("{name}({length})"),
        None => format!("{name}(65533)"),
    };
    match sql_type {
        SqlType::Null => "boolean".to_owned(),
        SqlType::Boolean => "boolean".to_owned(),
        SqlType::TinyInt => "tinyint(4)".to_owned(),
        SqlType::SmallInt => "smallint(6)".to_owned(),
        SqlType::Int => "int(11)".to_owned(),
        SqlType::BigInt => "bigint(20)".to_owned(),
        SqlType::LargeInt => "largeint(40)".to_owned(),
        SqlType::Float => "float".to_owned(),
        SqlType::Double => "double".to_owned(),
        SqlType::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
        SqlType::Date => "date".to_owned(),
        SqlType::DateTime => "datetime".to_owned(),
        SqlType::Time => "time".to_owned(),
        SqlType::Char(size) => length("char", size),
        SqlType::Varchar(size) => length("varchar", size),
        SqlType::Varbinary(size) => length("varbinary", size),
        SqlType::Json => "json".to_owned(),
        SqlType::Array(item) => format!("array<{}>", spelling(item)),
        SqlType::Map(key, item) => format!("map<{},{}>", spelling(key), spelling(item)),
        SqlType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, field)| format!("{name} {}", spelling(field)))
                .collect();
            format!("struct<{}>", fields.join(", "))
        }
        SqlType::Bitmap => "bitmap".to_owned(),
        SqlType::Hll => "hll".to_owned(),
        SqlType::Percentile => "percentile".to_owned(),
    }
}

/// Digits before the point that a value of the type may have.
fn whole_digits(sql_type: &SqlType) -> u8 {
    match sql_type {
        SqlType::Boolean | SqlType::Null => 1,
        SqlType::TinyInt => 3,
        SqlType::SmallInt => 5,
        SqlType::Int => 10,
        SqlType::BigInt => 19,
        SqlType::Decimal { precision, scale } => precision.saturating_sub(*scale),
        _ => MAX_PRECISION,
    }
}

fn scale_of(sql_type: &SqlType) -> u8 {
    match sql_type {
        SqlType::Decimal { scale, .. } => *scale,
        _ => 0,
    }
}

fn decimal(whole: u8, scale: u8) -> SqlType {
    SqlType::Decimal {
        precision: whole.saturating_add(scale).min(MAX_PRECISION),
        scale: scale.min(MAX_PRECISION),
    }
}

/// The type in which values of both types fit: branches of CASE, UNION, COALESCE.
pub fn common_type(left: &SqlType, right: &SqlType) -> SqlType {
    use SqlType::{BigInt, Date, DateTime, Double, Float, LargeInt, Null, Varchar};
    if left == right || *right == Null {
        return left.clone();
    }
    if *left == Null {
        return right.clone();
    }
    let either = |wanted: &SqlType| left == wanted || right == wanted;
    let is_decimal = |sql_type: &SqlType| matches!(sql_type, SqlType::Decimal { .. });
    let is_number = |sql_type: &SqlType| {
        sql_type.is_integer() || matches!(sql_type, Float | Double) || is_decimal(sql_type)
    };
    if is_number(left) && is_number(right) {
        if either(&Double) || either(&Float) {
            return Double;
        }
        if is_decimal(left) || is_decimal(right) {
            return decimal(
                whole_digits(left).max(whole_digits(right)),
                scale_of(left).max(scale_of(right)),
            );
        }
        if either(&LargeInt) {
            return LargeInt;
        }
        return if widens_in_place(left, right) {
            right.clone()
        } else if widens_in_place(right, left) {
            left.clone()
        } else {
            BigInt
        };
    }
    if matches!((left, right), (Date, DateTime) | (DateTime, Date)) {
        return DateTime;
    }
    if left.is_text() && right.is_text() {
        let length = |sql_type: &SqlType| match sql_type {
            SqlType::Char(length) | Varchar(length) => *length,
            _ => None,
        };
        return Varchar(length(left).zip(length(right)).map(|(l, r)| l.max(r)));
    }
    SqlType::STRING
}

/// The type in which two values are compared.
fn comparison_type(left: &Typed, right: &Typed) -> SqlType {
    use SqlType::{Date, DateTime, Double};
    let is_time = |sql_type: &SqlType| matches!(sql_type, Date | DateTime);
    let (text, other) = match (left.sql_type.is_text(), right.sql_type.is_text()) {
        (true, false) => (left, right),
        (false, true) => (right, left),
        _ => return common_type(&left.sql_type, &right.sql_type),
    };
    if is_time(&other.sql_type) {
        return DateTime;
    }
    if other.sql_type.is_integer() || matches!(other.sql_type, SqlType::Decimal { .. }) {
        // A literal that is a number of the other side's kind is compared exactly.
        if let Some(Value::Text(constant)) = &text.constant
            && let Some(number) = Typed::number(constant.trim())
        {
            return common_type(&number.sql_type, &other.sql_type);
        }
        return Double;
    }
    match &other.sql_type {
        SqlType::Float | Double => Double,
        _ => SqlType::STRING,
    }
}

/// `left operator right` for `=`, `<`, `IS` and their like.
pub fn compare(left: Typed, operator: &str, right: Typed) -> Typed {
    let sql_type = comparison_type(&left, &right);
    if sql_type.is_wide() {
        // The order is that of the value: an integer's digits need no padding.
        let side = |typed: Typed| match typed.sql_type {
            _ if typed.sql_type.is_wide() => typed.sql,
            _ if typed.sql_type.is_integer() => format!("CAST({} AS TEXT)", typed.sql),
            _ => typed.cast(&sql_type).sql,
        };
        return Typed::boolean(format!(
            "({} COLLATE {WIDE} {operator} {})",
            side(left),
            side(right)
        ));
    }
    Typed::boolean(format!(
        "({} {operator} {})",
        left.cast(&sql_type).sql,
        right.cast(&sql_type).sql
    ))
}

/// `+ - * / % DIV` and the bit operators.
pub fn arithmetic(left: Typed, operator: &str, right: Typed) -> Typed {
    use SqlType::{BigInt, Double, LargeInt};
    let number = |typed: &Typed| match &typed.sql_type {
        sql_type if sql_type.is_integer() => sql_type.clone(),
        sql_type @ SqlType::Decimal { .. } => sql_type.clone(),
        SqlType::Null => SqlType::TinyInt,
        SqlType::Date | SqlType::DateTime => BigInt,
        _ => Double,
    };
    let (left_type, right_type) = (number(&left), number(&right));
    let either = |wanted: &SqlType| left_type == *wanted || right_type == *wanted;
    let is_decimal = |sql_type: &SqlType| matches!(sql_type, SqlType::Decimal { .. });
    let has_decimal = is_decimal(&left_type) || is_decimal(&right_type);
    let both = |left: Typed, right: Typed, sql_type: &SqlType| {
        (left.cast(sql_type).sql, right.cast(sql_type).sql)
    };
    if matches!(operator, "&" | "|" | "^") {
        let (left, right) = both(left, right, &BigInt);
        let sql = match operator {
            // SQLite has no exclusive or.
            "^" => format!("(({left} | {right}) - ({left} & {right}))"),
            _ => format!("({left} {operator} {right})"),
        };
        return Typed::new(sql, BigInt);
    }
    if operator == "DIV" {
        let (left, right) = both(left, right, &BigInt);
        return Typed::new(format!("({left} / {right})"), BigInt);
    }
    if either(&Double) || (operator == "/" && !has_decimal) {
        let (left, right) = both(left, right, &Double);
        let sql = match operator {
            "%" => format!("real_modulo({left}, {right})"),
            "/" => format!("({left} / nullif({right}, 0.0))"),
            _ => format!("({left} {operator} {right})"),
        };
        return Typed::new(sql, Double);
    }
    if has_decimal || either(&LargeInt) {
        let whole = whole_digits(&left_type).max(whole_digits(&right_type));
        let scale = scale_of(&left_type).max(scale_of(&right_type));
        let sql_type = match operator {
            _ if !has_decimal => LargeInt,
            "*" => decimal(
                whole_digits(&left_type).saturating_add(whole_digits(&right_type)),
                scale_of(&left_type) + scale_of(&right_type),
            ),
            // StarRocks gives a quotient six digits more than the dividend has.
            "/" => decimal(
                MAX_PRECISION,
                (scale_of(&left_type) + 6).min(12).max(scale_of(&left_type)),
            ),
            "%" => decimal(whole, scale),
            _ => decimal(whole.saturating_add(1), scale),
        };
        return Typed::new(
            format!(
                "wide_{}({}, {}, {})",
                match operator {
                    "+" => "add",
                    "-" => "subtract",
                    "*" => "multiply",
                    "/" => "divide",
                    _ => "modulo",
                },
                left.sql,
                right.sql,
                scale_of(&sql_type)
            ),
            sql_type,
        );
    }
    let wider = |sql_type: &SqlType| match sql_type {
        SqlType::Boolean | SqlType::TinyInt => SqlType::SmallInt,
        SqlType::SmallInt => SqlType::Int,
        _ => BigInt,
    };
    let common = common_type(&left_type, &right_type);
    let sql_type = if operator == "%" {
        common
    } else {
        wider(&common)
    };
    let (left, right) = both(left, right, &sql_type);
    Typed::new(format!("({left} {operator} {right})"), sql_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(spelling(&Typed::number(text).unwrap().sql_type), expect);
    }

    #[test]
    fn a_number_has_the_smallest_type() {
        check("1", "tinyint(4)");
        check("-128", "tinyint(4)");
        check("128", "smallint(6)");
        check("100000", "int(11)");
        check("3000000000", "bigint(20)");
        check("9223372036854775808", "largeint(40)");
        check("1.5", "decimal(2, 1)");
        check("0.05", "decimal(2, 2)");
        check("1e3", "double");
    }
}
