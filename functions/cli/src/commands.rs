//! One file per command.

mod ask;
mod backup;
mod cancel;
#[cfg(feature = "demo")]
mod demo;
mod diff;
mod doctor;
mod group;
mod init;
mod invoke;
mod list;
mod plan;
mod restore;
mod show;
mod status;

use clap::CommandFactory;
use shared::{context::Context, error::Error, ops::Ops, starrocks::Client};

use crate::{
    Done,
    args::{Args, Command, Output},
    terminal::Terminal,
};

pub(crate) async fn run(args: Args, terminal: &mut Terminal) -> Done {
    let output = args.global.output;
    let path = args.global.config;
    if let Command::Completions { shell } = args.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "starrocks-br", &mut script);
        terminal.print(String::from_utf8_lossy(&script).trim_end());
        return Ok(());
    }
    #[cfg(feature = "demo")]
    if let Command::Demo = args.command {
        return demo::run(terminal).await;
    }
    let context = Context::load(path.as_deref()).await?;
    Session {
        context,
        output,
        terminal,
        pace: 1,
    }
    .run(args.command)
    .await
}

/// What every command has at hand.
pub(crate) struct Session<'t> {
    context: Context,
    output: Output,
    terminal: &'t mut Terminal,
    /// Seconds of the cluster in one of this machine.
    pace: u32,
}

impl Session<'_> {
    async fn run(mut self, command: Command) -> Done {
        match command {
            Command::Init {
                expected_partitions,
            } => self.init(expected_partitions).await,
            Command::Backup { kind } => self.backup(kind).await,
            Command::Plan { what } => self.plan(what).await,
            Command::Restore(restore) => self.restore(restore).await,
            Command::List { group } => self.list(group.as_deref()).await,
            Command::Show {
                label,
                ddl,
                partitions,
            } => self.show(&label, ddl, partitions).await,
            Command::Diff { from, to } => self.diff(&from, &to).await,
            Command::Status => self.status().await,
            Command::Cancel {
                database,
                label,
                yes,
            } => self.cancel(&database, label.as_deref(), yes).await,
            Command::Doctor { orphans, probe } => self.doctor(orphans, probe).await,
            Command::Group { action } => self.group(action).await,
            Command::Invoke { function, event } => self.invoke(function, &event).await,
            #[cfg(feature = "demo")]
            Command::Demo => Ok(()),
            Command::Completions { .. } => Ok(()),
        }
    }

    async fn connect(&self) -> Result<Client, Error> {
        self.context.connect().await
    }

    /// A connection to a cluster whose ops tables are as they must be.
    async fn connect_to_ops(&self) -> Result<Client, Error> {
        let mut client = self.connect().await?;
        let ops = self.context.settings().ops_database();
        let state = Ops::new(&mut client, ops).schema_state().await?;
        match state.to_error(ops) {
            None => Ok(client),
            Some(error) => Err(error),
        }
    }

    fn ops<'c>(&'c self, client: &'c mut Client) -> Ops<'c> {
        Ops::new(client, self.context.settings().ops_database())
    }
}
