//! Repositories of the emulator in buckets that speak S3, by the properties of CREATE REPOSITORY.
//!
//! A package of its own, so that nothing else that embeds the emulator carries an HTTP client. Requests
//! are signed by AWS's own code and sent by a blocking client: the emulator runs one statement or job
//! step at a time, on threads of its own, and a real frontend's wait for its store just the same.

mod answer;
mod bucket;
mod place;

use std::sync::Arc;

use aws_credential_types::Credentials;
use starrocks_emulator::repository::{Bucket, Service};
use ureq::tls::{Certificate, PemItem, parse_pem};

use crate::{bucket::S3Bucket, place::Place};

/// What the machine of a real frontend would have besides the statement.
#[derive(Debug, Clone, Default)]
pub struct S3 {
    /// Whom `aws.s3.use_instance_profile` stands for.
    pub instance_profile: Option<Credentials>,
    /// Who may vouch for an endpoint, instead of the authorities that everybody trusts.
    authorities: Option<Arc<Vec<Certificate<'static>>>>,
}

impl S3 {
    /// The instance profile is `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, the authorities are in
    /// the file `AWS_CA_BUNDLE`.
    pub fn from_environment() -> Result<S3, String> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut s3 = S3::default();
        if let (Some(id), Some(secret)) = (
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_SECRET_ACCESS_KEY"),
        ) {
            let token = variable("AWS_SESSION_TOKEN");
            s3.instance_profile = Some(Credentials::new(id, secret, token, None, "environment"));
        }
        if let Some(file) = variable("AWS_CA_BUNDLE") {
            let text =
                std::fs::read(&file).map_err(|error| format!("AWS_CA_BUNDLE: {file}: {error}"))?;
            s3.trust(&text)
                .map_err(|error| format!("AWS_CA_BUNDLE: {file}: {error}"))?;
        }
        Ok(s3)
    }

    /// Trusts the certificates in this PEM text and no others.
    pub fn trust(&mut self, pem: &[u8]) -> Result<(), String> {
        let mut authorities = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
                authorities.push(certificate);
            }
        }
        if authorities.is_empty() {
            return Err("it has no certificate".to_owned());
        }
        self.authorities = Some(Arc::new(authorities));
        Ok(())
    }
}

impl Service for S3 {
    fn open(
        &self,
        location: &str,
        properties: &[(String, String)],
    ) -> Result<Option<Arc<dyn Bucket>>, String> {
        let place = Place::of(location, properties, self.instance_profile.as_ref())?;
        Ok(place.map(|place| -> Arc<dyn Bucket> {
            Arc::new(S3Bucket::new(place, self.authorities.clone()))
        }))
    }
}
