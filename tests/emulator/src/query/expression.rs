//! Expressions.

use rusqlite::types::Value;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Expr, Interval, Subscript, TrimWhereField, UnaryOperator,
    Value as Literal,
};

use super::{
    Compiler,
    condition::negate,
    literal,
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
