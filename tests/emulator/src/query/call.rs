//! Function calls: scalar functions, aggregates and windows.

use rusqlite::types::Value;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, OrderByExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowType,
};

use super::{
    Compiler,
    expression::item_kind,
    functions, literal,
    parser::unsupported,
    select::order_list,
    typed::{Typed, spelling},
};
use crate::{
    reply::{SqlError, SqlResult},
    types::SqlType,
};

/// The arguments of a call as written.
pub(super) struct Written<'e> {
    pub arguments: Vec<&'e Expr>,
    /// `f(*)`.
    star: bool,
    distinct: bool,
    order_by: &'e [OrderByExpr],
    separator: Option<String>,
}

impl<'e> Written<'e> {
    fn of(function: &'e Function) -> SqlResult<Written<'e>> {
        let mut written = Written {
            arguments: Vec::new(),
            star: false,
            distinct: false,
            order_by: &[],
            separator: None,
        };
        let list = match &function.args {
            FunctionArguments::None => return Ok(written),
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return Err(unsupported(&function.to_string())),
        };
        written.distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => {
                    written.arguments.push(expression);
                }
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => written.star = true,
                other => return Err(unsupported(&other.to_string())),
            }
        }
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order_by) => written.order_by = order_by,
                FunctionArgumentClause::Separator(separator) => {
                    written.separator = separator.value.clone().into_string();
                }
                FunctionArgumentClause::IgnoreOrRespectNulls(_) => {
                    return Err(unsupported("IGNORE NULLS"));
                }
                other => return Err(unsupported(&other.to_string())),
            }
        }
        Ok(written)
    }
}

const AGGREGATES: [&str; 33] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "any_value",
    "group_concat",
    "string_agg",
    "array_agg",
    "bitmap_union",
    "bitmap_agg",
    "bitmap_union_count",
    "bitmap_union_int",
    "hll_union",
    "hll_raw_agg",
    "hll_union_agg",
    "percentile_union",
    "approx_count_distinct",
    "ndv",
    "multi_distinct_count",
    "multi_distinct_sum",
    "count_if",
    "bool_or",
    "boolor_agg",
    "bool_and",
    "booland_agg",
    "max_by",
    "min_by",
    "stddev",
    "stddev_samp",
    "variance",
    "var_samp",
    "std",
];

const WINDOWS: [&str; 11] = [
    "row_number",
    "rank",
    "dense_rank",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "percent_rank",
    "cume_dist",
    "nth_value",
];

