//! The greeting and the login of a connection.

use std::io;

use sha1::{Digest, Sha1};

use super::packet::Reader;
use crate::profile::Profile;

const CONNECT_WITH_DB: u32 = 0x8;
pub const SSL: u32 = 0x800;
const PLUGIN_AUTH: u32 = 0x8_0000;
const LENENC_CLIENT_DATA: u32 = 0x20_0000;

pub const NATIVE_PASSWORD: &str = "mysql_native_password";

/// Everything that a connection needs to know of its greeting.
#[derive(Debug, Clone)]
pub struct Greeting {
    pub capabilities: u32,
    pub salt: [u8; 20],
}

impl Greeting {
    /// LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_ATTRS; from
    /// 3.5 on PLUGIN_AUTH_LENENC_CLIENT_DATA. Neither DEPRECATE_EOF nor MULTI_STATEMENTS, although
    /// texts of several statements are run.
    pub fn new(profile: Profile, with_tls: bool, salt: [u8; 20]) -> Greeting {
        let base = if profile.is_3_3() {
            0x18_820c
        } else {
            0x38_820c
        };
        Greeting {
            capabilities: base | if with_tls { SSL } else { 0 },
            salt,
        }
    }

    pub fn encode(&self, profile: Profile, connection: u32) -> Vec<u8> {
        let capabilities = self.capabilities.to_le_bytes();
        let mut out = vec![10];
        out.extend_from_slice(profile.server_version().as_bytes());
        out.push(0);
        out.extend_from_slice(&connection.to_le_bytes());
        out.extend_from_slice(&self.salt[..8]);
        out.push(0);
        out.extend_from_slice(&capabilities[..2]);
        // utf8_general_ci, and status flags 0: not even AUTOCOMMIT.
        out.extend_from_slice(&[33, 0, 0]);
        out.extend_from_slice(&capabilities[2..]);
        out.push(21);
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(&self.salt[8..]);
        out.push(0);
        out.extend_from_slice(NATIVE_PASSWORD.as_bytes());
        out.push(0);
        out
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub capabilities: u32,
    pub user: String,
    pub scramble: Vec<u8>,
    pub database: Option<String>,
    /// `None` when the client does not speak of plugins.
    pub plugin: Option<String>,
}

/// The client's first packet is this short when it asks for TLS before it says who it is.
pub fn is_tls_request(payload: &[u8]) -> bool {
    payload.len() == 32
        && Reader::new(payload)
            .integer(4)
            .is_ok_and(|capabilities| capabilities as u32 & SSL != 0)
}

impl Login {
    pub fn decode(payload: &[u8]) -> io::Result<Login> {
        let mut reader = Reader::new(payload);
        let capabilities = reader.integer(4)? as u32;
        reader.bytes(4 + 1 + 23)?;
        let user = text(reader.zero_terminated());
        let scramble = if capabilities & LENENC_CLIENT_DATA != 0 {
            reader.length_prefixed()?.to_vec()
        } else {
            let length = reader.integer(1)? as usize;
            reader.bytes(length)?.to_vec()
        };
        let database = (capabilities & CONNECT_WITH_DB != 0)
            .then(|| text(reader.zero_terminated()))
            .filter(|name| !name.is_empty());
        let plugin = (capabilities & PLUGIN_AUTH != 0 && !reader.is_empty())
            .then(|| text(reader.zero_terminated()));
        Ok(Login {
            capabilities,
            user,
            scramble,
            database,
            plugin,
        })
    }

    /// COM_CHANGE_USER carries the same facts in another order.
    pub fn decode_change_user(payload: &[u8]) -> io::Result<Login> {
        let mut reader = Reader::new(payload);
        let user = text(reader.zero_terminated());
        let length = reader.integer(1)? as usize;
        let scramble = reader.bytes(length)?.to_vec();
        let database = Some(text(reader.zero_terminated())).filter(|name| !name.is_empty());
        let plugin = if reader.is_empty() {
            None
        } else {
            reader.bytes(2)?;
            Some(text(reader.zero_terminated())).filter(|name| !name.is_empty())
        };
        Ok(Login {
            capabilities: 0,
            user,
            scramble,
            database,
            plugin,
        })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asks the client to answer the salt with `mysql_native_password`, whatever it tried first.
pub fn auth_switch(salt: &[u8; 20]) -> Vec<u8> {
    let mut out = vec![0xfe];
    out.extend_from_slice(NATIVE_PASSWORD.as_bytes());
    out.push(0);
    out.extend_from_slice(salt);
    out.push(0);
    out
}

/// What the server keeps of a password: SHA1(SHA1(password)); nothing for the empty password.
pub fn stored_password(password: &str) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    Sha1::digest(Sha1::digest(password.as_bytes())).to_vec()
}

/// `scramble` is SHA1(password) XOR SHA1(salt, SHA1(SHA1(password))).
pub fn is_password_right(salt: &[u8; 20], stored: &[u8], scramble: &[u8]) -> bool {
    if stored.is_empty() || scramble.is_empty() {
        return stored.is_empty() && scramble.is_empty();
    }
    if scramble.len() != 20 {
        return false;
    }
    let mask = Sha1::new()
        .chain_update(salt)
        .chain_update(stored)
        .finalize();
    let once: Vec<u8> = scramble.iter().zip(mask).map(|(a, b)| a ^ b).collect();
    Sha1::digest(once)[..] == *stored
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's side of `mysql_native_password`.
    fn scramble(salt: &[u8; 20], password: &str) -> Vec<u8> {
        let once = Sha1::digest(password.as_bytes());
        let mask = Sha1::new()
            .chain_update(salt)
            .chain_update(Sha1::digest(once))
            .finalize();
        once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
    }

    #[test]
    fn only_the_right_password_is_right() {
        let salt = [9; 20];
        let stored = stored_password("secret1");
        assert!(is_password_right(
            &salt,
            &stored,
            &scramble(&salt, "secret1")
        ));
        assert!(!is_password_right(
            &salt,
            &stored,
            &scramble(&salt, "secret2")
        ));
        assert!(!is_password_right(&salt, &stored, b""));
        assert!(!is_password_right(&salt, b"", &scramble(&salt, "x")));
        assert!(is_password_right(&salt, b"", b""));
    }

    #[test]
    fn capabilities_are_those_recorded() {
        assert_eq!(
            Greeting::new(Profile::V3_3, false, [0; 20]).capabilities,
            1_606_156
        );
        assert_eq!(
            Greeting::new(Profile::V4_1, false, [0; 20]).capabilities,
            3_703_308
        );
    }
}
