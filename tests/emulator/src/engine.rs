//! The frontend's state, and the one place where a statement runs.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, tz::TimeZone};
use md5::{Digest, Md5};

use crate::{
    admin::RoutineLoad,
    catalog::Catalog,
    clock::Clock,
    config::Config,
    ddl::{AlterJob, Scheduler},
    dml::{self, Loads, Tasks},
    jobs::{self, Jobs},
    nodes::Nodes,
    options::Options,
    parse::{self, Statement},
    privileges::Privileges,
    profile::Profile,
    reply::SqlResult,
    repository::{ObjectStore, Repositories, Service},
    rows::Rows,
    session::{Session, SessionInfo},
    variables::GlobalVariables,
};

/// Everything a frontend knows. All statements run under one lock, one at a time; a statement's
/// effect is therefore atomic, as DDL is on a real leader.
#[derive(Debug)]
pub struct Engine {
    pub profile: Profile,
    pub clock: Clock,
    /// Zone of the FE's JVM: snapshot timestamps are in it.
    pub time_zone: TimeZone,
    /// Its name, as `@@system_time_zone` gives it.
    pub time_zone_name: String,
    /// Zone of new sessions, and its name as `@@time_zone` gives it.
    pub session_time_zone: TimeZone,
    pub session_time_zone_name: String,
    pub backends: u32,
    pub default_replication_num: u32,
    /// Time between two steps of jobs.
    pub tick: SignedDuration,
    /// See [`crate::Options::stand_in_backend`].
    pub stand_in_backend: bool,
    pub catalog: Catalog,
    pub partition_scheduler: Scheduler,
    /// Schema changes and rollups, finished ones too, oldest first.
    pub alter_jobs: Vec<AlterJob>,
    pub rows: Rows,
    pub loads: Loads,
    pub routine_loads: Vec<RoutineLoad>,
    pub tasks: Tasks,
    pub repositories: Repositories,
    pub store: ObjectStore,
    /// See [`crate::Options::object_stores`].
    pub object_stores: Option<Arc<dyn Service>>,
    pub jobs: Jobs,
    pub privileges: Privileges,
    pub config: Config,
    pub nodes: Nodes,
    pub global_variables: GlobalVariables,
    pub sessions: BTreeMap<u32, SessionInfo>,
    last_uuid: u64,
}

impl Engine {
    pub fn new(options: &Options) -> Result<Engine, String> {
        Ok(Engine {
            profile: options.profile,
            clock: options.clock.clone(),
            time_zone: zone(&options.time_zone)?,
            time_zone_name: options.time_zone.clone(),
            session_time_zone: zone(&options.session_time_zone)?,
            session_time_zone_name: options.session_time_zone.clone(),
            backends: options.backends,
            default_replication_num: options.default_replication_num,
            tick: options.tick,
            stand_in_backend: options.stand_in_backend,
            catalog: Catalog::default(),
            partition_scheduler: Scheduler::default(),
            alter_jobs: Vec::new(),
            rows: Rows::new(),
            loads: Loads::default(),
            routine_loads: Vec::new(),
            tasks: Tasks::default(),
            repositories: Repositories::default(),
            store: store(options)?,
            object_stores: options.object_stores.clone(),
            jobs: Jobs::new(options.clock.now() + options.tick),
            privileges: Privileges::new(&options.root_password, !options.profile.is_3_3()),
            config: Config::new(options.profile, options.default_replication_num),
            nodes: Nodes::new(
                options.profile,
                options.backends,
                options.clock.now(),
                options.stand_in_backend,
            ),
            global_variables: GlobalVariables::default(),
            sessions: BTreeMap::new(),
            last_uuid: 0,
        })
    }

    /// Runs one statement. What falls due by the clock happens first.
    pub fn execute(&mut self, session: &mut Session, sql: &str) -> SqlResult {
        self.tick();
        session.follower = self.nodes.is_follower(session.frontend);
        self.show_running(session, sql);
        let reply = self.run(session, sql);
        if let Some(info) = self.sessions.get_mut(&session.id) {
            info.running = None;
        }
        reply
    }

    /// From here on SHOW PROCESSLIST has the statement, until it was executed.
    pub(crate) fn show_running(&mut self, session: &Session, sql: &str) {
        if let Some(info) = self.sessions.get_mut(&session.id) {
            info.running = Some(sql.to_owned());
            info.running_since = Some(self.clock.now());
        }
    }

    pub(crate) fn run(&mut self, session: &mut Session, sql: &str) -> SqlResult {
        let statement = parse::parse(sql, self.profile)?;
        dml::check_statement(session, &statement)?;
        match statement {
            Statement::Admin(statement) => self.execute_admin(session, statement),
            Statement::Ddl(statement) => self.execute_ddl(session, statement),
            Statement::Dml(statement) => self.execute_dml(session, statement),
            Statement::Backup(statement) => self.execute_backup(session, statement),
        }
    }

    /// The zone that SHOW statements print times in: 4.1 takes UTC+8 whatever cluster and session
    /// have, older versions the session's.
    pub fn show_time_zone(&self, session: &Session) -> TimeZone {
        if self.profile == Profile::V4_1 {
            TimeZone::fixed(jiff::tz::offset(8))
        } else {
            session.time_zone.clone()
        }
    }

    /// An id in the form of a UUID, unique over the life of the engine.
    pub fn next_uuid(&mut self) -> String {
        self.last_uuid += 1;
        let digest = Md5::digest(format!("{} {}", self.clock.now(), self.last_uuid));
        let digits = hex::encode(digest);
        format!(
            "{}-{}-{}-{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..]
        )
    }

    /// Lets everything happen that is due at the clock's time.
    pub fn tick(&mut self) {
        jobs::advance(self);
        self.run_partition_scheduler();
        self.run_alter_jobs();
        self.publish_due();
        self.run_tasks();
    }

    /// Moves a manual clock in steps no longer than a tick, so that what is due on the way happens at
    /// its own time.
    pub fn advance(&mut self, by: SignedDuration) {
        let mut left = by;
        while left.is_positive() {
            let step = left.min(self.tick);
            self.clock.advance(step);
            self.tick();
            left -= step;
        }
    }
}

fn store(options: &Options) -> Result<ObjectStore, String> {
    let store = ObjectStore::new(&options.repository_root);
    for bucket in &options.buckets {
        store.create_bucket(bucket).map_err(|error| {
            let root = options.repository_root.display();
            format!("cannot make the bucket {bucket} below {root}: {error}")
        })?;
    }
    Ok(store)
}

/// A time zone by the names that StarRocks takes: IANA names, `UTC`, and offsets such as `+08:00`.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    let unknown = || format!("Unknown or incorrect time zone: '{name}'");
    if let Some(sign) = name.chars().next().filter(|sign| ['+', '-'].contains(sign)) {
        let (hours, minutes) = name[1..].split_once(':').ok_or_else(unknown)?;
        let hours: i32 = hours.parse().map_err(|_| unknown())?;
        let minutes: i32 = minutes.parse().map_err(|_| unknown())?;
        let seconds = (hours * 60 + minutes) * 60 * if sign == '-' { -1 } else { 1 };
        if hours > 14 || minutes > 59 {
            return Err(unknown());
        }
        let offset = jiff::tz::Offset::from_seconds(seconds).map_err(|_| unknown())?;
        return Ok(TimeZone::fixed(offset));
    }
    match name {
        "CST" | "PRC" => zone("Asia/Shanghai"),
        _ => TimeZone::get(name).map_err(|_| unknown()),
    }
}
