//! Where a bucket is and who asks for it, as CREATE REPOSITORY says it.

use std::net::IpAddr;

use aws_credential_types::Credentials;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use starrocks_emulator::repository::store::ARGUMENTS_MAY_BE_WRONG;

/// What S3 wants encoded in a path: all but the unreserved characters and the slash.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// `https://host/bucket` or `https://bucket.host`.
    base: String,
    pub(crate) name: String,
}

impl Place {
    /// `None`: the location is not in S3.
    pub(crate) fn of(
        location: &str,
        properties: &[(String, String)],
        instance_profile: Option<&Credentials>,
    ) -> Result<Option<Place>, String> {
        let Some(("s3" | "s3a" | "s3n", rest)) = location.split_once("://") else {
            return Ok(None);
        };
        let name = rest.split('/').next().unwrap_or_default();
        let property = |key: &str| {
            let key = format!("aws.s3.{key}");
            properties
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty())
        };
        let is_on = |key| property(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let credentials = match (property("access_key"), property("secret_key")) {
            _ if is_on("use_instance_profile") => instance_profile.cloned(),
            (Some(id), Some(secret)) => Some(Credentials::new(
                id,
                secret,
                property("session_token").map(str::to_owned),
                None,
                "CREATE REPOSITORY",
            )),
            _ => None,
        };
        let region = property("region").unwrap_or("us-east-1").to_owned();
        let endpoint = property("endpoint").map_or_else(
            || format!("s3.{region}.amazonaws.com"),
            |endpoint| endpoint.trim_end_matches('/').to_owned(),
        );
        let (scheme, host) = match endpoint.split_once("://") {
            Some(split) => split,
            None if property("enable_ssl").is_some() && !is_on("enable_ssl") => {
                ("http", endpoint.as_str())
            }
            None => ("https", endpoint.as_str()),
        };
        // Names cannot be put before an address, so AWS's clients do not try.
        let is_address = host
            .rsplit_once(':')
            .map_or(host, |(host, _)| host)
            .parse::<IpAddr>()
            .is_ok();
        let base = if is_address || is_on("enable_path_style_access") {
            format!("{scheme}://{host}/{name}")
        } else {
            format!("{scheme}://{name}.{host}")
        };
        Ok(Some(Place {
            region,
            credentials: credentials.ok_or(ARGUMENTS_MAY_BE_WRONG)?,
            base,
            name: name.to_owned(),
        }))
    }

    /// Of an object, or of the bucket where the key is empty.
    pub(crate) fn url(&self, key: &str, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}/{}", self.base, encode(key));
        if key.is_empty() {
            url.truncate(url.len() - 1);
            // The path of a request is never empty.
            if url.matches('/').count() < 3 {
                url.push('/');
            }
        }
        for (at, (name, value)) in query.iter().enumerate() {
            url.push(if at == 0 { '?' } else { '&' });
            let value = encode(value).replace('/', "%2F");
            url.push_str(&format!("{name}={value}"));
        }
        url
    }
}

pub(crate) fn encode(key: &str) -> String {
    utf8_percent_encode(key, IN_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(location: &str, properties: &[(&str, &str)]) -> Result<Option<Place>, String> {
        let properties: Vec<_> = properties
            .iter()
            .map(|(name, value)| (format!("aws.s3.{name}"), (*value).to_owned()))
            .collect();
        let profile = Credentials::new("of the machine", "s", None, None, "test");
        Place::of(location, &properties, Some(&profile))
    }

    fn with_keys(endpoint: &str, more: &[(&str, &str)]) -> Place {
        let mut properties = vec![
            ("access_key", "k"),
            ("secret_key", "s"),
            ("endpoint", endpoint),
        ];
        properties.extend_from_slice(more);
        place("s3://b/x", &properties).unwrap().unwrap()
    }

    #[test]
    fn a_bucket_is_addressed_as_the_properties_say() {
        let path_style = ("enable_path_style_access", "true");
        for (endpoint, more, expected) in [
            (
                "https://s3.eu-west-1.amazonaws.com",
                vec![],
                "https://b.s3.eu-west-1.amazonaws.com/",
            ),
            (
                "https://minio.example:9000/",
                vec![path_style],
                "https://minio.example:9000/b",
            ),
            ("http://127.0.0.1:9000", vec![], "http://127.0.0.1:9000/b"),
            ("minio.example", vec![path_style], "https://minio.example/b"),
            (
                "minio.example",
                vec![path_style, ("enable_ssl", "false")],
                "http://minio.example/b",
            ),
        ] {
            assert_eq!(
                with_keys(endpoint, &more).url("", &[]),
                expected,
                "{endpoint} {more:?}"
            );
        }
        let keys = [
            ("access_key", "k"),
            ("secret_key", "s"),
            ("region", "eu-west-1"),
        ];
        let regional = place("s3a://b/x", &keys).unwrap().unwrap();
        assert_eq!(
            regional.url("a", &[]),
            "https://b.s3.eu-west-1.amazonaws.com/a"
        );
        assert_eq!(regional.region, "eu-west-1");
    }

    #[test]
    fn awkward_keys_are_encoded() {
        let place = with_keys("http://127.0.0.1:1", &[]);
        assert_eq!(
            place.url("x/__ss_a b+ü?#%/y", &[("prefix", "x/ü&")]),
            "http://127.0.0.1:1/b/x/__ss_a%20b%2B%C3%BC%3F%23%25/y?prefix=x%2F%C3%BC%26"
        );
    }

    #[test]
    fn who_asks_is_said_or_refused() {
        let of = |properties: &[(&str, &str)]| {
            place("s3://b/x", properties)
                .map(|place| place.unwrap().credentials.access_key_id().to_owned())
        };
        assert_eq!(
            of(&[("access_key", "k"), ("secret_key", "s")]).unwrap(),
            "k"
        );
        assert_eq!(
            of(&[("use_instance_profile", "true")]).unwrap(),
            "of the machine"
        );
        assert_eq!(
            of(&[("access_key", "k")]).unwrap_err(),
            ARGUMENTS_MAY_BE_WRONG
        );
        assert_eq!(of(&[]).unwrap_err(), ARGUMENTS_MAY_BE_WRONG);
        assert!(place("hdfs://b/x", &[]).unwrap().is_none());
    }

    #[test]
    fn a_secret_is_not_printed() {
        let keys = [("access_key", "k"), ("secret_key", "canary-5ec2e7")];
        let place = place("s3://b/x", &keys).unwrap().unwrap();
        assert!(!format!("{place:?}").contains("canary"));
    }
}
