//! Conditions: IN, LIKE, CASE, chains of AND and OR, and subqueries.

use sqlparser::ast::{BinaryOperator, CaseWhen, Expr, InTarget, Query};

use super::{
    Compiler,
    expression::common_of,
    parser::unsupported,
    typed::{Typed, common_type, compare},
};
use crate::reply::{SqlError, SqlResult};

impl Compiler<'_> {
    pub(super) fn pattern(
        &mut self,
        function: &str,
        text: &Expr,
        pattern: &Expr,
        negated: bool,
    ) -> SqlResult<Typed> {
        let text = self.expression(text)?;
        let pattern = self.expression(pattern)?;
        Ok(negate(
            negated,
            format!("{function}({}, {})", text.sql, pattern.sql),
        ))
    }

    /// A chain of AND or OR. It leans to the left and may have thousands of links; SQLite takes a
    /// depth of 1,000, so the links become a balanced tree.
    pub(super) fn chain(
        &mut self,
        left: &Expr,
        right: &Expr,
        operator: &str,
        continues: impl Fn(&BinaryOperator) -> bool,
    ) -> SqlResult<Typed> {
        let mut links = vec![right];
        let mut rest = left;
        while let Expr::BinaryOp { left, op, right } = rest
            && continues(op)
        {
            links.push(right);
            rest = left;
        }
        links.push(rest);
        let mut operands = Vec::with_capacity(links.len());
        for link in links.into_iter().rev() {
            operands.push(self.expression(link)?.sql);
        }
        Ok(Typed::boolean(balanced(&operands, operator)))
    }

    pub(super) fn tuples(
        &mut self,
        left: &[Expr],
        operator: &BinaryOperator,
        right: &[Expr],
    ) -> SqlResult<Typed> {
        if left.len() != right.len() || !matches!(operator, BinaryOperator::Eq) {
            return Err(unsupported(&format!("tuples with {operator}")));
        }
        let mut equal = Vec::new();
        for (left, right) in left.iter().zip(right) {
            let left = self.expression(left)?;
            let right = self.expression(right)?;
            equal.push(compare(left, "=", right).sql);
        }
        Ok(Typed::boolean(format!("({})", equal.join(" AND "))))
    }

    pub(super) fn is_in(
        &mut self,
        tested: &Expr,
        target: &InTarget,
        negated: bool,
    ) -> SqlResult<Typed> {
        match (tested, target) {
            (Expr::Tuple(left), InTarget::List(items)) => {
                let mut any = Vec::new();
                for item in items {
                    let Expr::Tuple(right) = item else {
                        return Err(unsupported(&item.to_string()));
                    };
                    any.push(self.tuples(left, &BinaryOperator::Eq, right)?.sql);
                }
                Ok(negate(negated, format!("({})", any.join(" OR "))))
            }
            (_, InTarget::List(items)) => {
                let tested = self.expression(tested)?;
                let mut list = Vec::new();
                for item in items {
                    list.push(self.expression(item)?);
                }
                Ok(negate(negated, in_list(tested, list)))
            }
            (Expr::Tuple(left), InTarget::Subquery(query)) => {
                let mut tested = Vec::new();
                for expression in left {
                    tested.push(self.expression(expression)?);
                }
                self.in_subquery(tested, query, negated)
            }
            (_, InTarget::Subquery(query)) => {
                let tested = self.expression(tested)?;
                self.in_subquery(vec![tested], query, negated)
            }
            (_, other) => Err(unsupported(&other.to_string())),
        }
    }

    pub(super) fn in_subquery(
        &mut self,
        tested: Vec<Typed>,
        query: &Query,
        negated: bool,
    ) -> SqlResult<Typed> {
        let body = self.query(query)?;
        if body.outputs.len() != tested.len() {
            return Err(SqlError::analyzing(
                "subquery must return the same number of columns",
            ));
        }
        let mut left = Vec::new();
        let mut columns = Vec::new();
        for (at, (tested, output)) in tested.into_iter().zip(&body.outputs).enumerate() {
            let common = common_type(&tested.sql_type, &output.sql_type);
            let column = Typed::new(format!("o{}", at + 1), output.sql_type.clone());
            left.push(tested.cast(&common).sql);
            columns.push(column.cast(&common).sql);
        }
        let operator = if negated { "NOT IN" } else { "IN" };
        Ok(Typed::boolean(format!(
            "(({}) {operator} (SELECT {} FROM ({})))",
            left.join(", "),
            columns.join(", "),
            body.sql
        )))
    }

    pub(super) fn scalar_subquery(&mut self, query: &Query) -> SqlResult<Typed> {
        let body = self.query(query)?;
        let [output] = body.outputs.as_slice() else {
            return Err(SqlError::analyzing(
                "Scalar subquery should output one column",
            ));
        };
        Ok(Typed::new(
            format!("(SELECT agg_single(o1) FROM ({}))", body.sql),
            output.sql_type.clone(),
        ))
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> SqlResult<Typed> {
        let operand = match operand {
            Some(operand) => Some(self.expression(operand)?),
            None => None,
        };
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for branch in conditions {
            let condition = self.expression(&branch.condition)?;
            tests.push(match &operand {
                Some(operand) => compare(operand.clone(), "=", condition).sql,
                None => condition.sql,
            });
            results.push(self.expression(&branch.result)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.expression(otherwise)?,
            None => Typed::null(),
        });
        Ok(choose(&tests, results))
    }
}

/// `CASE WHEN test THEN result ... ELSE result END`: one more result than tests.
pub(super) fn choose(tests: &[String], results: Vec<Typed>) -> Typed {
    let sql_type = common_of(&results);
    let mut sql = String::from("CASE");
    let mut results = results.into_iter().map(|result| result.cast(&sql_type).sql);
    for (test, result) in tests.iter().zip(results.by_ref()) {
        sql.push_str(&format!(" WHEN {test} THEN {result}"));
    }
    let otherwise = results.next().unwrap_or_else(|| "NULL".to_owned());
    Typed::new(format!("({sql} ELSE {otherwise} END)"), sql_type)
}

fn balanced(operands: &[String], operator: &str) -> String {
    match operands {
        [] => "NULL".to_owned(),
        [only] => only.clone(),
        several => {
            let (left, right) = several.split_at(several.len() / 2);
            format!(
                "({} {operator} {})",
                balanced(left, operator),
                balanced(right, operator)
            )
        }
    }
}

fn in_list(tested: Typed, list: Vec<Typed>) -> String {
    let is_plain = list.iter().all(|item| {
        item.sql_type == tested.sql_type
            || (item.sql_type.is_text() && tested.sql_type.is_text())
            || (item.sql_type.is_integer()
                && tested.sql_type.is_integer()
                && !item.sql_type.is_wide()
                && !tested.sql_type.is_wide())
    });
    if is_plain && !tested.sql_type.is_wide() {
        let items: Vec<String> = list.into_iter().map(|item| item.sql).collect();
        return format!("({} IN ({}))", tested.sql, items.join(", "));
    }
    let any: Vec<String> = list
        .into_iter()
        .map(|item| compare(tested.clone(), "=", item).sql)
        .collect();
    balanced(&any, "OR")
}

pub(super) fn negate(negated: bool, sql: String) -> Typed {
    Typed::boolean(if negated { format!("(NOT {sql})") } else { sql })
}
