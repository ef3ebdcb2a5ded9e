//! Expressions.

use rusqlite::types::Value;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, DataType, Expr, InTarget, Interval, Query, Subscript,
    TrimWhereField, UnaryOperator, Value as Literal,
};

use super::{
    Compiler, literal,
    parser::unsupported,
    scope::unresolved,
    select::not_grouped,
    typed::{Typed, arithmetic, common_type, compare},
};
use crate::{
    reply::{SqlError, SqlResult},
    types::SqlType,
    value,
};

impl Compiler<'_> {
    /// Compiles an expression of the current SELECT.
    pub(crate) fn expression(&mut self, expression: &Expr) -> SqlResult<Typed> {
        let frame = self.frame();
        let must_match_group = frame.groups.is_some() && frame.in_aggregate == 0;
        let is_simple = matches!(
            expression,
            Expr::Value(_) | Expr::Subquery(_) | Expr::Exists { .. } | Expr::Nested(_)
        );
        if !must_match_group || is_simple {
            return self.unmatched(expression);
        }
        // An expression that GROUP BY names may use its columns freely.
        let groups = self.frame().groups.take();
        let free = self.unmatched(expression);
        self.frame().groups = groups;
        match free {
            Ok(typed)
                if self
                    .frame()
                    .groups
                    .as_ref()
                    .is_some_and(|groups| groups.contains(&typed.sql)) =>
            {
                Ok(typed)
            }
            _ => self.unmatched(expression),
        }
    }

    fn unmatched(&mut self, expression: &Expr) -> SqlResult<Typed> {
        match expression {
            Expr::Identifier(identifier) if identifier.value.starts_with('@') => {
                self.variable(&[identifier.value.as_str()])
            }
            Expr::CompoundIdentifier(parts)
                if parts
                    .first()
                    .is_some_and(|part| part.value.starts_with('@')) =>
            {
                let names: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                self.variable(&names)
            }
            Expr::Identifier(identifier) => self.column(std::slice::from_ref(&identifier.value)),
            Expr::CompoundIdentifier(parts) => {
                let path: Vec<String> = parts.iter().map(|part| part.value.clone()).collect();
                self.column(&path)
            }
            Expr::Value(value) => literal_value(&value.value),
            Expr::Nested(inner) => {
                let mut typed = self.expression(inner)?;
                typed.sql = format!("({})", typed.sql);
                Ok(typed)
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::UnaryOp { op, expr } => self.unary(op, expr),
            Expr::IsNull(inner) => self.postfix(inner, "IS NULL"),
            Expr::IsNotNull(inner) => self.postfix(inner, "IS NOT NULL"),
            Expr::IsTrue(inner) => self.postfix(inner, "IS TRUE"),
            Expr::IsNotTrue(inner) => self.postfix(inner, "IS NOT TRUE"),
            Expr::IsFalse(inner) => self.postfix(inner, "IS FALSE"),
            Expr::IsNotFalse(inner) => self.postfix(inner, "IS NOT FALSE"),
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let tested = self.expression(expr)?;
                let low = self.expression(low)?;
                let high = self.expression(high)?;
                let above = compare(tested.clone(), ">=", low).sql;
                let below = compare(tested, "<=", high).sql;
                Ok(negate(*negated, format!("({above} AND {below})")))
            }
            Expr::In {
                expr,
                target,
                negated,
                ..
            } => self.is_in(expr, target, *negated),
            Expr::Like {
                negated,
                expr,
                pattern,
                escape_char: None,
                any: false,
            } => self.pattern("sr_like", expr, pattern, *negated),
            Expr::ILike {
                negated,
                expr,
                pattern,
                escape_char: None,
                any: false,
            } => self.pattern("sr_ilike", expr, pattern, *negated),
            Expr::RLike {
                negated,
                expr,
                pattern,
                ..
            } => self.pattern("sr_regexp", expr, pattern, *negated),
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            Expr::Cast {
                expr, data_type, ..
            } => {
                let to = cast_type(data_type)?;
                Ok(self.expression(expr)?.cast(&to))
            }
            Expr::TypedString(typed) => {
                let to = cast_type(&typed.data_type)?;
                let text = literal_value(&typed.value.value)?;
                Ok(text.cast(&to))
            }
            Expr::Exists { subquery, negated } => {
                let body = self.query(subquery)?;
                Ok(negate(*negated, format!("EXISTS ({})", body.sql)))
            }
            Expr::Subquery(subquery) => self.scalar_subquery(subquery),
            Expr::Function(function) => self.call(function),
            Expr::Extract { field, expr, .. } => {
                let argument = self.expression(expr)?;
                self.scalar(&field.to_string().to_lowercase(), vec![argument])
            }
            Expr::Ceil { expr, .. } => self.one("ceil", expr),
            Expr::Floor { expr, .. } => self.one("floor", expr),
            Expr::Position { expr, r#in } => {
                let arguments = vec![self.expression(expr)?, self.expression(r#in)?];
                self.scalar("locate", arguments)
            }
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                let mut arguments = vec![self.expression(expr)?];
                for argument in [substring_from, substring_for].into_iter().flatten() {
                    arguments.push(self.expression(argument)?);
                }
                self.scalar("substring", arguments)
            }
            Expr::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters,
            } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                    _ => "trim",
                };
                let mut arguments = vec![self.expression(expr)?];
                if let Some(what) = trim_what {
                    arguments.push(self.expression(what)?);
                }
                for characters in trim_characters.iter().flatten() {
                    arguments.push(self.expression(characters)?);
                }
                self.scalar(name, arguments)
            }
            Expr::Array(array) => {
                let mut items = Vec::new();
                for item in &array.elem {
                    items.push(self.expression(item)?);
                }
                Ok(array_of(items))
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                let mut typed = self.expression(root)?;
                for access in access_chain {
                    let key = match access {
                        AccessExpr::Subscript(Subscript::Index { index }) => {
                            self.expression(index)?
                        }
                        AccessExpr::Dot(Expr::Identifier(field)) => {
                            Typed::literal(Value::Text(field.value.clone()), SqlType::STRING)
                        }
                        other => return Err(unsupported(&other.to_string())),
                    };
                    typed = self.element(typed, key)?;
                }
                Ok(typed)
            }
            Expr::Collate { expr, .. } => self.expression(expr),
            other => Err(unsupported(&other.to_string())),
        }
    }

    fn element(&mut self, container: Typed, key: Typed) -> SqlResult<Typed> {
        let field_type = match (&container.sql_type, &key.constant) {
            (SqlType::Struct(fields), Some(Value::Text(name))) => Some(
                fields
                    .iter()
                    .find(|(field, _)| field.eq_ignore_ascii_case(name))
                    .map(|(_, field_type)| field_type.clone())
                    .ok_or_else(|| unresolved(std::slice::from_ref(name)))?,
            ),
            _ => None,
        };
        let mut typed = self.scalar("element_at", vec![container, key])?;
        if let Some(field_type) = field_type {
            typed.sql_type = field_type;
        }
        Ok(typed)
    }

    fn one(&mut self, name: &str, argument: &Expr) -> SqlResult<Typed> {
        let argument = self.expression(argument)?;
        self.scalar(name, vec![argument])
    }

    fn postfix(&mut self, inner: &Expr, test: &str) -> SqlResult<Typed> {
        let inner = self.expression(inner)?;
        Ok(Typed::boolean(format!("({} {test})", inner.sql)))
    }

    fn pattern(
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

    /// Finds a column here or, for correlated subqueries, in the queries around.
    pub(super) fn find_column(&mut self, path: &[String]) -> SqlResult<Option<(Typed, bool)>> {
        let innermost = self.frames.len().saturating_sub(1);
        for (depth, frame) in self.frames.iter().enumerate().rev() {
            if let Some(column) = frame.scope.find(path)? {
                return Ok(Some((column.typed(), depth == innermost)));
            }
        }
        Ok(None)
    }

    pub(super) fn column(&mut self, path: &[String]) -> SqlResult<Typed> {
        if let Some((typed, is_own)) = self.find_column(path)? {
            let frame = self.frame();
            if is_own && frame.in_aggregate == 0 {
                let name = path.join(".");
                if let Some(groups) = &frame.groups
                    && !groups.contains(&typed.sql)
                {
                    return Err(not_grouped(&name));
                }
                frame.bare_column.get_or_insert(name);
            }
            return Ok(typed);
        }
        // The alias of a select item, in HAVING and ORDER BY.
        if let [name] = path
            && let Some((_, typed)) = self
                .frame()
                .aliases
                .iter()
                .find(|(alias, _)| alias.eq_ignore_ascii_case(name))
        {
            return Ok(typed.clone());
        }
        // A field of a STRUCT column.
        if let [head @ .., field] = path
            && !head.is_empty()
            && let Some((typed, _)) = self.find_column(head)?
            && matches!(typed.sql_type, SqlType::Struct(_))
        {
            let key = Typed::literal(Value::Text(field.clone()), SqlType::STRING);
            return self.element(typed, key);
        }
        Err(unresolved(path))
    }

    fn binary(&mut self, left: &Expr, operator: &BinaryOperator, right: &Expr) -> SqlResult<Typed> {
        use BinaryOperator as Op;
        // A time and an INTERVAL.
        match (left, operator, right) {
            (time, Op::Plus, Expr::Interval(interval))
            | (Expr::Interval(interval), Op::Plus, time) => {
                return self.add_interval(time, interval, 1);
            }
            (time, Op::Minus, Expr::Interval(interval)) => {
                return self.add_interval(time, interval, -1);
            }
            _ => {}
        }
        if let (Expr::Tuple(left), Expr::Tuple(right)) = (left, right) {
            return self.tuples(left, operator, right);
        }
        match operator {
            Op::And => return self.chain(left, right, "AND", |op| matches!(op, Op::And)),
            // StarRocks reads || as OR unless PIPES_AS_CONCAT is set.
            Op::Or | Op::StringConcat => {
                let is_or = |op: &Op| matches!(op, Op::Or | Op::StringConcat);
                return self.chain(left, right, "OR", is_or);
            }
            _ => {}
        }
        let left = self.expression(left)?;
        let right = self.expression(right)?;
        Ok(match operator {
            Op::Eq => compare(left, "=", right),
            Op::NotEq => compare(left, "<>", right),
            Op::Lt => compare(left, "<", right),
            Op::LtEq => compare(left, "<=", right),
            Op::Gt => compare(left, ">", right),
            Op::GtEq => compare(left, ">=", right),
            Op::Spaceship => compare(left, "IS", right),
            Op::Xor => Typed::boolean(format!("((NOT {}) <> (NOT {}))", left.sql, right.sql)),
            Op::Plus => arithmetic(left, "+", right),
            Op::Minus => arithmetic(left, "-", right),
            Op::Multiply => arithmetic(left, "*", right),
            Op::Divide => arithmetic(left, "/", right),
            Op::Modulo => arithmetic(left, "%", right),
            Op::MyIntegerDivide => arithmetic(left, "DIV", right),
            Op::BitwiseAnd => arithmetic(left, "&", right),
            Op::BitwiseOr => arithmetic(left, "|", right),
            Op::BitwiseXor => arithmetic(left, "^", right),
            Op::Regexp => Typed::boolean(format!("sr_regexp({}, {})", left.sql, right.sql)),
            Op::Arrow => self.scalar("json_query", vec![left, right])?,
            other => return Err(unsupported(&format!("operator {other}"))),
        })
    }

    /// A chain of AND or OR. It leans to the left and may have thousands of links; SQLite takes a
    /// depth of 1,000, so the links become a balanced tree.
    fn chain(
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

    fn tuples(
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

    pub(super) fn add_interval(
        &mut self,
        time: &Expr,
        interval: &Interval,
        sign: i64,
    ) -> SqlResult<Typed> {
        let time = self.expression(time)?;
        let (count, unit) = self.interval(interval)?;
        let count = arithmetic(
            count.cast(&SqlType::BigInt),
            "*",
            Typed::literal(Value::Integer(sign), SqlType::TinyInt),
        );
        self.scalar("add_interval", vec![time, unit, count])
    }

    /// The count and the unit of an INTERVAL.
    pub(super) fn interval(&mut self, interval: &Interval) -> SqlResult<(Typed, Typed)> {
        let Some(unit) = &interval.leading_field else {
            return Err(unsupported(&interval.to_string()));
        };
        let unit = Value::Text(unit.to_string().to_lowercase());
        Ok((
            self.expression(&interval.value)?,
            Typed::literal(unit, SqlType::STRING),
        ))
    }

    fn unary(&mut self, operator: &UnaryOperator, inner: &Expr) -> SqlResult<Typed> {
        if let (UnaryOperator::Minus, Expr::Value(number)) = (operator, inner)
            && let Literal::Number(digits, _) = &number.value
        {
            return Typed::number(&format!("-{digits}")).ok_or_else(|| bad_number(digits));
        }
        let inner = self.expression(inner)?;
        match operator {
            UnaryOperator::Not | UnaryOperator::BangNot => {
                Ok(Typed::boolean(format!("(NOT {})", inner.sql)))
            }
            UnaryOperator::Plus => Ok(inner),
            UnaryOperator::Minus => self.scalar("negative", vec![inner]),
            UnaryOperator::BitwiseNot => self.scalar("bitnot", vec![inner]),
            other => Err(unsupported(&format!("operator {other}"))),
        }
    }

    fn is_in(&mut self, tested: &Expr, target: &InTarget, negated: bool) -> SqlResult<Typed> {
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

    fn in_subquery(
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

    fn scalar_subquery(&mut self, query: &Query) -> SqlResult<Typed> {
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

    fn case(
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

pub(super) fn common_of(values: &[Typed]) -> SqlType {
    values.iter().fold(SqlType::Null, |common, value| {
        common_type(&common, &value.sql_type)
    })
}

/// Each item comes with its kind, see `sr_array_of`.
pub(super) fn array_of(items: Vec<Typed>) -> Typed {
    let item_type = common_of(&items);
    let arguments: Vec<String> = items
        .into_iter()
        .map(|item| {
            let item = item.cast(&item_type);
            format!("{}, {}", item.sql, item_kind(&item_type))
        })
        .collect();
    Typed::new(
        format!("sr_array_of({})", arguments.join(", ")),
        SqlType::Array(Box::new(item_type)),
    )
}

/// 0: a text that needs quotes; 1: JSON already; 2: a number.
pub(super) fn item_kind(sql_type: &SqlType) -> u8 {
    match sql_type {
        SqlType::Json | SqlType::Array(_) | SqlType::Map(..) | SqlType::Struct(_) => 1,
        SqlType::Float | SqlType::Double | SqlType::Decimal { .. } => 2,
        _ if sql_type.is_integer() => 2,
        _ => 0,
    }
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

fn negate(negated: bool, sql: String) -> Typed {
    Typed::boolean(if negated { format!("(NOT {sql})") } else { sql })
}

fn bad_number(digits: &str) -> SqlError {
    SqlError::analyzing(format!("Invalid number format: {digits}"))
}

fn literal_value(value: &Literal) -> SqlResult<Typed> {
    Ok(match value {
        Literal::Number(digits, _) => Typed::number(digits).ok_or_else(|| bad_number(digits))?,
        Literal::SingleQuotedString(text) | Literal::DoubleQuotedString(text) => {
            Typed::literal(Value::Text(text.clone()), SqlType::STRING)
        }
        Literal::HexStringLiteral(digits) => {
            let bytes = hex::decode(digits).map_err(|error| {
                SqlError::analyzing(format!("Invalid hex literal {digits}: {error}"))
            })?;
            Typed {
                sql: literal::value(&Value::Blob(bytes.clone())),
                sql_type: SqlType::Varbinary(None),
                constant: Some(Value::Blob(bytes)),
            }
        }
        Literal::Boolean(truth) => {
            Typed::literal(Value::Integer(i64::from(*truth)), SqlType::Boolean)
        }
        Literal::Null => Typed::null(),
        other => return Err(unsupported(&other.to_string())),
    })
}

/// The type that CAST names.
pub(super) fn cast_type(data_type: &DataType) -> SqlResult<SqlType> {
    let spelled = data_type.to_string();
    match data_type {
        DataType::Signed | DataType::SignedInteger => return Ok(SqlType::BigInt),
        DataType::Timestamp(..) | DataType::Datetime(_) => return Ok(SqlType::DateTime),
        DataType::Varchar(None) | DataType::String(None) | DataType::Text => {
            return Ok(SqlType::Varchar(Some(crate::types::STRING_LENGTH)));
        }
        DataType::Char(None) => return Ok(SqlType::Char(None)),
        DataType::Decimal(sqlparser::ast::ExactNumberInfo::None) => {
            return Ok(SqlType::Decimal {
                precision: 10,
                scale: 0,
            });
        }
        _ => {}
    }
    SqlType::parse(&spelled).ok_or_else(|| unsupported(&format!("type {spelled}")))
}

/// A constant expression's value, for DEFAULT and VALUES; `None` if it depends on rows.
pub(crate) fn constant(typed: &Typed, to: &SqlType) -> Option<Value> {
    typed
        .constant
        .as_ref()
        .map(|constant| value::cast(constant.into(), to))
}
