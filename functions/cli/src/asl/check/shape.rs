//! What is known of a document without running anything: the fields that it certainly has.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::asl::data::{Path, ResultPath, Root, Step, Template};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// What a person or a schedule sent. Nothing is known of it; it is read only as a whole.
    Raw,
    /// There is a value, and nothing is known of its inside.
    Opaque,
    /// What a handler returned, where it enters the state: its fields are guaranteed by the types of
    /// `shared::flow`, not by this check.
    Handler,
    /// At least these fields.
    Object(BTreeMap<String, Shape>),
}

impl Shape {
    pub(super) fn object<const N: usize>(fields: [(&str, Shape); N]) -> Shape {
        Shape::Object(fields.map(|(name, shape)| (name.to_string(), shape)).into())
    }

    pub(super) fn of(value: &Value) -> Shape {
        match value {
            Value::Object(fields) => Shape::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), Shape::of(value)))
                    .collect(),
            ),
            _ => Shape::Opaque,
        }
    }

    /// What the context object has, without or with the item of a Map.
    pub(super) fn context(with_item: bool) -> Shape {
        let item = with_item.then(|| {
            let item = Shape::object([("Index", Shape::Opaque), ("Value", Shape::Handler)]);
            ("Map".to_string(), Shape::object([("Item", item)]))
        });
        let execution = [
            "Id",
            "Name",
            "StartTime",
            "RedriveCount",
            "Input",
            "RoleArn",
        ];
        let state = ["Name", "EnteredTime", "RetryCount"];
        let machine = ["Id", "Name"];
        let opaque = |names: &[&str]| {
            Shape::Object(
                names
                    .iter()
                    .map(|name| (name.to_string(), Shape::Opaque))
                    .collect(),
            )
        };
        Shape::Object(
            [
                ("Execution".to_string(), opaque(&execution)),
                ("State".to_string(), opaque(&state)),
                ("StateMachine".to_string(), opaque(&machine)),
            ]
            .into_iter()
            .chain(item)
            .collect(),
        )
    }

    /// What two routes have in common.
    pub(super) fn meet(&self, other: &Shape) -> Shape {
        match (self, other) {
            (Shape::Object(fields), Shape::Object(others)) => Shape::Object(
                fields
                    .iter()
                    .filter_map(|(name, shape)| {
                        others
                            .get(name)
                            .map(|other| (name.clone(), shape.meet(other)))
                    })
                    .collect(),
            ),
            _ if self == other => self.clone(),
            _ => Shape::Opaque,
        }
    }

    fn read(&self, path: &Path) -> Result<Shape, String> {
        let mut shape = self;
        for step in &path.steps {
            shape = match (shape, step) {
                (Shape::Handler, _) => shape,
                (Shape::Object(fields), Step::Field(name)) => {
                    fields.get(name).ok_or_else(|| match path.root {
                        Root::State => {
                            format!("'{path}': not on every route has '{name}' been set")
                        }
                        Root::Context => {
                            format!("'{path}': the context object has no '{name}' here")
                        }
                    })?
                }
                (Shape::Raw, _) => {
                    return Err(format!(
                        "'{path}': raw input is read only as a whole, by the first state"
                    ));
                }
                (Shape::Opaque, _) | (Shape::Object(_), Step::Index(_)) => {
                    return Err(format!(
                        "'{path}': nothing proves what is inside; select the field where the value \
                         enters the state"
                    ));
                }
            };
        }
        Ok(shape.clone())
    }
}

/// The two documents that an expression can read.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) state: &'a Shape,
    pub(super) context: &'a Shape,
}

impl Scope<'_> {
    pub(super) fn read(&self, path: &Path) -> Result<Shape, String> {
        match path.root {
            Root::State => self.state.read(path),
            Root::Context => self.context.read(path),
        }
    }

    pub(super) fn evaluate(&self, template: &Template) -> Result<Shape, String> {
        match template {
            Template::Literal(value) => Ok(Shape::of(value)),
            // What was certain of the inside of raw or handler's data ends where it is stored.
            Template::Path(path) => self.read(path).map(|shape| match shape {
                Shape::Raw | Shape::Handler => Shape::Opaque,
                known => known,
            }),
            Template::Object(fields) => fields
                .iter()
                .map(|(name, field)| Ok((name.clone(), self.evaluate(field)?)))
                .collect::<Result<_, _>>()
                .map(Shape::Object),
            Template::Array(_) | Template::Format(_) => {
                for path in template.paths() {
                    self.read(path)?;
                }
                Ok(Shape::Opaque)
            }
        }
    }
}

/// The shape that [`ResultPath::apply`] makes. What holds the result must be an object for certain.
pub(super) fn apply(path: &ResultPath, input: &Shape, result: Shape) -> Result<Shape, String> {
    let fields = match path {
        ResultPath::Discard => return Ok(input.clone()),
        ResultPath::Replace => return Ok(result),
        ResultPath::Into(fields) => fields,
    };
    let Some((last, parents)) = fields.split_last() else {
        return Ok(result);
    };
    let mut output = input.clone();
    let mut shape = &mut output;
    let not_object = || {
        let place = parents
            .iter()
            .map(|field| format!(".{field}"))
            .collect::<String>();
        format!(
            "ResultPath '$.{}': nothing proves that '${place}' is an object",
            fields.join(".")
        )
    };
    for field in parents {
        let Shape::Object(inside) = shape else {
            return Err(not_object());
        };
        shape = inside.get_mut(field).ok_or_else(not_object)?;
    }
    let Shape::Object(inside) = shape else {
        return Err(not_object());
    };
    inside.insert(last.clone(), result);
    Ok(output)
}
