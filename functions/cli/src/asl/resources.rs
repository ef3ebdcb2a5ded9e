//! The project's machines, and what their placeholders stand for on this machine.

use super::{LoadError, Machine, Placeholders};

/// The names that [`Functions::invoke`](super::Functions::invoke) is called with, each with the
/// placeholder of its ARN; and what has no meaning here: the partition of AWS, and the split of restores
/// into two machines.
pub const PLACEHOLDERS: Placeholders<'static> = Placeholders {
    functions: &[
        ("PrecheckFunctionArn", "Precheck"),
        ("StartBackupFunctionArn", "StartBackup"),
        ("PollStatusFunctionArn", "PollStatus"),
        ("RecordHistoryFunctionArn", "RecordHistory"),
        ("RestoreFunctionArn", "Restore"),
        ("AuditOrphansFunctionArn", "AuditOrphans"),
    ],
    others: &[("Partition", "aws"), ("RestoreMachine", "any")],
};

pub const BACKUP: &str = include_str!("../../../../infra/statemachine/backup.asl.json");
pub const RESTORE: &str = include_str!("../../../../infra/statemachine/restore.asl.json");
pub const AUDIT: &str = include_str!("../../../../infra/statemachine/audit.asl.json");

pub fn backup() -> Result<Machine, LoadError> {
    Machine::load(BACKUP, PLACEHOLDERS)
}

pub fn audit() -> Result<Machine, LoadError> {
    Machine::load(AUDIT, PLACEHOLDERS)
}

pub fn restore() -> Result<Machine, LoadError> {
    Machine::load(RESTORE, PLACEHOLDERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_loads() {
        backup().unwrap();
        restore().unwrap();
        audit().unwrap();
    }
}
