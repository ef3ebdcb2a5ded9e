//! What every handler is given, and how it reads its event and gives its answer.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    config::Settings,
    error::{Error, ErrorName},
    ident::InvocationId,
    starrocks::Client,
};

/// Made once per process; lent to each call.
#[derive(Debug)]
pub struct Context {
    settings: Settings,
}

impl Context {
    pub fn new(settings: Settings) -> Context {
        Context { settings }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A fresh connection for this call: one that is kept from call to call dies silently behind a
    /// balancer between two polls.
    pub async fn connect(&self) -> Result<Client, Error> {
        Ok(Client::connect(self.settings.connection()).await?)
    }

    /// Names this call, so that its own INSERT can be told from another's.
    pub fn new_invocation(&self) -> InvocationId {
        ulid::Ulid::generate()
            .to_string()
            .parse()
            .expect("a ULID has 26 letters and digits")
    }
}

/// The event as a request, or `InvalidInput` that says which field is wrong.
pub fn parse<T: DeserializeOwned>(event: Value) -> Result<T, Error> {
    serde_json::from_value(event).map_err(|error| {
        Error::new(
            ErrorName::InvalidInput,
            format!("the event is not understood: {error}"),
        )
        .hint("the files in events/ show every form that is accepted")
    })
}

/// An answer as JSON.
pub fn reply<T: Serialize>(answer: &T) -> Result<Value, Error> {
    serde_json::to_value(answer)
        .map_err(|error| Error::internal(format!("the answer cannot be written as JSON: {error}")))
}
