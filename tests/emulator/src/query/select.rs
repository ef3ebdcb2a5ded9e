//! Queries, set operations and SELECT.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Value as Literal,
};

use super::{Compiler, Frame, Output, names, parser::unsupported, typed::Typed};
use crate::reply::{SqlError, SqlResult};

/// A compiled query. Its SQL names the columns `o1`, `o2` ...
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub sql: String,
    pub outputs: Vec<Output>,
}

pub(super) struct Item {
    pub name: String,
    pub typed: Typed,
    pub has_alias: bool,
}

impl Compiler<'_> {
    pub(crate) fn query(&mut self, query: &Query) -> SqlResult<Body> {
        let outer = self.common.len();
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(unsupported("WITH RECURSIVE"));
            }
            for table in &with.cte_tables {
                let mut body = self.query(&table.query)?;
                rename(
                    &mut body.outputs,
                    table.alias.columns.iter().map(|column| &column.name.value),
                );
                self.common.push((table.alias.name.value.clone(), body));
            }
        }
        let body = self.body(query);
        self.common.truncate(outer);
        body
    }

    fn body(&mut self, query: &Query) -> SqlResult<Body> {
        let order_by = order_expressions(query.order_by.as_ref())?;
        let limit = self.limit(query.limit_clause.as_ref())?;
        let mut body = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, order_by)?,
            other => {
                let mut body = self.set_expression(other)?;
                let order = self.output_order(&body.outputs, order_by)?;
                if !order.is_empty() {
                    body.sql =
                        format!("SELECT * FROM ({}) ORDER BY {}", body.sql, order.join(", "));
                }
                body
            }
        };
        if !limit.is_empty() {
            let is_select = matches!(query.body.as_ref(), SetExpr::Select(_));
            body.sql = if is_select || body.sql.starts_with("SELECT * FROM (") {
                format!("{} {limit}", body.sql)
            } else {
                format!("SELECT * FROM ({}) {limit}", body.sql)
            };
        }
        Ok(body)
    }

    fn limit(&mut self, clause: Option<&LimitClause>) -> SqlResult<String> {
        let number = |expression: &Expr| match expression {
            Expr::Value(value) => match &value.value {
                Literal::Number(digits, _) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                    Ok(digits.clone())
                }
                other => Err(unsupported(&format!("LIMIT {other}"))),
            },
            other => Err(unsupported(&format!("LIMIT {other}"))),
        };
        self.needs_backend |= clause.is_some();
        Ok(match clause {
            None => String::new(),
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                let limit = limit.as_ref().map_or(Ok("-1".to_owned()), number)?;
                match offset {
                    None => format!("LIMIT {limit}"),
                    Some(offset) => format!("LIMIT {limit} OFFSET {}", number(&offset.value)?),
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                format!("LIMIT {} OFFSET {}", number(limit)?, number(offset)?)
            }
        })
    }

    pub(super) fn select(&mut self, select: &Select, order_by: &[OrderByExpr]) -> SqlResult<Body> {
        self.frames.push(Frame::default());
        let body = self.select_in_frame(select, order_by);
        self.frames.pop();
        body
    }

    fn select_in_frame(&mut self, select: &Select, order_by: &[OrderByExpr]) -> SqlResult<Body> {
        for (is_used, what) in [
            (select.qualify.is_some(), "QUALIFY"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (select.into.is_some(), "INTO"),
            (!select.named_window.is_empty(), "WINDOW"),
            (
                matches!(select.distinct, Some(Distinct::On(_))),
                "DISTINCT ON",
            ),
        ] {
            if is_used {
                return Err(unsupported(what));
            }
        }
        let (from, mut conditions) = self.from(&select.from)?;
        if let Some(condition) = &select.selection {
            conditions.push(self.expression(condition)?.sql);
        }
        self.frame().bare_column = None;
        self.frame().saw_aggregate = false;

        let expanded = self.expand(&select.projection)?;
        let groups = self.groups(&select.group_by, &expanded)?;
        if let Some(groups) = groups {
            self.frame().groups = Some(groups);
        }
        let mut items = Vec::new();
        for (name, expression, has_alias) in expanded {
            items.push(Item {
                name,
                typed: match expression {
                    Selected::Expression(expression) => self.expression(expression)?,
                    Selected::Column(path) => self.column(&path)?,
                },
                has_alias,
            });
        }
        self.frame().aliases = items
            .iter()
            .filter(|item| item.has_alias)
            .map(|item| (item.name.clone(), item.typed.clone()))
            .collect();

        let having = match &select.having {
            Some(condition) => Some(self.expression(condition)?.sql),
            None => None,
        };
        let mut order = Vec::new();
        for item in order_by {
            let typed = match ordinal(&item.expr, items.len())? {
                Some(at) => items[at].typed.clone(),
                None => self.order_expression(&item.expr)?,
            };
            order.push(format!("{}{}", typed.ordered(), direction(item)));
        }
        self.check_grouping()?;

        let groups = self.frame().groups.clone();
        let columns: Vec<String> = items
            .iter()
            .enumerate()
            .map(|(at, item)| format!("{} AS o{}", item.typed.sql, at + 1))
            .collect();
        let distinct =
            if select.distinct.is_some() && !matches!(select.distinct, Some(Distinct::All)) {
                "DISTINCT "
            } else {
                ""
            };
        let mut sql = format!("SELECT {distinct}{}", columns.join(", "));
        if !from.is_empty() {
            sql.push_str(&format!(" FROM {from}"));
        }
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        if let Some(groups) = groups.filter(|groups| !groups.is_empty()) {
            let groups: Vec<String> = groups.iter().map(|group| format!("+{group}")).collect();
            sql.push_str(&format!(" GROUP BY {}", groups.join(", ")));
        }
        if let Some(having) = having {
            sql.push_str(&format!(" HAVING {having}"));
        }
        if !order.is_empty() {
            sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
        }
        Ok(Body {
            sql,
            outputs: items
                .into_iter()
                .map(|item| Output {
                    name: item.name,
                    sql_type: item.typed.sql_type,
                })
                .collect(),
        })
    }

    pub(super) fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        self.frames.last_mut().expect("a frame was pushed")
    }

    /// An alias wins over a column of the same name in ORDER BY.
    fn order_expression(&mut self, expression: &Expr) -> SqlResult<Typed> {
        if let Expr::Identifier(name) = expression
            && let Some((_, typed)) = self
                .frame()
                .aliases
                .iter()
                .find(|(alias, _)| alias.eq_ignore_ascii_case(&name.value))
        {
            return Ok(typed.clone());
        }
        self.expression(expression)
    }

    /// Without GROUP BY, aggregates and bare columns exclude each other.
    fn check_grouping(&mut self) -> SqlResult<()> {
        let frame = self.frame();
        match &frame.bare_column {
            Some(column) if frame.groups.is_none() && frame.saw_aggregate => {
                Err(not_grouped(column))
            }
            _ => Ok(()),
        }
    }

    fn groups(
        &mut self,
        clause: &GroupByExpr,
        selected: &[(String, Selected<'_>, bool)],
    ) -> SqlResult<Option<Vec<String>>> {
        let GroupByExpr::Expressions(expressions, modifiers) = clause else {
            return Err(unsupported("GROUP BY ALL"));
        };
        if !modifiers.is_empty() {
            return Err(unsupported("GROUP BY with ROLLUP or CUBE"));
        }
        if expressions.is_empty() {
            return Ok(None);
        }
        let mut groups = Vec::new();
        for expression in expressions {
            let selected_at = match ordinal(expression, selected.len())? {
                Some(at) => Some(at),
                None => self.alias_in_group_by(expression, selected)?,
            };
            let typed = match selected_at.map(|at| &selected[at].1) {
                Some(Selected::Expression(expression)) => self.expression(expression)?,
                Some(Selected::Column(path)) => self.column(path)?,
                None => self.expression(expression)?,
            };
            groups.push(typed.sql);
        }
        self.frame().bare_column = None;
        Ok(Some(groups))
    }

    /// A column wins over an alias of the same name in GROUP BY.
    fn alias_in_group_by(
        &mut self,
        expression: &Expr,
        selected: &[(String, Selected<'_>, bool)],
    ) -> SqlResult<Option<usize>> {
        let Expr::Identifier(name) = expression else {
            return Ok(None);
        };
        if self
            .find_column(std::slice::from_ref(&name.value))?
            .is_some()
        {
            return Ok(None);
        }
        Ok(selected.iter().position(|(alias, _, has_alias)| {
            *has_alias && alias.eq_ignore_ascii_case(&name.value)
        }))
    }

    /// The select list with its wildcards written out.
    fn expand<'e>(
        &mut self,
        projection: &'e [SelectItem],
    ) -> SqlResult<Vec<(String, Selected<'e>, bool)>> {
        let mut expanded = Vec::new();
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    expanded.push((
                        names::of(expression),
                        Selected::Expression(expression),
                        false,
                    ));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    expanded.push((alias.value.clone(), Selected::Expression(expr), true));
                }
                SelectItem::Wildcard(_) => expanded.extend(self.wildcard(&[])?),
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let qualifier = super::relation::parts(name)?;
                    expanded.extend(self.wildcard(&qualifier)?);
                }
                other => return Err(unsupported(&other.to_string())),
            }
        }
        Ok(expanded)
    }

    fn wildcard<'e>(
        &mut self,
        qualifier: &[String],
    ) -> SqlResult<Vec<(String, Selected<'e>, bool)>> {
        let scope = &self.frame().scope;
        let mut columns = Vec::new();
        for relation in &scope.relations {
            if !relation.is_meant_by(qualifier) {
                continue;
            }
            for column in &relation.columns {
                let is_hidden = qualifier.is_empty()
                    && relation
                        .hidden
                        .iter()
                        .any(|hidden| hidden.eq_ignore_ascii_case(&column.name));
                if !is_hidden {
                    let path = vec![relation.name.clone(), column.name.clone()];
                    columns.push((column.name.clone(), Selected::Column(path), false));
                }
            }
        }
        if columns.is_empty() {
            return Err(match qualifier {
                [] => SqlError::analyzing("No tables used"),
                [.., table] => SqlError::analyzing(format!("Unknown table '{table}'")),
            });
        }
        Ok(columns)
    }
}

