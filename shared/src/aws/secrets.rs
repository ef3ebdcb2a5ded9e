//! Reading one secret of AWS Secrets Manager.

use std::{fmt, time::Duration};

use aws_config::{
    BehaviorVersion, Region, environment::EnvironmentVariableCredentialsProvider,
    timeout::TimeoutConfig,
};
use aws_sdk_secretsmanager::{Client, operation::get_secret_value::GetSecretValueError};
use futures_util::{FutureExt, future::BoxFuture};

use super::http;
use crate::{
    config::AwsEndpoint,
    error::{Error, ErrorName},
    secret::Secret,
};

/// Which version of a secret. A rotation changes the password in the database before it moves the
/// label AWSCURRENT, so for a while the password that works is the one labelled AWSPENDING.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Current,
    Pending,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Current => "AWSCURRENT",
            Stage::Pending => "AWSPENDING",
        }
    }
}

/// One secret, by its name or ARN.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    id: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Secrets").field(&self.id).finish()
    }
}

impl Secrets {
    /// Boxed, as [`Secrets::fetch`] is: the SDK's futures are too deep for the compiler's limit.
    pub fn open(id: &str) -> BoxFuture<'_, Secrets> {
        let open = async move {
            let mut loader = aws_config::defaults(BehaviorVersion::latest())
                .http_client(http::client())
                .timeout_config(timeouts());
            if let Some(region) = region_of(id) {
                loader = loader.region(Region::new(region.to_owned()));
            }
            Secrets {
                client: Client::new(&loader.load().await),
                id: id.to_owned(),
            }
        };
        open.boxed()
    }

    /// With what Lambda puts into the environment of a function, and nothing else: the rest of the SDK's
    /// chain (profiles, web identities, metadata of containers and instances) is half of a program.
    pub fn in_lambda(id: &str) -> Secrets {
        let endpoint = AwsEndpoint::from_environment();
        let region = region_of(id).map(str::to_owned).or(endpoint.region);
        let mut config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(EnvironmentVariableCredentialsProvider::new())
            .region(region.map(Region::new))
            .use_fips(endpoint.use_fips)
            .use_dual_stack(endpoint.use_dual_stack)
            .http_client(http::client())
            .timeout_config(timeouts());
        if let Some(url) = endpoint.url {
            config = config.endpoint_url(url);
        }
        Secrets {
            client: Client::from_conf(config.build()),
            id: id.to_owned(),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// `None`: there is no version with this label.
    pub fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<Secret>, Error>> {
        self.ask(stage).boxed()
    }

    async fn ask(&self, stage: Stage) -> Result<Option<Secret>, Error> {
        let asked = self
            .client
            .get_secret_value()
            .secret_id(&self.id)
            .version_stage(stage.as_str());
        match asked.send().await {
            Ok(version) => match version.secret_string {
                Some(text) => Ok(Some(Secret::new(text))),
                None => Err(Error::new(
                    ErrorName::InvalidConfig,
                    format!("the secret {} is binary: JSON text is needed", self.id),
                )),
            },
            Err(error) => {
                let words = chain(&error);
                let service = error.as_service_error();
                let missing =
                    service.is_some_and(GetSecretValueError::is_resource_not_found_exception);
                if missing && stage == Stage::Pending {
                    return Ok(None);
                }
                Err(self.failed(service, missing, &words))
            }
        }
    }

    fn failed(&self, service: Option<&GetSecretValueError>, missing: bool, words: &str) -> Error {
        let code = service.and_then(|error| error.meta().code());
        let name = match code {
            _ if missing => ErrorName::InvalidConfig,
            Some("AccessDeniedException" | "DecryptionFailure") => ErrorName::AccessDenied,
            Some("InvalidRequestException" | "InvalidParameterException") => {
                ErrorName::InvalidConfig
            }
            _ => ErrorName::Unreachable,
        };
        let error = Error::new(
            name,
            format!("the secret {} cannot be read: {words}", self.id),
        );
        match name {
            ErrorName::AccessDenied => error.hint(
                "allow secretsmanager:GetSecretValue on the secret, and kms:Decrypt where it has a key of its own",
            ),
            ErrorName::InvalidConfig => {
                error.hint("check STARROCKS_SECRET_ARN, and that the secret has a value")
            }
            _ => error.hint(
                "is there a way to AWS Secrets Manager? A function in a VPC needs a NAT gateway or an interface endpoint",
            ),
        }
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(20))
        .build()
}

/// An error and what caused it, as the SDK words them for people. Its debug form would show the answer
/// itself, and with it the secret.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        // A cause is often part of what was said already.
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        next = error.source();
    }
    words
}

/// The region that an ARN names: the secret may be kept in another region than the program runs in.
fn region_of(id: &str) -> Option<&str> {
    let mut parts = id.split(':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("arn"), Some(_), Some("secretsmanager"), Some(region)) if !region.is_empty() => {
            Some(region)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_its_region() {
        for (id, region) in [
            (
                "arn:aws:secretsmanager:eu-central-1:1:secret:a-X",
                Some("eu-central-1"),
            ),
            (
                "arn:aws-cn:secretsmanager:cn-north-1:1:secret:a-X",
                Some("cn-north-1"),
            ),
            ("arn:aws:ssm:eu-central-1:1:parameter/a", None),
            ("starrocks/br", None),
        ] {
            assert_eq!(region_of(id), region, "{id}");
        }
    }
}
