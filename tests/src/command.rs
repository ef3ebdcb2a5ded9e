//! The command line, in this process.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use cli::terminal::Terminal;
use tempfile::NamedTempFile;

use crate::cluster::{Cluster, REPOSITORY};

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: u8,
    pub out: String,
    pub err: String,
}

/// Runs `starrocks-br` on the cluster as user `plain`, who has no password: the environment, which is
/// where a password comes from, belongs to all tests of the process.
pub async fn command(cluster: &Cluster, arguments: &[&str]) -> Said {
    let config = configuration(cluster, "");
    command_with(&config, arguments).await
}

pub async fn command_with(config: &NamedTempFile, arguments: &[&str]) -> Said {
    run(config, arguments, Shared::default(), None).await
}

/// As [`command`], for a person at a terminal who types `answer`. `meanwhile` happens while the question
/// stands there.
pub async fn command_answered(
    cluster: &Cluster,
    arguments: &[&str],
    answer: &str,
    meanwhile: impl FnOnce() + Send + 'static,
) -> Said {
    let config = configuration(cluster, "");
    let err = Shared::default();
    *err.at_question.lock().expect("nobody panicked") = Some(Box::new(meanwhile));
    run(&config, arguments, err, Some(answer)).await
}

async fn run(
    config: &NamedTempFile,
    arguments: &[&str],
    err: Shared,
    answer: Option<&str>,
) -> Said {
    let path = config.path().to_str().expect("a path of text");
    let out = Shared::default();
    let mut terminal = Terminal::new(out.clone(), err.clone(), answer);
    let words = ["starrocks-br", "--config", path].into_iter();
    let words = words.chain(arguments.iter().copied()).map(Into::into);
    let code = tokio::time::timeout(crate::TIMEOUT, cli::run(words, &mut terminal))
        .await
        .expect("an end in time");
    // An ExitCode shows its number nowhere but in its Debug text.
    let digits: String = format!("{code:?}")
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    Said {
        code: digits.parse().expect("an exit code"),
        out: out.text(),
        err: err.text(),
    }
}

/// A configuration file for user `plain`, with more lines.
pub fn configuration(cluster: &Cluster, more: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    writeln!(
        file,
        "host: 127.0.0.1\nport: {}\nuser: plain\nrepository: {REPOSITORY}\n{more}",
        cluster.emulator.port()
    )
    .expect("written");
    file
}

/// The user of [`command`]: everything but a password.
pub async fn create_user(cluster: &Cluster) {
    cluster
        .sql(
            "CREATE USER 'plain'@'%';\nGRANT db_admin TO USER 'plain'@'%';\n\
             SET DEFAULT ROLE ALL TO 'plain'@'%'",
        )
        .await;
}

type Act = Box<dyn FnOnce() + Send>;

#[derive(Clone, Default)]
struct Shared {
    bytes: Arc<Mutex<Vec<u8>>>,
    at_question: Arc<Mutex<Option<Act>>>,
}

impl Shared {
    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("a text")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        all.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.text().ends_with("[y/N] ") {
            let mut act = self
                .at_question
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(act) = act.take() {
                act();
            }
        }
        Ok(())
    }
}
