//! How an emulator is to be.

use std::{path::PathBuf, sync::Arc};

use jiff::SignedDuration;

use crate::{clock::Clock, profile::Profile, repository::Service};

#[derive(Debug, Clone)]
pub struct Options {
    pub profile: Profile,
    /// 0: any free port. The address is always 127.0.0.1.
    pub port: u16,
    pub clock: Clock,
    /// Zone of the FE's JVM.
    pub time_zone: String,
    /// The global `time_zone`, which new sessions get.
    pub session_time_zone: String,
    /// Directory that stands for object stores: `s3://bucket/x` and `s3a://bucket/x` are
    /// `<root>/bucket/x`.
    pub repository_root: PathBuf,
    /// Buckets that are there from the start. A location in any other answers `NoSuchBucketException`.
    pub buckets: Vec<String>,
    /// Opens real buckets for the locations that it knows; all others stay below `repository_root`.
    /// `None`: no repository leaves this machine, and nobody waits for a network.
    pub object_stores: Option<Arc<dyn Service>>,
    pub backends: u32,
    pub default_replication_num: u32,
    pub root_password: String,
    /// Time between two steps of backup and restore jobs.
    pub tick: SignedDuration,
    /// Behave as the stand-in backend that the recordings were made with: it holds no rows, so a
    /// SELECT that a backend has to evaluate answers nothing, and a load raises the versions of all
    /// partitions of its table. Only for the replay of recordings.
    pub stand_in_backend: bool,
    /// Offers TLS in the greeting.
    pub tls: Option<Tls>,
    /// Listens on a second port as a follower: it forwards what changes things, and SHOW RESTORE
    /// shows there what was journaled.
    pub follower: bool,
}

/// What a server needs for TLS, as PEM texts.
#[derive(Clone)]
pub struct Tls {
    pub certificates: String,
    pub key: String,
    /// Clients have to show a certificate of this authority.
    pub client_authority: Option<String>,
    /// Refuse clients without TLS. A real frontend makes an exception for 127.0.0.1; the emulator,
    /// which is never anywhere else, does not.
    pub required: bool,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Tls")
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// One backend, one bucket `backups`, everything in UTC, on a clock that stands still at `clock` until it is advanced.
    pub fn new(profile: Profile, clock: Clock, repository_root: impl Into<PathBuf>) -> Options {
        Options {
            profile,
            port: 0,
            clock,
            time_zone: "UTC".to_owned(),
            session_time_zone: "UTC".to_owned(),
            repository_root: repository_root.into(),
            buckets: vec!["backups".to_owned()],
            object_stores: None,
            backends: 1,
            default_replication_num: 1,
            root_password: String::new(),
            tick: SignedDuration::from_secs(3),
            stand_in_backend: false,
            tls: None,
            follower: false,
        }
    }
}
