//! What every handler is given, and how it reads its event and gives its answer.

use std::{path::Path, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    aws::{Secrets, Stage},
    config::{ConnectionSecret, Settings, Source},
    error::{Error, ErrorName},
    ident::InvocationId,
    starrocks::{Client, ConnectionSettings},
};

/// Made once per process; lent to each call.
#[derive(Debug, Clone)]
pub struct Context {
    settings: Settings,
    credentials: Option<Arc<Credentials>>,
}

/// Credentials that may change while the process lives.
#[derive(Debug)]
struct Credentials {
    source: Source,
    store: Secrets,
    /// Those that the server took last.
    known: Mutex<ConnectionSettings>,
}

impl Context {
    /// Settings that are complete by themselves.
    pub fn new(settings: Settings) -> Context {
        Context {
            settings,
            credentials: None,
        }
    }

    /// From a file (none is needed), the environment, and the secret that it names, if any.
    pub async fn load(path: Option<&Path>) -> Result<Context, Error> {
        let source = Source::load(path)?;
        let store = match source.secret_id() {
            Some(id) => Some(Secrets::open(id).await),
            None => None,
        };
        Context::open(source, store).await
    }

    /// In a Lambda function: from its environment alone, with the credentials that Lambda puts there. Apart
    /// from [`Context::load`], so that six programs are without every other way to find credentials.
    pub async fn in_lambda() -> Result<Context, Error> {
        let source = Source::from_environment()?;
        let store = source.secret_id().map(Secrets::in_lambda);
        Context::open(source, store).await
    }

    async fn open(source: Source, store: Option<Secrets>) -> Result<Context, Error> {
        let Some(store) = store else {
            return Ok(Context::new(source.settings(None)?));
        };
        let settings = fetch(&source, &store, Stage::Current)
            .await?
            .ok_or_else(|| Error::internal("a secret without a current version is an error"))?;
        let known = Mutex::new(settings.connection().clone());
        Ok(Context {
            settings,
            credentials: Some(Arc::new(Credentials {
                source,
                store,
                known,
            })),
        })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A fresh connection for this call: one that is kept from call to call dies silently behind a
    /// balancer between two polls.
    pub async fn connect(&self) -> Result<Client, Error> {
        match &self.credentials {
            Some(credentials) => credentials.connect().await,
            None => Ok(Client::connect(self.settings.connection()).await?),
        }
    }

    /// Names this call, so that its own INSERT can be told from another's.
    pub fn new_invocation(&self) -> InvocationId {
        ulid::Ulid::generate()
            .to_string()
            .parse()
            .expect("a ULID has 26 letters and digits")
    }
}

impl Credentials {
    /// A password that is refused may have been rotated since it was read: what the secret holds now is
    /// tried, then what is about to become current. If neither is taken, the refusal stands; it is
    /// retried from outside, because a rotation takes a moment.
    async fn connect(&self) -> Result<Client, Error> {
        let known = self.known.lock().await.clone();
        let refused = match Client::connect(&known).await.map_err(Error::from) {
            Err(error) if error.name == ErrorName::AccessDenied => error,
            connected => return connected,
        };
        for stage in [Stage::Current, Stage::Pending] {
            let Some(settings) = fetch(&self.source, &self.store, stage).await? else {
                continue;
            };
            tracing::warn!(
                stage = stage.as_str(),
                "the password was refused: reading the secret again"
            );
            match Client::connect(settings.connection())
                .await
                .map_err(Error::from)
            {
                Ok(client) => {
                    *self.known.lock().await = settings.connection().clone();
                    return Ok(client);
                }
                Err(error) if error.name == ErrorName::AccessDenied => {}
                Err(error) => return Err(error),
            }
        }
        Err(refused.hint(format!(
            "neither AWSCURRENT nor AWSPENDING of the secret {} is accepted: is a rotation half done?",
            self.store.id()
        )))
    }
}

async fn fetch(source: &Source, store: &Secrets, stage: Stage) -> Result<Option<Settings>, Error> {
    let Some(text) = store.fetch(stage).await? else {
        return Ok(None);
    };
    let secret = ConnectionSecret::parse(store.id(), &text)?;
    source.settings(Some(&secret)).map(Some)
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
