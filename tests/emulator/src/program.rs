//! The stand-alone program, for people with a MySQL client.

use std::{io::Write, path::PathBuf, process::ExitCode, sync::Arc};

use jiff::SignedDuration;

use crate::{Clock, Emulator, Options, Profile, control, repository::Service};

const USAGE: &str = "\
usage: PROGRAM [--profile 3.3|3.3-list|3.5|4.1] [--port 9030] [--rate 1]
               [--repositories DIR] [--password PASSWORD] [--backends N]
               [--tick MILLISECONDS] [--control stdin]

Listens on 127.0.0.1 until it is interrupted. Buckets are directories in DIR (default: a directory
starrocks-emulator in the system's temporary directory), s3://backups is made; everything else is
lost at the end. Jobs go one step a tick, which is 3,000 ms. With --control stdin, faults are set by
commands, one per line (src/control.rs), and the end of the input is the end.";

/// Does what the command line says. `object_stores`: see [`Options::object_stores`].
pub fn main(object_stores: Option<Arc<dyn Service>>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        say(USAGE);
        return ExitCode::SUCCESS;
    }
    match run(arguments.into_iter(), object_stores) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&format!("{message}\n\n{USAGE}"));
            ExitCode::from(2)
        }
    }
}

fn run(
    mut arguments: impl Iterator<Item = String>,
    object_stores: Option<Arc<dyn Service>>,
) -> Result<(), String> {
    let root = std::env::temp_dir().join("starrocks-emulator");
    let mut options = Options::new(Profile::V4_1, Clock::running(1), root);
    options.port = 9030;
    options.object_stores = object_stores;
    let mut is_controlled = false;
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        let number = || {
            value
                .parse::<u16>()
                .map_err(|_| format!("{name} needs a number, not '{value}'"))
        };
        match name.as_str() {
            "--profile" => options.profile = value.parse()?,
            "--port" => options.port = number()?,
            "--tick" => options.tick = SignedDuration::from_millis(i64::from(number()?).max(1)),
            "--rate" => options.clock = Clock::running(i32::from(number()?)),
            "--repositories" => options.repository_root = PathBuf::from(value),
            "--password" => options.root_password = value,
            "--backends" => options.backends = u32::from(number()?),
            "--control" if value == "stdin" => is_controlled = true,
            _ => return Err(format!("unknown option {name} {value}")),
        }
    }
    let emulator = Emulator::start(options).map_err(|error| format!("cannot listen: {error}"))?;
    say(&format!(
        "StarRocks emulator on {} (user root); connect with: mysql -h 127.0.0.1 -P {} -u root",
        emulator.addr(),
        emulator.port()
    ));
    if is_controlled {
        return obey(&emulator);
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(tokio::signal::ctrl_c()))
        .map_err(|error| format!("cannot wait for Ctrl-C: {error}"))
}

fn obey(emulator: &Emulator) -> Result<(), String> {
    let mut answers = std::io::stdout();
    for line in std::io::stdin().lines() {
        let line = line.map_err(|error| format!("cannot read a command: {error}"))?;
        writeln!(answers, "{}", control::answer(emulator, &line))
            .map_err(|error| format!("cannot answer: {error}"))?;
    }
    Ok(())
}

#[expect(
    clippy::print_stderr,
    reason = "this is what a person at a terminal reads"
)]
fn say(text: &str) {
    eprintln!("{text}");
}
