//! Runs the state machines of `infra/statemachine` with the real handlers. What the machine waits, the
//! cluster's clock advances.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use cli::asl::{
    Event, ExecutionError, ExecutionInfo, Functions, Machine, Placeholders, Runtime, resources,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::{context::Context, error::Error, flow::FlowError};
use starrocks_emulator::Emulator;
use tokio::sync::watch;

use crate::{
    cluster::{Cluster, PASSWORD, SECRET_KEY},
    kill::{Kill, Killer, Victim},
};

/// The functions behind the Tasks.
struct Handlers {
    context: Context,
    killer: Option<Killer>,
}

impl Functions for Handlers {
    async fn invoke(self: Arc<Self>, function: String, payload: Value) -> Result<Value, FlowError> {
        is_clean(&function, &payload.to_string());
        let call = async {
            let answer = call(&self.context, &function, payload).await;
            is_clean(&function, &format!("{answer:?}"));
            answer
        };
        let Some(killer) = &self.killer else {
            return call.await.map_err(|error| FlowError::from(&error));
        };
        tokio::select! {
            biased;
            () = killer.died() => {
                killer.bury().await;
                Err(FlowError { error: "Runtime.ExitError".into(), cause: "killed".into() })
            }
            answer = call => answer.map_err(|error| FlowError::from(&error)),
        }
    }
}

/// No state between two steps holds a secret, and no error: those of every test are looked through.
fn is_clean(function: &str, text: &str) {
    for secret in [PASSWORD, SECRET_KEY] {
        assert!(!text.contains(secret), "{function}: a secret is in {text}");
    }
}

/// One function, as Lambda would call it.
pub async fn call(context: &Context, function: &str, payload: Value) -> Result<Value, Error> {
    match function {
        "Precheck" => precheck::handle(context, payload).await,
        "StartBackup" => start_backup::handle(context, payload).await,
        "PollStatus" => poll_status::handle(context, payload).await,
        "RecordHistory" => record_history::handle(context, payload).await,
        "Restore" => restore::handle(context, payload).await,
        "AuditOrphans" => audit_orphans::handle(context, payload).await,
        other => panic!("no function {other}"),
    }
}

/// What doctor reports with a probe. The probe waits by the machine's clock for what the cluster does by
/// its own, which goes on meanwhile.
pub async fn probed_report(cluster: &Cluster) -> Value {
    let context = cluster.context();
    let report = json!({ "operation": "report", "probe": true });
    let time = async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            cluster.advance(5);
        }
    };
    tokio::select! {
        report = call(&context, "Precheck", report) => report.expect("a report"),
        () = time => unreachable!(),
    }
}

/// How an execution ended.
#[derive(Debug)]
pub struct Ended {
    pub id: String,
    pub result: Result<Value, ExecutionError>,
}

impl Ended {
    pub fn output(self) -> Value {
        self.result
            .unwrap_or_else(|error| panic!("the execution failed: {error:?}"))
    }

    /// The named error with which it failed.
    pub fn error(self) -> FlowError {
        match self.result {
            Err(ExecutionError::Failed(failure)) => failure.error,
            other => panic!("the execution did not fail: {other:?}"),
        }
    }
}

/// Waiting takes no time here: the cluster's clock is advanced instead.
const PACE: u32 = 1_000_000;

static EXECUTIONS: AtomicU32 = AtomicU32::new(0);

/// To load one is to prove all of its paths, which thousands of executions need not do again.
static BACKUP: LazyLock<Machine> =
    LazyLock::new(|| resources::backup().expect("backup.asl.json loads"));
static RESTORE: LazyLock<Machine> =
    LazyLock::new(|| resources::restore().expect("restore.asl.json loads"));

pub async fn backup(cluster: &Cluster, input: Value) -> Ended {
    run(cluster, &BACKUP, input, None).await
}

/// With the waits that a cluster asks for whose clock runs `pace` times faster than the machine's.
pub async fn backup_at_pace(cluster: &Cluster, input: Value, pace: u32) -> Ended {
    let (_stopper, stop) = watch::channel(false);
    let runtime = Runtime::new(|_| {}, stop).with_pace(pace);
    run_with(cluster, &BACKUP, input, None, &runtime).await
}

/// In one of the two machines that `restore.asl.json` is deployed as: `stage` or `promote`.
pub async fn restore_in(cluster: &Cluster, machine: &str, input: Value) -> Ended {
    let others: Vec<(&str, &str)> = resources::PLACEHOLDERS
        .others
        .iter()
        .map(|(name, value)| match *name {
            "RestoreMachine" => (*name, machine),
            _ => (*name, *value),
        })
        .collect();
    let placeholders = Placeholders {
        others: &others,
        ..resources::PLACEHOLDERS
    };
    let machine = Machine::load(resources::RESTORE, placeholders).expect("restore.asl.json loads");
    run(cluster, &machine, input, None).await
}

pub async fn audit(cluster: &Cluster) -> Ended {
    let machine = resources::audit().expect("audit.asl.json loads");
    run(cluster, &machine, json!({}), None).await
}

pub async fn restore(cluster: &Cluster, input: Value) -> Ended {
    run(cluster, &RESTORE, input, None).await
}

/// One of the machines of `infra/statemachine`, with everything that happens shown to `see`.
pub async fn watched(
    cluster: &Cluster,
    machine: &Machine,
    input: Value,
    see: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Ended {
    let (_stopper, stop) = watch::channel(false);
    let Runtime { observe, .. } = runtime(Arc::clone(&cluster.emulator), stop.clone());
    let both = move |event: &Event<'_>| {
        see(event);
        observe(event);
    };
    let runtime = Runtime::new(both, stop).with_pace(PACE);
    run_with(cluster, machine, input, None, &runtime).await
}

