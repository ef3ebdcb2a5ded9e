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
    config,
    error::Error,
    telemetry::{self, Format},
};

use crate::{args::Args, terminal::Terminal};

pub use handlers::Handlers;

/// Runs one command and answers its exit code: 0, or that of the error's name.
pub async fn run(
    arguments: impl IntoIterator<Item = OsString>,
    terminal: &mut Terminal,
) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            let text = error.render().to_string();
            match error.use_stderr() {
                true => terminal.say(text.trim_end()),
                false => terminal.print(text.trim_end()),
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let format = Format::Text {
        verbose: args.global.verbose,
    };
    telemetry::init(format, config::log_filter().as_deref());
    let output = args.global.output;
    match commands::run(args, terminal).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            render::error(terminal, output, &error);
            ExitCode::from(error.name.exit_code())
        }
    }
}

/// What a command answers.
pub(crate) type Done = Result<(), Error>;
