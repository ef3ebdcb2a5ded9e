//! The project's two machines, and what their placeholders stand for on this machine.

use super::{LoadError, Machine, Placeholders};

/// The names that [`Functions::invoke`](super::Functions::invoke) is called with, each with the
/// placeholder of its ARN; and the partition of AWS, which has no meaning here.
pub const PLACEHOLDERS: Placeholders<'static> = Placeholders {
    functions: &[
        ("PrecheckFunctionArn", "Precheck"),
        ("StartBackupFunctionArn", "StartBackup"),
        ("PollStatusFunctionArn", "PollStatus"),
        ("RecordHistoryFunctionArn", "RecordHistory"),
        ("RestoreFunctionArn", "Restore"),
    ],
    others: &[("Partition", "aws")],
};

pub const BACKUP: &str = include_str!("../../../../infra/statemachine/backup.asl.json");
pub const RESTORE: &str = include_str!("../../../../infra/statemachine/restore.asl.json");

pub fn backup() -> Result<Machine, LoadError> {
    Machine::load(BACKUP, PLACEHOLDERS)
}

pub fn restore() -> Result<Machine, LoadError> {
    Machine::load(RESTORE, PLACEHOLDERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_machines_load() {
        backup().unwrap();
        restore().unwrap();
    }
}
