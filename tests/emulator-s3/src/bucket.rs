//! Objects in S3.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use starrocks_emulator::repository::{Bucket, Entry, Trouble};
use ureq::{
    Agent,
    http::Request,
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::{
    answer,
    place::{Place, encode},
};

/// A real frontend gives up on its store after about 14 seconds.
const PATIENCE: Duration = Duration::from_secs(14);

/// More than any tablet of a test has.
const LARGEST_OBJECT: u64 = 1 << 30;

#[derive(Debug)]
pub(crate) struct S3Bucket {
    place: Place,
    agent: Agent,
}

impl S3Bucket {
    pub(crate) fn new(
        place: Place,
        authorities: Option<Arc<Vec<Certificate<'static>>>>,
    ) -> S3Bucket {
        let authorities = authorities.map_or(RootCerts::WebPki, RootCerts::Specific);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .tls_config(TlsConfig::builder().root_certs(authorities).build())
            .build()
            .new_agent();
        S3Bucket { place, agent }
    }

    /// The body of the answer. That there is no such key is `None`.
    fn ask(
        &self,
        method: &str,
        url: &str,
        copy_source: Option<&str>,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let request = self
            .signed(method, url, copy_source, body)
            .map_err(Trouble::Other)?;
        let mut answer = self
            .agent
            .run(request)
            .map_err(|error| Trouble::Other(format!("Unable to execute HTTP request: {error}")))?;
        let status = answer.status();
        let body = answer
            .body_mut()
            .with_config()
            .limit(LARGEST_OBJECT)
            .read_to_vec()
            .map_err(|error| Trouble::Other(format!("Unable to read the answer: {error}")))?;
        // A copy that fails on the way has begun its answer with 200.
        let is_copy = copy_source.is_some();
        let error = (!status.is_success() || is_copy)
            .then(|| answer::error(&String::from_utf8_lossy(&body)))
            .flatten();
        match error {
            None if status.is_success() => Ok(Some(body)),
            Some((code, _)) if code == "NoSuchBucket" => Err(Trouble::NoSuchBucket),
            Some((code, _)) if code == "NoSuchKey" => Ok(None),
            _ if status.as_u16() == 403 => Err(Trouble::Denied),
            Some((code, message)) => Err(Trouble::Other(format!(
                "{message} (Service: S3, Status Code: {}):{code}",
                status.as_u16()
            ))),
            None => Err(Trouble::Other(format!("HTTP status {status}"))),
        }
    }

    fn signed<'a>(
        &self,
        method: &str,
        url: &str,
        copy_source: Option<&str>,
        body: &'a [u8],
    ) -> Result<Request<&'a [u8]>, String> {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = self.place.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.place.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers = copy_source.map(|source| ("x-amz-copy-source", source));
        let signable =
            SignableRequest::new(method, url, headers.into_iter(), SignableBody::Bytes(body))
                .map_err(|error| error.to_string())?;
        let (instructions, _) = sign(signable, &parameters)
            .map_err(|error| error.to_string())?
            .into_parts();
        let mut builder = Request::builder().method(method).uri(url);
        if let Some((name, value)) = headers {
            builder = builder.header(name, value);
        }
        let mut request = builder.body(body).map_err(|error| error.to_string())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn missing(&self, key: &str) -> Trouble {
        Trouble::Other(format!("there is no object {key} in {}", self.place.name))
    }
}

impl Bucket for S3Bucket {
    fn put(&self, key: &str, bytes: &[u8]) -> Result<(), Trouble> {
        self.ask("PUT", &self.place.url(key, &[]), None, bytes)?
            .map(drop)
            .ok_or_else(|| self.missing(key))
    }

    fn get(&self, key: &str) -> Result<Vec<u8>, Trouble> {
        self.ask("GET", &self.place.url(key, &[]), None, &[])?
            .ok_or_else(|| self.missing(key))
    }

    fn delete(&self, key: &str) -> Result<(), Trouble> {
        self.ask("DELETE", &self.place.url(key, &[]), None, &[])
            .map(drop)
    }

    /// S3 has no such thing: a copy, and the old one goes.
    fn rename(&self, from: &str, to: &str) -> Result<(), Trouble> {
        let source = format!("/{}/{}", self.place.name, encode(from));
        self.ask("PUT", &self.place.url(to, &[]), Some(&source), &[])?
            .ok_or_else(|| self.missing(from))?;
        self.delete(from)
    }

    fn children(&self, folder: &str) -> Result<Vec<Entry>, Trouble> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let mut children = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut query = vec![
                ("list-type", "2"),
                ("delimiter", "/"),
                ("encoding-type", "url"),
                ("prefix", prefix.as_str()),
            ];
            if let Some(next) = &next {
                query.push(("continuation-token", next.as_str()));
            }
            let body = self
                .ask("GET", &self.place.url("", &query), None, &[])?
                .ok_or(Trouble::NoSuchBucket)?;
            let page = answer::page(&String::from_utf8_lossy(&body));
            let objects = page.keys.iter().map(|key| (key, true));
            let folders = page.folders.iter().map(|folder| (folder, false));
            for (path, is_file) in objects.chain(folders) {
                let name = path.strip_prefix(&prefix).unwrap_or(path);
                // Consoles mark an empty folder with an object of its own name.
                if !name.is_empty() {
                    children.push(Entry {
                        name: name.trim_end_matches('/').to_owned(),
                        is_file,
                    });
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        children.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(children)
    }
}
