//! Table functions in FROM.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, TableAlias};

use super::{
    Compiler, Output,
    parser::unsupported,
    relation::parts,
    scope::{Relation, ScopeColumn},
    select::Body,
    typed::common_type,
};
use crate::{
    reply::{SqlError, SqlResult},
    types::SqlType,
};

impl Compiler<'_> {
    /// `TABLE(generate_series(1, 10))` and `unnest(array)`.
    pub(super) fn table_function(
        &mut self,
        name: &[String],
        arguments: &[FunctionArg],
        alias: Option<&TableAlias>,
    ) -> SqlResult<String> {
        let function = name.join(".").to_lowercase();
        let mut values = Vec::new();
        for argument in arguments {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => values.push(expression),
                other => return Err(unsupported(&other.to_string())),
            }
        }
        match (function.as_str(), values.as_slice()) {
            ("generate_series", [start, end]) => self.series(start, end, None, alias),
            ("generate_series", [start, end, step]) => self.series(start, end, Some(step), alias),
            ("unnest", [array]) => self.unnest(array, alias),
            // FROM TABLE(function(...)).
            ("table", [Expr::Function(inner)]) => match &inner.args {
                FunctionArguments::List(list) => {
                    self.table_function(&parts(&inner.name)?, &list.args, alias)
                }
                _ => Err(unsupported(&inner.to_string())),
            },
            _ => Err(unsupported(&format!("table function {function}"))),
        }
    }

    pub(super) fn series(
        &mut self,
        start: &Expr,
        end: &Expr,
        step: Option<&Expr>,
        alias: Option<&TableAlias>,
    ) -> SqlResult<String> {
        let start = self.expression(start)?;
        let end = self.expression(end)?;
        let step = match step {
            Some(step) => self.expression(step)?.sql,
            None => "1".to_owned(),
        };
        let sql_type = common_type(&start.sql_type, &end.sql_type);
        let (start, end) = (start.sql, end.sql);
        let body = Body {
            sql: format!(
                "WITH RECURSIVE series(n) AS (SELECT {start} WHERE ({step} > 0 AND {start} <= {end}) \
                 OR ({step} < 0 AND {start} >= {end}) UNION ALL SELECT n + {step} FROM series WHERE \
                 ({step} > 0 AND n + {step} <= {end}) OR ({step} < 0 AND n + {step} >= {end})) \
                 SELECT n AS o1 FROM series"
            ),
            outputs: vec![Output {
                name: "generate_series".to_owned(),
                sql_type,
            }],
        };
        self.derived(body, alias, Some((None, "generate_series".to_owned())))
    }

    pub(super) fn unnest(&mut self, array: &Expr, alias: Option<&TableAlias>) -> SqlResult<String> {
        let array = self.expression(array)?;
        let SqlType::Array(item) = array.sql_type else {
            return Err(SqlError::analyzing("unnest needs an array"));
        };
        let internal = self.fresh("r");
        let column = alias
            .and_then(|alias| alias.columns.first())
            .map_or("unnest", |column| column.name.value.as_str());
        self.add_relation(Relation {
            database: None,
            name: alias.map_or("unnest", |alias| &alias.name.value).to_owned(),
            columns: vec![ScopeColumn {
                name: column.to_owned(),
                sql: format!("{internal}.value"),
                sql_type: *item,
            }],
            hidden: Vec::new(),
        })?;
        Ok(format!("json_each({}) AS {internal}", array.sql))
    }
}
