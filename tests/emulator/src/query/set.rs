//! UNION, INTERSECT, EXCEPT and VALUES.

use sqlparser::ast::{Expr, OrderByExpr, SetExpr, SetOperator, SetQuantifier};

use super::{
    Compiler, Output,
    parser::unsupported,
    scope::unresolved,
    select::{Body, Item, direction, ordinal},
    typed::{Typed, common_type},
};
use crate::reply::{SqlError, SqlResult};

/// SQLite takes 500 at most.
const MAX_OPERANDS: usize = 400;

impl Compiler<'_> {
    pub(super) fn set_expression(&mut self, expression: &SetExpr) -> SqlResult<Body> {
        match expression {
            SetExpr::Select(select) => self.select(select, &[]),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => {
                let mut bodies = Vec::new();
                for row in &values.rows {
                    let mut items = Vec::new();
                    for (at, expression) in row.content.iter().enumerate() {
                        items.push(Item {
                            name: format!("column_{at}"),
                            typed: self.expression(expression)?,
                            has_alias: false,
                        });
                    }
                    bodies.push(constant_row(items));
                }
                combine(bodies.into_iter().map(|body| ("UNION ALL", body)).collect())
            }
            SetExpr::SetOperation { .. } => {
                // A chain leans to the left, and may be hundreds of links long.
                let mut links = Vec::new();
                let mut first = expression;
                while let SetExpr::SetOperation {
                    left,
                    op,
                    set_quantifier,
                    right,
                } = first
                {
                    links.push((set_operator(op, set_quantifier)?, right));
                    first = left;
                }
                let mut bodies = vec![("", self.set_expression(first)?)];
                for (operator, right) in links.into_iter().rev() {
                    bodies.push((operator, self.set_expression(right)?));
                }
                combine(bodies)
            }
            other => Err(unsupported(&other.to_string())),
        }
    }

    /// ORDER BY over a set operation sees only the columns of the result.
    pub(super) fn output_order(
        &mut self,
        outputs: &[Output],
        order_by: &[OrderByExpr],
    ) -> SqlResult<Vec<String>> {
        let mut order = Vec::new();
        for item in order_by {
            let at = match &item.expr {
                Expr::Identifier(name) => outputs
                    .iter()
                    .position(|output| output.name.eq_ignore_ascii_case(&name.value))
                    .ok_or_else(|| unresolved(std::slice::from_ref(&name.value)))?,
                other => ordinal(other, outputs.len())?.ok_or_else(|| {
                    unsupported(&format!("ORDER BY {other} over a set operation"))
                })?,
            };
            let column = Typed::new(format!("o{}", at + 1), outputs[at].sql_type.clone());
            order.push(format!("{}{}", column.ordered(), direction(item)));
        }
        Ok(order)
    }
}

fn constant_row(items: Vec<Item>) -> Body {
    let columns: Vec<String> = items
        .iter()
        .enumerate()
        .map(|(at, item)| format!("{} AS o{}", item.typed.sql, at + 1))
        .collect();
    Body {
        sql: format!("SELECT {}", columns.join(", ")),
        outputs: items
            .into_iter()
            .map(|item| Output {
                name: item.name,
                sql_type: item.typed.sql_type,
            })
            .collect(),
    }
}

fn set_operator(op: &SetOperator, quantifier: &SetQuantifier) -> SqlResult<&'static str> {
    let all = matches!(quantifier, SetQuantifier::All);
    match (op, all) {
        (SetOperator::Union, true) => Ok("UNION ALL"),
        (SetOperator::Union, false) => Ok("UNION"),
        (SetOperator::Intersect, false) => Ok("INTERSECT"),
        (SetOperator::Except | SetOperator::Minus, false) => Ok("EXCEPT"),
        _ => Err(unsupported(&format!("{op} ALL"))),
    }
}

/// Queries joined by set operators from left to right, each column in a type that holds all sides.
/// The operator of the first is not looked at.
fn combine(bodies: Vec<(&'static str, Body)>) -> SqlResult<Body> {
    let Some((_, first)) = bodies.first() else {
        return Err(unsupported("VALUES without rows"));
    };
    let mut outputs = first.outputs.clone();
    for (_, body) in &bodies {
        if body.outputs.len() != outputs.len() {
            return Err(SqlError::analyzing(
                "Operands have unequal number of columns",
            ));
        }
        for (output, other) in outputs.iter_mut().zip(&body.outputs) {
            output.sql_type = common_type(&output.sql_type, &other.sql_type);
        }
    }
    let mut sql = String::new();
    for (at, (operator, body)) in bodies.iter().enumerate() {
        if at > 0 && at % MAX_OPERANDS == 0 {
            sql = format!("SELECT * FROM ({sql})");
        }
        if at > 0 {
            sql.push_str(&format!(" {operator} "));
        }
        sql.push_str(&converted(body, &outputs));
    }
    Ok(Body { sql, outputs })
}

/// The query with its columns converted to these types.
fn converted(body: &Body, to: &[Output]) -> String {
    let columns: Vec<String> = body
        .outputs
        .iter()
        .zip(to)
        .enumerate()
        .map(|(at, (from, to))| {
            let name = format!("o{}", at + 1);
            let column = Typed::new(name.clone(), from.sql_type.clone()).cast(&to.sql_type);
            format!("{} AS {name}", column.sql)
        })
        .collect();
    format!("SELECT {} FROM ({})", columns.join(", "), body.sql)
}