/// An expression of the select list, or a column that a wildcard stands for.
enum Selected<'e> {
    Expression(&'e Expr),
    Column(Vec<String>),
}

pub(super) fn not_grouped(column: &str) -> SqlError {
    SqlError::analyzing(format!(
        "'{column}' must be an aggregate expression or appear in GROUP BY clause"
    ))
}

pub(super) fn rename<'n>(outputs: &mut [Output], names: impl Iterator<Item = &'n String>) {
    for (output, name) in outputs.iter_mut().zip(names) {
        output.name.clone_from(name);
    }
}

/// The place that a bare number in ORDER BY or GROUP BY means, from 0.
pub(super) fn ordinal(expression: &Expr, width: usize) -> SqlResult<Option<usize>> {
    let Expr::Value(value) = expression else {
        return Ok(None);
    };
    let Literal::Number(digits, _) = &value.value else {
        return Ok(None);
    };
    let Ok(number) = digits.parse::<usize>() else {
        return Ok(None);
    };
    if (1..=width).contains(&number) {
        Ok(Some(number - 1))
    } else {
        Err(SqlError::analyzing(format!(
            "Order by position {number} is not in select list"
        )))
    }
}

pub(super) fn direction(item: &OrderByExpr) -> String {
    use sqlparser::ast::OrderBySort;
    let mut text = match &item.options.sort {
        Some(OrderBySort::Desc) => " DESC",
        _ => "",
    }
    .to_owned();
    match item.options.nulls_first {
        Some(true) => text.push_str(" NULLS FIRST"),
        Some(false) => text.push_str(" NULLS LAST"),
        None => {}
    }
    text
}

fn order_expressions(order_by: Option<&OrderBy>) -> SqlResult<&[OrderByExpr]> {
    match order_by.map(|order_by| &order_by.kind) {
        None => Ok(&[]),
        Some(OrderByKind::Expressions(expressions)) => Ok(expressions),
        Some(OrderByKind::All(_)) => Err(unsupported("ORDER BY ALL")),
    }
}

pub(super) fn order_list(
    compiler: &mut Compiler<'_>,
    order_by: &[OrderByExpr],
) -> SqlResult<String> {
    let mut order = Vec::new();
    for item in order_by {
        let typed = compiler.expression(&item.expr)?;
        order.push(format!("{}{}", typed.ordered(), direction(item)));
    }
    Ok(order.join(", "))
}
