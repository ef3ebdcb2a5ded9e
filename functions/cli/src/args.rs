//! The command line. Doc comments are its help.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Backup and restore for StarRocks: full and incremental backups that miss nothing, and restores
/// beside the live data.
#[derive(Debug, Parser)]
#[command(
    name = "starrocks-br",
    bin_name = "starrocks-br",
    version,
    propagate_version = true
)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, clap::Args)]
pub struct Global {
    /// Configuration file (YAML). Every key also has an environment variable; the password has only
    /// that: STARROCKS_PASSWORD or STARROCKS_PASSWORD_FILE
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How results are printed on standard output
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Say more on standard error
    #[arg(long, global = true)]
    pub verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

impl Command {
    /// What is logged where nothing else is asked for and that differs from other commands.
    pub(crate) fn log_filter(&self) -> Option<&'static str> {
        match self {
            // It tells its own story, and what it does is gone when it ends.
            #[cfg(feature = "demo")]
            Command::Demo => Some("error,audit=off"),
            _ => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create or complete the ops tables; can be repeated at any time
    Init {
        /// Partitions that backups will list in total: sizes the table that holds them
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        expected_partitions: u64,
    },
    /// Back up a group
    Backup {
        #[command(subcommand)]
        kind: Backup,
    },
    /// Show what a backup or a restore would do; nothing is taken, written or sent
    Plan {
        #[command(subcommand)]
        what: Plan,
    },
    /// Restore a label beside the live data, verify it, and swap it in
    Restore(Restore),
    /// List what was backed up, newest first
    List {
        /// Only this group
        #[arg(long)]
        group: Option<String>,
    },
    /// Show what a label stands for
    Show {
        /// As `starrocks-br list` prints it
        label: String,
        /// Print the definitions of all objects
        #[arg(long)]
        ddl: bool,
        /// Print every partition
        #[arg(long)]
        partitions: bool,
    },
    /// Compare two labels: tables and partitions added, changed, dropped
    Diff {
        /// The older label
        from: String,
        /// The newer one, of the same database
        to: String,
    },
    /// Show who holds which database, what is in work, and the restores
    Status,
    /// Cancel the backup that runs in a database
    Cancel {
        /// The database in which it runs
        database: String,
        /// Only this label; needed for a backup that no run of ours began
        #[arg(long)]
        label: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Check the cluster, and say what to do about each finding
    Doctor {
        /// Also compare the repository with the recorded backups
        #[arg(long)]
        orphans: bool,
        /// Also write to the repository; the small snapshot stays there
        #[arg(long)]
        probe: bool,
    },
    /// Manage groups of tables
    Group {
        #[command(subcommand)]
        action: Group,
    },
    /// Call one function with an event, as AWS Lambda would
    Invoke {
        #[arg(value_enum)]
        function: Function,
        /// The event, as JSON
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
    },
    /// Run the main job on an embedded StarRocks emulator
    #[cfg(feature = "demo")]
    Demo,
    /// Print a completion script for a shell
    Completions { shell: Shell },
}

#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Everything in the group
    Full(BackupOptions),
    /// What is due: the month's or the week's full, or an incremental
    Auto(BackupOptions),
    /// What changed since the group's newest full
    Incremental {
        #[command(flatten)]
        options: BackupOptions,
        /// The full to compare with, instead of the newest
        #[arg(long, value_name = "LABEL")]
        baseline_backup: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub struct BackupOptions {
    /// The group, see `starrocks-br group list`
    #[arg(long)]
    pub group: String,
    /// A name instead of DATABASE_DATE_KIND; `-v#r` at its end becomes the next free number
    #[arg(long)]
    pub name: Option<String>,
    /// What to do with an object that StarRocks cannot back up
    #[arg(long, value_enum, default_value_t = OnUnsupported::Fail)]
    pub on_unsupported: OnUnsupported,
    /// Do not count rows: a restore then has fewer counts to compare with
    #[arg(long)]
    pub no_row_counts: bool,
    /// What becomes of a BACKUP that takes longer than its window
    #[arg(long, value_enum, default_value_t = OnOverdue::Continue)]
    pub on_overdue: OnOverdue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnOverdue {
    /// It goes on, to twice its window
    Continue,
    /// StarRocks cancels it
    Cancel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnUnsupported {
    /// Back up nothing, and say what is in the way
    Fail,
    /// Leave it out, record why, and end as PartialBackup
    Skip,
}

#[derive(Debug, Subcommand)]
pub enum Plan {
    /// What a backup would store, reference and leave out, table by table, and why
    Backup(PlanBackup),
    /// How a restore would bring each table back, as `restore --dry-run` shows it
    Restore(RestoreTarget),
}

#[derive(Debug, clap::Args)]
pub struct PlanBackup {
    #[command(flatten)]
    pub options: BackupOptions,
    /// Everything in the group
    #[arg(long, conflicts_with_all = ["auto", "incremental", "baseline_backup"])]
    pub full: bool,
    /// What is due, as `backup auto` chooses it; this is the default
    #[arg(long, conflicts_with_all = ["incremental", "baseline_backup"])]
    pub auto: bool,
    /// What changed since the group's newest full
    #[arg(long)]
    pub incremental: bool,
    /// An incremental compared with this full instead of the newest
    #[arg(long, value_name = "LABEL")]
    pub baseline_backup: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Restore {
    #[command(flatten)]
    pub options: RestoreOptions,
    #[command(subcommand)]
    pub action: Option<RestoreAction>,
}

#[derive(Debug, clap::Args)]
pub struct RestoreOptions {
    #[command(flatten)]
    pub target: RestoreTarget,
    /// Show the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// What to restore, and how.
#[derive(Debug, clap::Args)]
pub struct RestoreTarget {
    /// The label to restore
    #[arg(long, value_name = "LABEL", required_unless_present = "group")]
    pub target_label: Option<String>,
    /// With --target-label: only this group's tables. Without: the group's newest backup
    #[arg(long)]
    pub group: Option<String>,
    /// Only this table; can be given several times
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Only this partition of the one --table; can be given several times
    #[arg(long = "partition", value_name = "PARTITION", requires = "tables")]
    pub partitions: Vec<String>,
    /// With --group: the newest backup pinned at or before this time (UTC, or with an offset)
    #[arg(
        long,
        value_name = "TIME",
        requires = "group",
        conflicts_with = "target_label"
    )]
    pub as_of: Option<String>,
    /// Suffix of the tables that are restored beside the live ones
    #[arg(long, value_name = "SUFFIX", default_value = "_restored")]
    pub rename_suffix: String,
    /// Restore into this database, under the original names
    #[arg(long, value_name = "DATABASE")]
    pub into_database: Option<String>,
    /// Swap when verified, or stop there and wait for `restore promote`
    #[arg(long, value_enum, default_value_t = Swap::Auto)]
    pub swap: Swap,
    /// Do not count rows
    #[arg(long)]
    pub no_row_counts: bool,
    /// Compare every value, as a sum of hashes, with live partitions that still are what was backed up
    #[arg(long)]
    pub checksum: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Swap {
    Auto,
    Manual,
}

#[derive(Debug, Subcommand)]
pub enum RestoreAction {
    /// Make a verified restore live
    Promote(RestoreById),
    /// Put back what lived before
    Undo(RestoreById),
    /// Go on with a restore that broke off
    Resume(RestoreById),
}

#[derive(Debug, clap::Args)]
pub struct RestoreById {
    /// The restore, see `starrocks-br status`
    pub id: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum Group {
    /// Add tables to a group: DATABASE.TABLE, or DATABASE.* for everything in it
    Add {
        /// Its name; a new one makes a group
        group: String,
        /// `*` for the table takes everything in the database, also what is made later
        #[arg(required = true, value_name = "DATABASE.TABLE")]
        tables: Vec<String>,
    },
    /// Remove tables from a group
    Remove {
        /// Its name
        group: String,
        /// As they were added
        #[arg(required = true, value_name = "DATABASE.TABLE")]
        tables: Vec<String>,
    },
    /// List all groups
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Function {
    Precheck,
    StartBackup,
    PollStatus,
    RecordHistory,
    Restore,
    AuditOrphans,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn commands_of_the_python_tool_are_understood() {
        for line in [
            "init --config c.yaml",
            "--verbose init --config c.yaml",
            "backup full --config c.yaml --group g",
            "backup full --config c.yaml --group g --name nightly-v#r",
            "backup incremental --config c.yaml --baseline-backup l --group g --name n",
            "restore --config c.yaml --target-label l",
            "restore --config c.yaml --target-label l --group g --yes",
            "restore --config c.yaml --target-label l --table t --rename-suffix _r",
        ] {
            let words = ["starrocks-br"].into_iter().chain(line.split(' '));
            assert!(Args::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn a_restore_says_what_to_restore_or_which_one_to_go_on_with() {
        for (line, valid) in [
            ("restore", false),
            ("restore --group g", true),
            ("restore promote ID", true),
            ("restore undo ID --yes", true),
            ("restore --target-label l --as-of 2026", false),
            ("restore --target-label l --partition p", false),
        ] {
            let words = ["starrocks-br"].into_iter().chain(line.split(' '));
            assert_eq!(Args::try_parse_from(words).is_ok(), valid, "{line}");
        }
    }
}
