//! The rules of a Choice state.

use serde_json::{Map, Value};

use super::data::{Path, PathError, Root};

/// A condition over the state's input.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Test { variable: Path, test: Test },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    StringEquals(String),
    BooleanEquals(bool),
    NumericEquals(i64),
    NumericLessThan(i64),
    NumericLessThanEquals(i64),
    NumericGreaterThan(i64),
    NumericGreaterThanEquals(i64),
    IsNull(bool),
    IsString(bool),
    IsNumeric(bool),
    IsBoolean(bool),
}

impl Condition {
    /// `fields` is a rule without its `Next` and `Comment`.
    pub fn parse(fields: &Map<String, Value>) -> Result<Condition, String> {
        let nested = |value: &Value| match value {
            Value::Array(rules) if !rules.is_empty() => rules.iter().map(parse_nested).collect(),
            _ => Err("'And' and 'Or' hold a non-empty list of rules".to_string()),
        };
        if let [(name, value)] = fields.iter().collect::<Vec<_>>()[..] {
            match name.as_str() {
                "And" => return nested(value).map(Condition::And),
                "Or" => return nested(value).map(Condition::Or),
                "Not" => return Ok(Condition::Not(Box::new(parse_nested(value)?))),
                _ => {}
            }
        }
        let variable = match fields.get("Variable") {
            Some(Value::String(text)) => Path::parse(text).map_err(|error| error.to_string())?,
            _ => return Err("a rule has a 'Variable', or is 'And', 'Or' or 'Not'".to_string()),
        };
        let operators: Vec<_> = fields
            .iter()
            .filter(|(name, _)| *name != "Variable")
            .collect();
        match operators[..] {
            [(operator, value)] => Ok(Condition::Test {
                variable,
                test: Test::parse(operator, value)?,
            }),
            _ => Err("a rule has exactly one comparison".to_string()),
        }
    }

    /// A variable that is not there is an error: "You must specify the `$.type` field. If the state
    /// input doesn't contain the `$.type` field, the execution fails" (AWS Step Functions, Choice
    /// workflow state).
    pub fn holds(&self, state: &Value, context: &Value) -> Result<bool, PathError> {
        match self {
            Condition::And(conditions) => {
                for condition in conditions {
                    if !condition.holds(state, context)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Or(conditions) => {
                for condition in conditions {
                    if condition.holds(state, context)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Not(condition) => Ok(!condition.holds(state, context)?),
            Condition::Test { variable, test } => {
                let document = match variable.root {
                    Root::State => state,
                    Root::Context => context,
                };
                Ok(test.holds(variable.resolve(document)?))
            }
        }
    }

    /// Every path that the condition may read.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Condition::And(conditions) | Condition::Or(conditions) => {
                conditions.iter().flat_map(Condition::paths).collect()
            }
            Condition::Not(condition) => condition.paths(),
            Condition::Test { variable, .. } => vec![variable],
        }
    }
}

impl Test {
    fn parse(operator: &str, value: &Value) -> Result<Test, String> {
        let integer = |make: fn(i64) -> Test| {
            value
                .as_i64()
                .map(make)
                .ok_or_else(|| format!("'{operator}' compares with a whole number, not {value}"))
        };
        let boolean = |make: fn(bool) -> Test| {
            value
                .as_bool()
                .map(make)
                .ok_or_else(|| format!("'{operator}' takes true or false, not {value}"))
        };
        match operator {
            "StringEquals" => match value {
                Value::String(text) => Ok(Test::StringEquals(text.clone())),
                _ => Err(format!("'StringEquals' compares with a text, not {value}")),
            },
            "BooleanEquals" => boolean(Test::BooleanEquals),
            "NumericEquals" => integer(Test::NumericEquals),
            "NumericLessThan" => integer(Test::NumericLessThan),
            "NumericLessThanEquals" => integer(Test::NumericLessThanEquals),
            "NumericGreaterThan" => integer(Test::NumericGreaterThan),
            "NumericGreaterThanEquals" => integer(Test::NumericGreaterThanEquals),
            "IsNull" => boolean(Test::IsNull),
            "IsString" => boolean(Test::IsString),
            "IsNumeric" => boolean(Test::IsNumeric),
            "IsBoolean" => boolean(Test::IsBoolean),
            other => Err(refused_operator(other)),
        }
    }