/// As another user, or with other settings: `variables` as in the environment.
pub async fn backup_as(cluster: &Cluster, input: Value, variables: &[(&str, &str)]) -> Ended {
    run_as(cluster, &BACKUP, input, variables).await
}

pub async fn restore_as(cluster: &Cluster, input: Value, variables: &[(&str, &str)]) -> Ended {
    run_as(cluster, &RESTORE, input, variables).await
}

async fn run_as(
    cluster: &Cluster,
    machine: &Machine,
    input: Value,
    variables: &[(&str, &str)],
) -> Ended {
    let (_stopper, stop) = watch::channel(false);
    let runtime = runtime(Arc::clone(&cluster.emulator), stop);
    let context = Context::new(cluster.settings_with(variables));
    execute(
        cluster,
        machine,
        input,
        Handlers {
            context,
            killer: None,
        },
        &runtime,
    )
    .await
}

/// `None`: the whole process was killed, and nobody calls anything again.
pub async fn backup_under(cluster: &Cluster, input: Value, killer: &Killer) -> Option<Ended> {
    run_under(cluster, &BACKUP, input, killer).await
}

/// As [`backup_under`].
pub async fn restore_under(cluster: &Cluster, input: Value, killer: &Killer) -> Option<Ended> {
    run_under(cluster, &RESTORE, input, killer).await
}

async fn run_under(
    cluster: &Cluster,
    machine: &Machine,
    input: Value,
    killer: &Killer,
) -> Option<Ended> {
    let process_died = async {
        if killer.victim() == Victim::Function {
            std::future::pending::<()>().await;
        }
        killer.died().await;
    };
    let ended = tokio::select! {
        biased;
        () = process_died => None,
        ended = run(cluster, machine, input, Some(killer.clone())) => Some(ended),
    };
    cluster.emulator.faults().clear();
    ended
}

/// A function is killed once, at this statement; the state machine calls it again.
pub async fn backup_with_kill(cluster: &Cluster, input: Value, kill: Kill) -> (Ended, bool) {
    let killer = Killer::arm(&cluster.emulator, kill, Victim::Function);
    let ended = backup_under(cluster, input, &killer).await;
    (ended.expect("the process lives"), killer.has_fired())
}

pub async fn restore_with_kill(cluster: &Cluster, input: Value, kill: Kill) -> (Ended, bool) {
    let killer = Killer::arm(&cluster.emulator, kill, Victim::Function);
    let ended = restore_under(cluster, input, &killer).await;
    (ended.expect("the process lives"), killer.has_fired())
}

/// The whole process is killed at this statement: nobody calls anything again.
pub async fn backup_until_killed(cluster: &Cluster, input: Value, kill: Kill) -> bool {
    let killer = Killer::arm(&cluster.emulator, kill, Victim::Process);
    backup_under(cluster, input, &killer).await;
    killer.has_fired()
}

pub async fn restore_until_killed(cluster: &Cluster, input: Value, kill: Kill) -> bool {
    let killer = Killer::arm(&cluster.emulator, kill, Victim::Process);
    restore_under(cluster, input, &killer).await;
    killer.has_fired()
}

/// A full backup of a group, to its end.
pub async fn full(cluster: &Cluster, group: &str) -> Value {
    backup(cluster, json!({ "group": group, "kind": "full" }))
        .await
        .output()
}

pub async fn incremental(cluster: &Cluster, group: &str) -> Value {
    backup(cluster, json!({ "group": group, "kind": "incremental" }))
        .await
        .output()
}

async fn run(cluster: &Cluster, machine: &Machine, input: Value, killer: Option<Killer>) -> Ended {
    let (_stopper, stop) = watch::channel(false);
    let runtime = runtime(Arc::clone(&cluster.emulator), stop);
    run_with(cluster, machine, input, killer, &runtime).await
}

async fn run_with(
    cluster: &Cluster,
    machine: &Machine,
    input: Value,
    killer: Option<Killer>,
    runtime: &Runtime,
) -> Ended {
    let handlers = Handlers {
        context: cluster.context(),
        killer,
    };
    execute(cluster, machine, input, handlers, runtime).await
}

async fn execute(
    cluster: &Cluster,
    machine: &Machine,
    input: Value,
    handlers: Handlers,
    runtime: &Runtime,
) -> Ended {
    let number = EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    let info = execution(number, cluster.caller_time());
    let result = tokio::time::timeout(
        crate::TIMEOUT,
        machine.execute(input, &info, &Arc::new(handlers), runtime),
    )
    .await
    .expect("an end in time");
    Ended {
        id: info.id,
        result,
    }
}

fn execution(number: u32, now: Timestamp) -> ExecutionInfo {
    ExecutionInfo {
        id: format!("test-execution-{number}"),
        name: format!("test-execution-{number}"),
        machine: "test".to_owned(),
        started_at: now,
        redrive_count: 0,
    }
}

fn runtime(emulator: Arc<Emulator>, stop: watch::Receiver<bool>) -> Runtime {
    let observe = move |event: &Event<'_>| {
        if let Event::Waiting { duration, .. }
        | Event::Retrying {
            delay: duration, ..
        } = event
        {
            let waited = SignedDuration::try_from(*duration).expect("a short wait");
            emulator.advance(waited);
        }
    };
    Runtime::new(observe, stop).with_pace(PACE)
}
