//! Functions that depend on the session or the clock, or whose arguments are more than values.

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::types::Value;
use sqlparser::ast::Expr;

use super::{
    Compiler,
    call::Written,
    condition::choose,
    expression::{array_of, common_of, item_kind},
    typed::Typed,
};
use crate::{
    reply::{SqlError, SqlResult},
    types::SqlType,
    value::time,
};

const NEW_UUID: &str = "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || \
                        hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || \
                        hex(randomblob(6))))";

impl Compiler<'_> {
    /// `None` if the function is an ordinary one.
    pub(super) fn special(
        &mut self,
        name: &str,
        written: &Written<'_>,
    ) -> SqlResult<Option<Typed>> {
        let count = written.arguments.len();
        let session_zone = self.session.time_zone.clone();
        Ok(Some(match (name, count) {
            ("now" | "current_timestamp" | "localtimestamp" | "localtime", 0 | 1) => {
                self.clock(&session_zone, precision(written)?)
            }
            ("utc_timestamp", 0 | 1) => self.clock(&TimeZone::UTC, precision(written)?),
            ("curdate" | "current_date", 0) => self.clock(&session_zone, 0).cast(&SqlType::Date),
            ("curtime" | "current_time", 0) => self.time_of_day(&session_zone),
            ("utc_time", 0) => self.time_of_day(&TimeZone::UTC),
            ("unix_timestamp", 0) => {
                Typed::literal(Value::Integer(self.now.as_second()), SqlType::BigInt)
            }
            ("unix_timestamp", 1 | 2) => self.in_zone("unix_timestamp_in", written)?,
            ("from_unixtime", 1 | 2) => self.in_zone("from_unixtime_in", written)?,
            ("database" | "schema", 0) => {
                Compiler::text(self.session.database.clone().unwrap_or_default())
            }
            ("catalog" | "current_catalog", 0) => Compiler::text(crate::catalog::DEFAULT_CATALOG),
            ("user" | "session_user", 0) => {
                let address = self
                    .session
                    .peer
                    .rsplit_once(':')
                    .map_or(self.session.peer.as_str(), |(address, _)| address);
                Compiler::text(format!("'{}'@'{address}'", self.session.identity.user))
            }
            ("current_user", 0) => Compiler::text(self.session.identity.to_string()),
            ("connection_id", 0) => {
                Typed::literal(Value::Integer(self.session.id.into()), SqlType::BigInt)
            }
            ("version", 0) => self.variable(&["@@version"])?,
            ("current_version", 0) => {
                self.needs_backend = true;
                let comment = self.variable(&["@@version_comment"])?;
                match &comment.constant {
                    // `4.1.0-abc1234` as `4.1.0 abc1234`.
                    Some(Value::Text(text)) => Compiler::text(text.replacen('-', " ", 1)),
                    _ => comment,
                }
            }
            ("uuid", 0) => Typed::new(NEW_UUID, SqlType::STRING),
            ("rand" | "random", 0) => {
                Typed::new("(abs(random() % 1000000000) / 1e9)", SqlType::Double)
            }
            ("sleep", 1) => {
                // Time stands still while a statement runs.
                self.all(written)?;
                Typed::boolean("1")
            }
            ("if", 3) => {
                let mut arguments = self.all(written)?;
                let condition = arguments.remove(0);
                choose(&[condition.sql], arguments)
            }
            ("ifnull" | "nvl" | "coalesce", 1..) => {
                let arguments = self.all(written)?;
                let sql_type = common_of(&arguments);
                let arguments: Vec<String> = arguments
                    .into_iter()
                    .map(|argument| argument.cast(&sql_type).sql)
                    .collect();
                match arguments.as_slice() {
                    [only] => Typed::new(only.clone(), sql_type),
                    several => Typed::new(format!("coalesce({})", several.join(", ")), sql_type),
                }
            }
            ("nullif", 2) => {
                let arguments = self.all(written)?;
                let (left, right) = (arguments[0].clone(), arguments[1].clone());
                let equal = super::typed::compare(left.clone(), "=", right).sql;
                choose(&[equal], vec![Typed::null(), left])
            }
            ("isnull", 1) => {
                let argument = self.expression(written.arguments[0])?;
                Typed::boolean(format!("({} IS NULL)", argument.sql))
            }
            ("isnotnull", 1) => {
                let argument = self.expression(written.arguments[0])?;
                Typed::boolean(format!("({} IS NOT NULL)", argument.sql))
            }
            ("round" | "truncate", 1 | 2) => self.rounded(name, written)?,
            ("greatest" | "least", 1..) => self.extreme(name, written)?,
            ("mod", 2) => self.operator("%", written)?,
            ("add", 2) => self.operator("+", written)?,
            ("subtract", 2) => self.operator("-", written)?,
            ("multiply", 2) => self.operator("*", written)?,
            ("divide", 2) => self.operator("/", written)?,
            ("bitand", 2) => self.operator("&", written)?,
            ("bitor", 2) => self.operator("|", written)?,
            ("bitxor", 2) => self.operator("^", written)?,
            ("date_add" | "adddate" | "timestampadd" | "date_sub" | "subdate", _) => {
                self.shift(name, written)?
            }
            ("timestampdiff", 3) => {
                let unit = Compiler::text(written.arguments[0].to_string());
                let arguments = vec![
                    unit,
                    self.expression(written.arguments[1])?,
                    self.expression(written.arguments[2])?,
                ];
                self.scalar("timestampdiff", arguments)?
            }
            ("time_slice" | "date_slice", 2 | 3) => self.slice(name, written)?,
            // Keeps what kind of time the second argument is.
            ("date_trunc", 2) => {
                let mut arguments = self.all(written)?;
                if arguments[1].sql_type.is_text() {
                    arguments[1] = arguments[1].clone().cast(&SqlType::DateTime);
                }
                self.scalar("date_trunc", arguments)?
            }
            ("str_to_date", 2) => {
                let mut typed = {
                    let arguments = self.all(written)?;
                    self.scalar("str_to_date", arguments)?
                };
                // A format without time makes a DATE.
                let has_time = ["%H", "%h", "%i", "%s", "%T", "%k", "%l", "HH"];
                if let Expr::Value(format) = written.arguments[1]
                    && let Some(format) = format.value.clone().into_string()
                    && !has_time.iter().any(|part| format.contains(part))
                {
                    typed = typed.cast(&SqlType::Date);
                }
                typed
            }
            ("to_json", 1) => {
                let argument = self.expression(written.arguments[0])?;
                if matches!(argument.sql_type, SqlType::Array(_)) {
                    return Err(SqlError::analyzing(
                        "No matching function with signature: to_json(array)",
                    ));
                }
                if item_kind(&argument.sql_type) == 1 {
                    self.scalar("to_json", vec![argument])?
                } else {
                    Typed::new(format!("sr_json_scalar({})", argument.sql), SqlType::Json)
                }
            }
            ("array", _) => {
                let items = self.all(written)?;
                array_of(items)
            }
            ("row" | "struct", 1..) => {
                let fields = self
                    .all(written)?
                    .into_iter()
                    .enumerate()
                    .map(|(at, field)| (format!("col{}", at + 1), field))
                    .collect();
                structure(fields)
            }
            ("named_struct", 2..) => {
                let mut fields = Vec::new();
                for pair in written.arguments.chunks_exact(2) {
                    let name = match &self.expression(pair[0])?.constant {
                        Some(Value::Text(name)) => name.clone(),
                        _ => {
                            return Err(SqlError::analyzing(
                                "named_struct needs literals as field names",
                            ));
                        }
                    };
                    fields.push((name, self.expression(pair[1])?));
                }
                structure(fields)
            }
            ("map", _) if count.is_multiple_of(2) => {
                let arguments = self.all(written)?;
                map_of(&arguments)
            }
            _ => return Ok(None),
        }))
    }

    fn clock(&self, zone: &TimeZone, precision: u32) -> Typed {
        let factor = 10_i32.pow(9 - precision.min(6));
        let now: Timestamp = self.now;
        let at = now.to_zoned_datetime(zone.clone()).datetime();
        let nanos = at.subsec_nanosecond() / factor * factor;
        let at = at.date().at(at.hour(), at.minute(), at.second(), nanos);
        Typed::literal(Value::Text(time::format(at)), SqlType::DateTime)
    }

    fn time_of_day(&self, zone: &TimeZone) -> Typed {
        let at = self.now.to_zoned_datetime(zone.clone()).time();
        Typed::literal(
            Value::Text(format!(
                "{:02}:{:02}:{:02}",
                at.hour(),
                at.minute(),
                at.second()
            )),
            SqlType::Time,
        )
    }

    fn in_zone(&mut self, function: &str, written: &Written<'_>) -> SqlResult<Typed> {
        let mut arguments = self.all(written)?;
        arguments.push(Compiler::text(self.session.time_zone_name.clone()));
        self.scalar(function, arguments)
    }

    fn operator(&mut self, operator: &str, written: &Written<'_>) -> SqlResult<Typed> {
        let left = self.expression(written.arguments[0])?;
        let right = self.expression(written.arguments[1])?;
        Ok(super::typed::arithmetic(left, operator, right))
    }

    /// A DECIMAL loses the digits that it is rounded to not have, if their number is a literal.
    fn rounded(&mut self, name: &str, written: &Written<'_>) -> SqlResult<Typed> {
        let arguments = self.all(written)?;
        let places = match arguments.get(1).map(|places| &places.constant) {
            None => Some(0),
            Some(Some(Value::Integer(places))) => u8::try_from(*places).ok(),
            Some(_) => None,
        };
        let original = arguments.first().map(|first| first.sql_type.clone());
        let typed = self.scalar(name, arguments)?;
        Ok(match (original, places) {
            (Some(SqlType::Decimal { precision, scale }), Some(places)) if places < scale => typed
                .cast(&SqlType::Decimal {
                    precision,
                    scale: places,
                }),
            _ => typed,
        })
    }

    fn extreme(&mut self, name: &str, written: &Written<'_>) -> SqlResult<Typed> {
        let arguments = self.all(written)?;
        let sql_type = common_of(&arguments);
        let arguments: Vec<Typed> = arguments
            .into_iter()
            .map(|argument| argument.cast(&sql_type))
            .collect();
        let list: Vec<String> = arguments.iter().map(Typed::ordered).collect();
        let function = if name == "greatest" { "max" } else { "min" };
        Ok(match list.as_slice() {
            [only] => Typed::new(only.clone(), sql_type),
            several => Typed::new(format!("{function}({})", several.join(", ")), sql_type),
        })
    }

    /// DATE_ADD(date, INTERVAL n unit), DATE_ADD(date, days), TIMESTAMPADD(unit, n, date).
    fn shift(&mut self, name: &str, written: &Written<'_>) -> SqlResult<Typed> {
        let sign = if name.contains("sub") { -1 } else { 1 };
        match written.arguments.as_slice() {
            [date, Expr::Interval(interval)] => self.add_interval(date, interval, sign),
            [date, days] => {
                let arguments = vec![self.expression(date)?, self.expression(days)?];
                let function = if sign > 0 { "days_add" } else { "days_sub" };
                self.scalar(function, arguments)
            }
            [unit, count, date] if name == "timestampadd" => {
                let arguments = vec![
                    self.expression(date)?,
                    Compiler::text(unit.to_string()),
                    self.expression(count)?,
                ];
                self.scalar("add_interval", arguments)
            }
            _ => Err(SqlError::analyzing(format!(
                "No matching function with signature: {name}"
            ))),
        }
    }

    fn slice(&mut self, name: &str, written: &Written<'_>) -> SqlResult<Typed> {
        let Expr::Interval(interval) = written.arguments[1] else {
            return Err(SqlError::analyzing(format!(
                "{name} requires an INTERVAL as second argument"
            )));
        };
        let mut time = self.expression(written.arguments[0])?;
        if time.sql_type.is_text() {
            time = time.cast(&SqlType::DateTime);
        }
        let (count, unit) = self.interval(interval)?;
        let mut arguments = vec![time, count, unit];
        if let Some(boundary) = written.arguments.get(2) {
            arguments.push(Compiler::text(boundary.to_string().replace('\'', "")));
        }
        self.scalar(name, arguments)
    }
}

