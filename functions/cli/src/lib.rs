//! `starrocks-br`: the six functions and the state machines on one machine.
//!
//! A command reads its arguments, runs a state machine of `infra/statemachine` or asks the ops tables,
//! and prints. It decides nothing about backups: the handlers do, and they are those of AWS.

pub mod args;
pub mod asl;
mod commands;
mod execution;
mod handlers;
mod progress;
mod render;
pub mod terminal;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;
use shared::{
    audit, config,
    error::{Error, ErrorName},
    telemetry::{self, Format},
};

use crate::{
    args::{Args, Output},
    terminal::Terminal,
};

pub use handlers::Handlers;

/// Runs one command and answers its exit code: 0, or that of the error's name.
pub async fn run(
    arguments: impl IntoIterator<Item = OsString>,
    terminal: &mut Terminal,
) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => return usage(terminal, &arguments, &error),
    };
    let format = Format::Text {
        verbose: args.global.verbose,
    };
    let filter = config::log_filter().or_else(|| args.command.log_filter().map(str::to_owned));
    telemetry::init(format, filter.as_deref());
    audit::act_for(config::operating_user());
    let output = args.global.output;
    match commands::run(args, terminal).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            render::error(terminal, output, &error);
            ExitCode::from(error.name.exit_code())
        }
    }
}

/// Help, or what is wrong with the command line.
fn usage(terminal: &mut Terminal, arguments: &[OsString], error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if !error.use_stderr() {
        terminal.print(text.trim_end());
        return ExitCode::SUCCESS;
    }
    if wants_json(arguments) {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let rest: Vec<&str> = lines
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let message = first.strip_prefix("error: ").unwrap_or(first);
        let error = Error::invalid_input(message).hint(rest.join("; "));
        render::error(terminal, Output::Json, &error);
    } else {
        terminal.say(text.trim_end());
    }
    ExitCode::from(ErrorName::InvalidInput.exit_code())
}

/// Of a command line that could not be read.
fn wants_json(arguments: &[OsString]) -> bool {
    let separate = arguments
        .windows(2)
        .any(|pair| pair[0] == "--output" && pair[1] == "json");
    separate || arguments.iter().any(|argument| argument == "--output=json")
}

/// What a command answers.
pub(crate) type Done = Result<(), Error>;
