//! The context object, `$$`: what the platform knows about the execution, the state and the item.

use serde_json::{Value, json};

/// The item that one iteration of a Map is about.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    pub index: usize,
    pub value: &'a Value,
}

/// Only what is listed here can be read; what the platform offers beyond it (a token) has no
/// meaning outside of it.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    pub execution_id: &'a str,
    pub execution_name: &'a str,
    /// RFC 3339, UTC, with milliseconds, as Step Functions prints it.
    pub start_time: String,
    pub redrive_count: u32,
    pub input: &'a Value,
    pub machine: &'a str,
    pub state: &'a str,
    pub entered_time: String,
    pub retry_count: u32,
    /// Present only where an ItemSelector is evaluated.
    pub item: Option<Item<'a>>,
}

impl Context<'_> {
    pub fn document(&self) -> Value {
        let mut document = json!({
            "Execution": {
                "Id": self.execution_id,
                "Name": self.execution_name,
                "StartTime": self.start_time,
                "RedriveCount": self.redrive_count,
                "Input": self.input,
                // Whoever runs the program acts under no role.
                "RoleArn": "",
            },
            "State": {
                "Name": self.state,
                "EnteredTime": self.entered_time,
                "RetryCount": self.retry_count,
            },
            "StateMachine": {
                "Id": self.machine,
                "Name": self.machine,
            },
        });
        if let Some(item) = self.item {
            document["Map"] = json!({"Item": {"Index": item.index, "Value": item.value}});
        }
        document
    }
}