impl Compiler<'_> {
    pub(super) fn call(&mut self, function: &Function) -> SqlResult<Typed> {
        let name = function.name.to_string().replace('`', "").to_lowercase();
        let written = Written::of(function)?;
        if let Some(filter) = &function.filter {
            return Err(unsupported(&format!("FILTER (WHERE {filter})")));
        }
        if let Some(window) = &function.over {
            return self.window(&name, &written, window);
        }
        if AGGREGATES.contains(&name.as_str()) {
            return self.aggregate(&name, &written);
        }
        if WINDOWS.contains(&name.as_str()) {
            return Err(SqlError::analyzing(format!(
                "{name}() window function must have an OVER clause"
            )));
        }
        if let Some(typed) = self.special(&name, &written)? {
            return Ok(typed);
        }
        let arguments = self.all(&written)?;
        self.scalar(&name, arguments)
    }

    pub(super) fn all(&mut self, written: &Written<'_>) -> SqlResult<Vec<Typed>> {
        let mut arguments = Vec::new();
        for argument in &written.arguments {
            arguments.push(self.expression(argument)?);
        }
        Ok(arguments)
    }

    /// A function that takes compiled arguments.
    pub(super) fn scalar(&mut self, name: &str, arguments: Vec<Typed>) -> SqlResult<Typed> {
        let known = functions::find(name)
            .filter(|scalar| (scalar.least..=scalar.most).contains(&arguments.len()));
        let Some(scalar) = known else {
            let types: Vec<String> = arguments
                .iter()
                .map(|argument| spelling(&argument.sql_type))
                .collect();
            return Err(SqlError::analyzing(format!(
                "No matching function with signature: {name}({})",
                types.join(", ")
            )));
        };
        let types: Vec<SqlType> = arguments
            .iter()
            .map(|argument| argument.sql_type.clone())
            .collect();
        let arguments: Vec<String> = arguments.into_iter().map(|argument| argument.sql).collect();
        Ok(Typed::new(
            format!("sr_{name}({})", arguments.join(", ")),
            scalar.returns.resolve(&types),
        ))
    }

    fn aggregate(&mut self, name: &str, written: &Written<'_>) -> SqlResult<Typed> {
        if self.frame().in_aggregate > 0 {
            return Err(SqlError::analyzing(format!(
                "Aggregate functions cannot be nested: {name}"
            )));
        }
        self.frame().in_aggregate += 1;
        let compiled = self.aggregate_call(name, written);
        let frame = self.frame();
        frame.in_aggregate -= 1;
        frame.saw_aggregate = true;
        compiled
    }

    fn aggregate_call(&mut self, name: &str, written: &Written<'_>) -> SqlResult<Typed> {
        use SqlType::{BigInt, Boolean, Decimal, Double, LargeInt};
        if written.star {
            return match name {
                "count" => Ok(Typed::new("count(*)", BigInt)),
                _ => Err(unsupported(&format!("{name}(*)"))),
            };
        }
        let mut arguments = self.all(written)?;
        if arguments.is_empty() {
            return Err(SqlError::analyzing(format!(
                "No matching function with signature: {name}()"
            )));
        }
        let order = if written.order_by.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {}", order_list(self, written.order_by)?)
        };
        let distinct = match name {
            "approx_count_distinct" | "ndv" | "multi_distinct_count" | "multi_distinct_sum" => true,
            _ => written.distinct,
        };
        let prefix = if distinct { "DISTINCT " } else { "" };
        let others = arguments.split_off(1);
        let first = arguments.remove(0);
        let sum = |first: Typed| match &first.sql_type {
            Decimal { scale, .. } => Typed::new(
                format!("agg_sum_wide({prefix}{})", first.sql),
                Decimal {
                    precision: 38,
                    scale: *scale,
                },
            ),
            LargeInt => Typed::new(format!("agg_sum_wide({prefix}{})", first.sql), LargeInt),
            sql_type if sql_type.is_integer() => {
                Typed::new(format!("agg_sum_integer({prefix}{})", first.sql), BigInt)
            }
            _ => Typed::new(format!("sum({prefix}{})", first.cast(&Double).sql), Double),
        };
        Ok(match name {
            "count" | "approx_count_distinct" | "ndv" | "multi_distinct_count" => {
                let counted = if others.is_empty() {
                    first.sql
                } else {
                    // A row counts if no value is NULL.
                    let values: Vec<String> = [first]
                        .into_iter()
                        .chain(others)
                        .map(|value| format!("{}, 0", value.sql))
                        .collect();
                    let tests: Vec<String> = values
                        .iter()
                        .map(|value| format!("{} IS NULL", value.trim_end_matches(", 0")))
                        .collect();
                    format!(
                        "CASE WHEN {} THEN NULL ELSE sr_array_of({}) END",
                        tests.join(" OR "),
                        values.join(", ")
                    )
                };
                Typed::new(format!("count({prefix}{counted})"), BigInt)
            }
            "sum" | "multi_distinct_sum" => sum(first),
            "avg" => match &first.sql_type {
                Decimal { precision, scale } => {
                    // Four digits more than the values, as far as they fit.
                    let scale = (scale + 6).min(18).max(*scale);
                    let precision = 38.max(*precision);
                    if distinct {
                        return Err(unsupported("avg(DISTINCT ...) of decimals"));
                    }
                    Typed::new(
                        format!("agg_average_wide({}, {scale})", first.sql),
                        Decimal { precision, scale },
                    )
                }
                _ => Typed::new(format!("avg({prefix}{})", first.cast(&Double).sql), Double),
            },
            "min" | "max" => Typed::new(format!("{name}({})", first.ordered()), first.sql_type),
            "any_value" => Typed::new(format!("min({})", first.ordered()), first.sql_type),
            "group_concat" | "string_agg" => {
                let separator = match (&written.separator, others.first()) {
                    (Some(separator), _) => literal::text(separator),
                    (None, Some(separator)) => separator.sql.clone(),
                    (None, None) => literal::text(", "),
                };
                if distinct {
                    // SQLite allows DISTINCT with one argument only.
                    let joined = format!(
                        "sr_array_join(agg_array_distinct({}{order}), {separator})",
                        first.sql
                    );
                    Typed::new(joined, SqlType::STRING)
                } else {
                    Typed::new(
                        format!("agg_join({}, {separator}{order})", first.sql),
                        SqlType::STRING,
                    )
                }
            }
            "array_agg" => {
                let kind = u8::from(item_kind(&first.sql_type) > 0);
                Typed::new(
                    format!("agg_array({}, {kind}{order})", first.sql),
                    SqlType::Array(Box::new(first.sql_type)),
                )
            }
            "bitmap_union" => Typed::new(format!("agg_union({})", first.sql), SqlType::Bitmap),
            "bitmap_agg" => {
                let member = self.scalar("to_bitmap", vec![first])?;
                Typed::new(format!("agg_union({})", member.sql), SqlType::Bitmap)
            }
            "bitmap_union_count" | "hll_union_agg" => {
                Typed::new(format!("sr_bitmap_count(agg_union({}))", first.sql), BigInt)
            }
            "bitmap_union_int" => Typed::new(format!("count(DISTINCT {})", first.sql), BigInt),
            "hll_union" | "hll_raw_agg" => {
                Typed::new(format!("agg_union({})", first.sql), SqlType::Hll)
            }
            "percentile_union" => Typed::new(
                format!("agg_percentiles({})", first.sql),
                SqlType::Percentile,
            ),
            "count_if" => Typed::new(format!("count(CASE WHEN {} THEN 1 END)", first.sql), BigInt),
            "bool_or" | "boolor_agg" => Typed::new(format!("max({} IS TRUE)", first.sql), Boolean),
            "bool_and" | "booland_agg" => {
                Typed::new(format!("min({} IS TRUE)", first.sql), Boolean)
            }
            "max_by" | "min_by" => {
                let [key] = others.as_slice() else {
                    return Err(unsupported(&format!(
                        "{name} of {} arguments",
                        others.len() + 1
                    )));
                };
                let key = if key.sql_type.is_wide() {
                    key.clone().cast(&Double)
                } else {
                    key.clone()
                };
                let sign = if name == "max_by" { 1 } else { -1 };
                Typed::new(
                    format!("agg_by({}, {}, {sign})", first.sql, key.sql),
                    first.sql_type,
                )
            }
            "variance" | "var_samp" | "stddev" | "std" | "stddev_samp" => {
                let degrees = u8::from(name.ends_with("_samp"));
                let variance = format!("agg_variance({}, {degrees})", first.cast(&Double).sql);
                Typed::new(
                    if name.starts_with("std") {
                        format!("sr_sqrt({variance})")
                    } else {
                        variance
                    },
                    Double,
                )
            }
            other => return Err(unsupported(other)),
        })
    }

    fn window(
        &mut self,
        name: &str,
        written: &Written<'_>,
        window: &WindowType,
    ) -> SqlResult<Typed> {
        let WindowType::WindowSpec(spec) = window else {
            return Err(unsupported(&format!("{name} OVER a named window")));
        };
        let called = if WINDOWS.contains(&name) {
            let arguments = self.all(written)?;
            let sql_type = match name {
                "percent_rank" | "cume_dist" => SqlType::Double,
                "lag" | "lead" | "first_value" | "last_value" | "nth_value" => arguments
                    .first()
                    .map_or(SqlType::Null, |argument| argument.sql_type.clone()),
                _ => SqlType::BigInt,
            };
            let arguments: Vec<String> =
                arguments.into_iter().map(|argument| argument.sql).collect();
            Typed::new(format!("{name}({})", arguments.join(", ")), sql_type)
        } else if matches!(name, "count" | "sum" | "avg" | "min" | "max") && !written.distinct {
            self.aggregate_call(name, written)?
        } else {
            return Err(unsupported(&format!("{name} as a window function")));
        };
        let mut over = Vec::new();
        if !spec.partition_by.is_empty() {
            let mut by = Vec::new();
            for expression in &spec.partition_by {
                by.push(self.expression(expression)?.sql);
            }
            over.push(format!("PARTITION BY {}", by.join(", ")));
        }
        if !spec.order_by.is_empty() {
            over.push(format!("ORDER BY {}", order_list(self, &spec.order_by)?));
        }
        if let Some(frame) = &spec.window_frame {
            over.push(self.window_frame(frame)?);
        }
        Ok(Typed::new(
            format!("{} OVER ({})", called.sql, over.join(" ")),
            called.sql_type,
        ))
    }

    fn window_frame(&mut self, frame: &WindowFrame) -> SqlResult<String> {
        let units = match frame.units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => return Err(unsupported("GROUPS in a window")),
        };
        let mut bound = |bound: &WindowFrameBound| -> SqlResult<String> {
            Ok(match bound {
                WindowFrameBound::CurrentRow => "CURRENT ROW".to_owned(),
                WindowFrameBound::Preceding(None) => "UNBOUNDED PRECEDING".to_owned(),
                WindowFrameBound::Following(None) => "UNBOUNDED FOLLOWING".to_owned(),
                WindowFrameBound::Preceding(Some(count)) => {
                    format!("{} PRECEDING", self.expression(count)?.sql)
                }
                WindowFrameBound::Following(Some(count)) => {
                    format!("{} FOLLOWING", self.expression(count)?.sql)
                }
            })
        };
        let start = bound(&frame.start_bound)?;
        Ok(match &frame.end_bound {
            None => format!("{units} {start}"),
            Some(end) => format!("{units} BETWEEN {start} AND {}", bound(end)?),
        })
    }

    /// A constant text.
    pub(super) fn text(text: impl Into<String>) -> Typed {
        Typed::literal(Value::Text(text.into()), SqlType::STRING)
    }
}
