//! Hashes that stand for content: of a partition, of a schema, of a plan, of a statement.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// 128 bits of SHA-256, printed as 32 hexadecimal digits. Enough that two different contents never
/// meet by chance, and small enough to keep a million of them.
macro_rules! digest_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 16]);

        impl $name {
            /// The digest of `parts`, each with its length, so that moving a border between two
            /// parts gives another digest.
            pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> $name {
                $name(hash(parts))
            }

            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidDigest;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; 16];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| InvalidDigest { text: text.chars().take(64).collect() })?;
                Ok($name(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidDigest;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(digest: $name) -> String {
                digest.to_string()
            }
        }
    };
}

digest_type!(
    /// The content of a partition: equal fingerprints mean equal rows (see [`crate::facts`]).
    Fingerprint
);
digest_type!(
    /// The schema of a table, without partitions and without properties that do not shape data.
    SchemaHash
);
digest_type!(
    /// A plan, a manifest or a statement as a whole.
    Digest
);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a digest: 32 hexadecimal digits are needed")]
pub struct InvalidDigest {
    pub text: String,
}

/// A [`Digest`] of parts that are not all in memory at once. The same as [`Digest::of`] them.
#[derive(Debug, Default)]
pub struct DigestWriter(Sha256);

impl DigestWriter {
    pub fn part(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    pub fn text(&mut self, part: &str) {
        self.part(part.as_bytes());
    }

    pub fn finish(self) -> Digest {
        Digest(self.bytes())
    }

    fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0.finalize()[..16]);
        bytes
    }
}

fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 16] {
    let mut writer = DigestWriter::default();
    for part in parts {
        writer.part(part);
    }
    writer.bytes()
}
