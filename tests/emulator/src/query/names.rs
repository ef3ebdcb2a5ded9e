//! What a result column without an alias is called.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value,
};

/// The frontend prints the expression in its own spelling: function names in lower case, literals in
/// single quotes, blanks around operators.
pub fn of(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(identifier) => match identifier.value.strip_prefix("@@") {
            Some(variable) => format!("@@{variable}"),
            None => identifier.value.clone(),
        },
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [scope, variable] if scope.value.starts_with("@@") => {
                format!("{}.{}", scope.value.to_ascii_uppercase(), variable.value)
            }
            [.., column] => column.value.clone(),
            [] => String::new(),
        },
        Expr::Value(value) => literal(&value.value),
        Expr::Nested(inner) => of(inner),
        Expr::Function(function) => call(function),
        Expr::BinaryOp { left, op, right } => {
            let operator = match op {
                BinaryOperator::MyIntegerDivide => "DIV".to_owned(),
                BinaryOperator::NotEq => "!=".to_owned(),
                other => other.to_string(),
            };
            format!("{} {operator} {}", inner(left), inner(right))
        }
        Expr::Cast {
            expr, data_type, ..
        } => format!(
            "CAST({} AS {})",
            of(expr),
            data_type.to_string().to_uppercase()
        ),
        Expr::IsNull(inner) => format!("{} IS NULL", of(inner)),
        Expr::IsNotNull(inner) => format!("{} IS NOT NULL", of(inner)),
        other => other.to_string(),
    }
}

/// Operands keep their brackets.
fn inner(expression: &Expr) -> String {
    match expression {
        Expr::Nested(expression) => format!("({})", of(expression)),
        other => of(other),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => {
            let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
            format!("'{escaped}'")
        }
        Value::Boolean(true) => "TRUE".to_owned(),
        Value::Boolean(false) => "FALSE".to_owned(),
        Value::Null => "NULL".to_owned(),
        other => other.to_string(),
    }
}

/// What information functions are called: in capitals, however they were written.
const IN_CAPITALS: [&str; 8] = [
    "database",
    "schema",
    "user",
    "current_user",
    "connection_id",
    "current_role",
    "session_user",
    "catalog",
];

fn call(function: &Function) -> String {
    let name = function.name.to_string().replace('`', "").to_lowercase();
    let shown = if IN_CAPITALS.contains(&name.as_str()) {
        name.to_uppercase()
    } else {
        name
    };
    let FunctionArguments::List(list) = &function.args else {
        return format!("{shown}()");
    };
    let arguments: Vec<String> = list.args.iter().map(argument).collect();
    let distinct = if list.duplicate_treatment.is_some() {
        "DISTINCT "
    } else {
        ""
    };
    let over = function
        .over
        .as_ref()
        .map_or(String::new(), |window| format!(" OVER {window}"));
    format!("{shown}({distinct}{}){over}", arguments.join(", "))
}

fn argument(argument: &FunctionArg) -> String {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => of(expression),
        other => other.to_string(),
    }
}
