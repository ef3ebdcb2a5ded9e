//! Rows of a statement completed to rows of the table: defaults, AUTO_INCREMENT, generated columns.

use std::collections::HashMap;

use rusqlite::types::Value;

use super::target::Target;
use crate::{
    catalog::ColumnDefault,
    engine::Engine,
    parse::dml::Literal,
    query::{Compiler, Typed, constant, parser},
    reply::{SqlError, SqlResult},
    session::Session,
    types::SqlType,
    value,
};

/// Where the value of a column comes from.
#[derive(Debug, Clone)]
enum Origin {
    /// This place of the statement's rows.
    Given(usize),
    Constant(Value),
    AutoIncrement,
    /// Computed anew for each row, as `uuid()` is.
    Expression(String),
    /// Computed from the row once it is complete.
    Generated,
}

/// Complete rows, and those that did not fit their table.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub rows: Vec<Vec<Value>>,
    pub rejected: Rejected,
}

/// Rows that did not fit: how many, and why the first of them.
#[derive(Debug, Default)]
pub(super) struct Rejected {
    pub count: u64,
    pub reasons: Vec<String>,
}

impl Rejected {
    const MOST_REASONS: usize = 10;

    pub(super) fn add(&mut self, reason: impl FnOnce() -> String) {
        self.count += 1;
        if self.reasons.len() < Rejected::MOST_REASONS {
            self.reasons.push(reason());
        }
    }
}

/// One value of a statement, before it takes its column's type.
enum Given {
    Value(Value),
    Default,
}

impl Engine {
    /// Completes the rows of VALUES.
    pub(super) fn fill_literals(
        &mut self,
        session: &Session,
        target: &Target,
        places: &[usize],
        rows: Vec<Vec<Literal>>,
    ) -> SqlResult<Filled> {
        let mut converted = Vec::with_capacity(rows.len());
        let mut known = HashMap::new();
        for row in rows {
            if row.len() != places.len() {
                return Err(self.wrong_count(places.len(), row.len()));
            }
            let mut values = Vec::with_capacity(row.len());
            for (literal, at) in row.into_iter().zip(places) {
                values.push(self.given(session, literal, &target.types[*at], &mut known)?);
            }
            converted.push(values);
        }
        self.fill(session, target, places, converted)
    }