    /// A value of another type than the comparison's does not match: "Step Functions doesn't attempt
    /// to match a numeric field to a string value" (AWS Step Functions, Choice workflow state).
    fn holds(&self, value: &Value) -> bool {
        let number = |compare: fn(&i64, &i64) -> bool, with: &i64| {
            value.as_i64().is_some_and(|number| compare(&number, with))
        };
        match self {
            Test::StringEquals(text) => value.as_str() == Some(text),
            Test::BooleanEquals(boolean) => value.as_bool() == Some(*boolean),
            Test::NumericEquals(with) => number(i64::eq, with),
            Test::NumericLessThan(with) => number(i64::lt, with),
            Test::NumericLessThanEquals(with) => number(i64::le, with),
            Test::NumericGreaterThan(with) => number(i64::gt, with),
            Test::NumericGreaterThanEquals(with) => number(i64::ge, with),
            Test::IsNull(expected) => value.is_null() == *expected,
            Test::IsString(expected) => value.is_string() == *expected,
            Test::IsNumeric(expected) => value.is_number() == *expected,
            Test::IsBoolean(expected) => value.is_boolean() == *expected,
        }
    }
}

fn parse_nested(rule: &Value) -> Result<Condition, String> {
    match rule {
        Value::Object(fields) if fields.contains_key("Next") => {
            Err("'Next' stands only in the outermost rule".to_string())
        }
        Value::Object(fields) => Condition::parse(fields),
        other => Err(format!("a rule is an object, not {other}")),
    }
}

fn refused_operator(operator: &str) -> String {
    let reason = if operator.starts_with("Timestamp") || operator == "IsTimestamp" {
        "times are compared in SQL, on the leader's clock"
    } else if operator.ends_with("Path") {
        "compare with a literal; let a handler decide what depends on two values"
    } else if operator == "IsPresent" {
        "every path is proven to exist; use IsNull"
    } else {
        "not a comparison of the subset"
    };
    format!("'{operator}': {reason}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(rule: Value, state: Value) -> Result<bool, String> {
        let Value::Object(fields) = rule else {
            panic!("a rule is an object")
        };
        Condition::parse(&fields)?
            .holds(&state, &json!({"State": {"Name": "Choose"}}))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn compares() {
        for (rule, state, expected) in [
            (
                json!({"Variable": "$", "StringEquals": "a"}),
                json!("a"),
                true,
            ),
            (
                json!({"Variable": "$", "StringEquals": "a"}),
                json!("A"),
                false,
            ),
            (
                json!({"Variable": "$", "BooleanEquals": true}),
                json!(true),
                true,
            ),
            (
                json!({"Variable": "$", "BooleanEquals": false}),
                json!(true),
                false,
            ),
            (json!({"Variable": "$", "NumericEquals": 1}), json!(1), true),
            (
                json!({"Variable": "$", "NumericLessThan": 1}),
                json!(1),
                false,
            ),
            (
                json!({"Variable": "$", "NumericLessThanEquals": 1}),
                json!(1),
                true,
            ),
            (
                json!({"Variable": "$", "NumericGreaterThan": 1}),
                json!(2),
                true,
            ),
            (
                json!({"Variable": "$", "NumericGreaterThanEquals": 2}),
                json!(1),
                false,
            ),
            (json!({"Variable": "$", "IsNull": true}), json!(null), true),
            (
                json!({"Variable": "$", "IsNull": false}),
                json!(null),
                false,
            ),
            (json!({"Variable": "$", "IsString": true}), json!("1"), true),
            (
                json!({"Variable": "$", "IsNumeric": true}),
                json!("1"),
                false,
            ),
            (json!({"Variable": "$", "IsBoolean": false}), json!(0), true),
            (
                json!({"Variable": "$$.State.Name", "StringEquals": "Choose"}),
                json!(0),
                true,
            ),
        ] {
            assert_eq!(
                holds(rule.clone(), state.clone()),
                Ok(expected),
                "{rule} on {state}"
            );
        }
    }

    /// AWS Step Functions, Choice workflow state: no attempt is made to match a number with a text.
    #[test]
    fn another_type_does_not_match() {
        for (operator, value) in [
            ("StringEquals", json!("1")),
            ("NumericEquals", json!(0)),
            ("BooleanEquals", json!(false)),
        ] {
            for state in [json!(null), json!([]), json!({})] {
                let rule = json!({"Variable": "$", operator: value});
                assert_eq!(holds(rule, state), Ok(false), "{operator}");
            }
        }
        assert_eq!(
            holds(json!({"Variable": "$", "StringEquals": "1"}), json!(1)),
            Ok(false)
        );
        assert_eq!(
            holds(json!({"Variable": "$", "NumericEquals": 1}), json!("1")),
            Ok(false)
        );
    }

    #[test]
    fn combines() {
        let yes = json!({"Variable": "$.a", "NumericEquals": 1});
        let no = json!({"Variable": "$.a", "NumericEquals": 2});
        for (rule, expected) in [
            (json!({"And": [yes, yes]}), true),
            (json!({"And": [yes, no]}), false),
            (json!({"Or": [no, yes]}), true),
            (json!({"Or": [no, no]}), false),
            (json!({"Not": no}), true),
            (json!({"Not": {"And": [yes, {"Or": [no, yes]}]}}), false),
        ] {
            assert_eq!(holds(rule.clone(), json!({"a": 1})), Ok(expected), "{rule}");
        }
    }

    /// AWS Step Functions, Choice workflow state: without the variable "the execution fails".
    #[test]
    fn a_missing_variable_is_an_error() {
        for rule in [
            json!({"Variable": "$.b", "IsNull": true}),
            json!({"Not": {"Variable": "$.b", "StringEquals": "x"}}),
        ] {
            assert_eq!(
                holds(rule, json!({"a": 1})).unwrap_err(),
                "there is nothing at '$.b'"
            );
        }
    }

    #[test]
    fn refuses_other_rules() {
        for (rule, reason) in [
            (json!({}), "a rule has a 'Variable'"),
            (json!({"Variable": "$.a"}), "exactly one comparison"),
            (
                json!({"Variable": "$.a", "IsNull": true, "IsString": true}),
                "exactly one comparison",
            ),
            (json!({"And": []}), "non-empty list"),
            (json!({"Not": 1}), "a rule is an object"),
            (
                json!({"Or": [{"Variable": "$", "IsNull": true, "Next": "X"}]}),
                "outermost rule",
            ),
            (json!({"Variable": "$.a[*]", "IsNull": true}), "wildcard"),
            (
                json!({"Variable": "$.a", "StringEquals": 1}),
                "compares with a text",
            ),
            (
                json!({"Variable": "$.a", "NumericEquals": 1.5}),
                "a whole number",
            ),
            (json!({"Variable": "$.a", "IsNull": 1}), "true or false"),
            (
                json!({"Variable": "$.a", "StringEqualsPath": "$.b"}),
                "compare with a literal",
            ),
            (
                json!({"Variable": "$.a", "TimestampEquals": "x"}),
                "compared in SQL",
            ),
            (
                json!({"Variable": "$.a", "IsTimestamp": true}),
                "compared in SQL",
            ),
            (
                json!({"Variable": "$.a", "IsPresent": true}),
                "proven to exist",
            ),
            (
                json!({"Variable": "$.a", "StringMatches": "x*"}),
                "not a comparison",
            ),
        ] {
            let error = holds(rule.clone(), json!({"a": 1})).unwrap_err();
            assert!(error.contains(reason), "{rule}: {error}");
        }
    }
}