/// The number of NOW(6), NOW(0) and NOW().
fn precision(written: &Written<'_>) -> SqlResult<u32> {
    let Some(argument) = written.arguments.first() else {
        return Ok(0);
    };
    argument
        .to_string()
        .parse()
        .ok()
        .filter(|precision| *precision <= 6)
        .ok_or_else(|| SqlError::analyzing("precision must be greater than 0 and less than 6"))
}

fn structure(fields: Vec<(String, Typed)>) -> Typed {
    let mut arguments = Vec::new();
    let mut types = Vec::new();
    for (name, field) in fields {
        arguments.push(format!(
            "{}, 0, {}, {}",
            super::literal::text(&name),
            field.sql,
            item_kind(&field.sql_type)
        ));
        types.push((name, field.sql_type));
    }
    Typed::new(
        format!("sr_map_of({})", arguments.join(", ")),
        SqlType::Struct(types),
    )
}

fn map_of(arguments: &[Typed]) -> Typed {
    let keys: Vec<Typed> = arguments.iter().step_by(2).cloned().collect();
    let values: Vec<Typed> = arguments.iter().skip(1).step_by(2).cloned().collect();
    let (key_type, value_type) = (common_of(&keys), common_of(&values));
    let pairs: Vec<String> = keys
        .into_iter()
        .zip(values)
        .map(|(key, value)| {
            format!(
                "{}, {}, {}, {}",
                key.cast(&key_type).sql,
                item_kind(&key_type),
                value.cast(&value_type).sql,
                item_kind(&value_type)
            )
        })
        .collect();
    Typed::new(
        format!("sr_map_of({})", pairs.join(", ")),
        SqlType::Map(Box::new(key_type), Box::new(value_type)),
    )
}