    /// Completes the rows of a query.
    pub(super) fn fill_values(
        &mut self,
        session: &Session,
        target: &Target,
        places: &[usize],
        rows: Vec<Vec<Value>>,
    ) -> SqlResult<Filled> {
        let rows = rows
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .zip(places)
                    .map(|(value, at)| fit(value, &target.types[*at]))
                    .collect()
            })
            .collect();
        self.fill(session, target, places, rows)
    }

    /// `known` has the values of expressions that rows before had, too.
    fn given(
        &self,
        session: &Session,
        literal: Literal,
        to: &SqlType,
        known: &mut HashMap<String, Value>,
    ) -> SqlResult<Option<Given>> {
        let text = match literal {
            Literal::Null => return Ok(Some(Given::Value(Value::Null))),
            Literal::Default => return Ok(Some(Given::Default)),
            Literal::Boolean(truth) => return Ok(fit(Value::Integer(i64::from(truth)), to)),
            Literal::Number(text) => text,
            Literal::Text(text) => {
                let is_number = to.is_integer()
                    || matches!(
                        to,
                        SqlType::Float | SqlType::Double | SqlType::Decimal { .. }
                    );
                // The frontend converts literals itself, and refuses those that are no numbers.
                if is_number && value::from_text(&text, &SqlType::Double).is_none() {
                    return Err(SqlError::analyzing(format!(
                        "Invalid number format: {text}"
                    )));
                }
                text
            }
            Literal::Expression(text) => {
                if let Some(value) = known.get(&text) {
                    return Ok(fit(value.clone(), to));
                }
                let expression = parser::expression(&text)?;
                let mut compiler = Compiler::new(self, session);
                let typed = compiler.expression(&expression)?;
                let value = match constant(&typed, &typed.sql_type) {
                    Some(value) => value,
                    None => compiler.evaluate(&typed)?,
                };
                if !is_volatile(&text) {
                    known.insert(text, value.clone());
                }
                return Ok(fit(value, to));
            }
        };
        Ok(value::from_text(&text, to).map(Given::Value))
    }

    /// What a column gets that a statement leaves out.
    fn origin(&self, session: &Session, target: &Target, at: usize) -> SqlResult<Origin> {
        let column = &target.table.columns[at];
        if column.generated.is_some() {
            return Ok(Origin::Generated);
        }
        if column.auto_increment {
            return Ok(Origin::AutoIncrement);
        }
        Ok(match &column.default {
            None => Origin::Constant(Value::Null),
            Some(ColumnDefault::Literal(text)) => {
                Origin::Constant(value::from_text(text, &target.types[at]).unwrap_or(Value::Null))
            }
            Some(ColumnDefault::CurrentTimestamp) => Origin::Constant(Value::Text(
                crate::clock::Clock::format(self.clock.now(), &session.time_zone),
            )),
            Some(ColumnDefault::Expression(expression)) => Origin::Expression(expression.clone()),
        })
    }

    fn fill(
        &mut self,
        session: &Session,
        target: &Target,
        places: &[usize],
        rows: Vec<Vec<Option<Given>>>,
    ) -> SqlResult<Filled> {
        let mut origins = Vec::new();
        let mut defaults = Vec::new();
        for at in 0..target.table.columns.len() {
            let default = self.origin(session, target, at)?;
            origins.push(match places.iter().position(|place| *place == at) {
                Some(given) => Origin::Given(given),
                None => default.clone(),
            });
            defaults.push(default);
        }
        let mut next_id = self
            .catalog
            .table(&target.database, target.name())?
            .auto_increment
            .unwrap_or(1);
        let first_id = next_id;
        let mut filled = Filled::default();
        for mut given in rows {
            let mut row = Vec::with_capacity(origins.len());
            let mut misfit = None;
            for (at, origin) in origins.iter().enumerate() {
                let origin = match origin {
                    Origin::Given(place) => match given[*place].take() {
                        Some(Given::Value(value)) => {
                            if value::is_too_long(&value, &target.types[at]) {
                                misfit = Some((at, "is too long for"));
                            }
                            row.push(value);
                            continue;
                        }
                        Some(Given::Default) => &defaults[at],
                        None => {
                            misfit = Some((at, "cannot be converted to"));
                            row.push(Value::Null);
                            continue;
                        }
                    },
                    other => other,
                };
                row.push(match origin {
                    Origin::Constant(value) => value.clone(),
                    Origin::AutoIncrement => {
                        next_id += 1;
                        Value::Integer(next_id - 1)
                    }
                    Origin::Expression(expression) => {
                        self.default_value(session, expression, &target.types[at])?
                    }
                    Origin::Generated | Origin::Given(_) => Value::Null,
                });
            }
            match misfit {
                None => filled.rows.push(row),
                Some((at, why)) => filled.rejected.add(|| {
                    let column = &target.table.columns[at];
                    format!(
                        "Error: A value {why} the type {} of column '{}'.",
                        column.sql_type, column.name
                    )
                }),
            }
        }
        if next_id != first_id {
            self.catalog
                .table_mut(&target.database, target.name())?
                .auto_increment = Some(next_id);
        }
        self.generate(session, target, &mut filled.rows)?;
        let Filled { rows, rejected } = &mut filled;
        rows.retain(|row| match missing_value(target, row) {
            None => true,
            Some(column) => {
                rejected.add(|| format!("Error: NULL value in non-nullable column '{column}'."));
                false
            }
        });
        Ok(filled)
    }

    fn default_value(&self, session: &Session, expression: &str, to: &SqlType) -> SqlResult<Value> {
        let expression = parser::expression(expression)?;
        let mut compiler = Compiler::new(self, session);
        let typed = compiler.expression(&expression)?.cast(to);
        compiler.evaluate(&typed)
    }

    /// Computes the generated columns of complete rows.
    pub(super) fn generate(
        &self,
        session: &Session,
        target: &Target,
        rows: &mut [Vec<Value>],
    ) -> SqlResult<()> {
        let mut generated = Vec::new();
        for (at, column) in target.table.columns.iter().enumerate() {
            if let Some(expression) = &column.generated {
                generated.push((at, parser::expression(expression)?));
            }
        }
        if generated.is_empty() || rows.is_empty() {
            return Ok(());
        }
        let mut compiler = Compiler::new(self, session);
        let mut expressions: Vec<Typed> = Vec::new();
        compiler.enter_row(&target.table)?;
        for (at, expression) in &generated {
            let typed = compiler.expression(expression)?;
            expressions.push(typed.cast(&target.types[*at]));
        }
        let computed = compiler.evaluate_rows(&target.table, rows, &expressions)?;
        for (row, values) in rows.iter_mut().zip(computed) {
            for ((at, _), value) in generated.iter().zip(values) {
                row[*at] = value;
            }
        }
        Ok(())
    }
}

/// A value of any type as one of the column's; `None` if it does not fit.
fn fit(value: Value, to: &SqlType) -> Option<Given> {
    if value == Value::Null {
        return Some(Given::Value(Value::Null));
    }
    match value::cast((&value).into(), to) {
        Value::Null => None,
        value => Some(Given::Value(value)),
    }
}

/// Other values from row to row; the clock stands still within a statement.
fn is_volatile(expression: &str) -> bool {
    let lower = expression.to_lowercase();
    lower.contains("uuid") || lower.contains("rand")
}

/// The first column that must have a value and has none.
fn missing_value<'t>(target: &'t Target, row: &[Value]) -> Option<&'t str> {
    target
        .table
        .columns
        .iter()
        .zip(row)
        .find(|(column, value)| !column.nullable && **value == Value::Null)
        .map(|(column, _)| column.name.as_str())
}
