//! SUBMIT TASK: statements that run in the background.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    engine::Engine,
    information_schema::NamedRow,
    parse::{
        Statement,
        dml::{Dml, Source, SubmitTask},
        parse,
    },
    privileges::{Identity, Object, Privilege},
    reply::{Column, Reply, ResultSet, SqlError, SqlResult},
    session::Session,
};

/// How long a finished task is remembered: the frontend's `task_ttl_second`.
const TASK_TTL: SignedDuration = SignedDuration::from_hours(24);
/// How long a run is remembered: `task_runs_ttl_second`.
const RUN_TTL: SignedDuration = SignedDuration::from_hours(7 * 24);

#[derive(Debug, Default)]
pub struct Tasks {
    /// Names are unique over the whole cluster.
    tasks: BTreeMap<String, Task>,
    runs: Vec<TaskRun>,
    /// How long a run takes by the clock. Its effect comes at its end.
    pub duration: SignedDuration,
}

#[derive(Debug)]
struct Task {
    database: String,
    definition: String,
    identity: Identity,
    created: Timestamp,
    /// Of a periodic task.
    every: Option<SignedDuration>,
    next_run: Option<Timestamp>,
    properties: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    Pending,
    Running,
    Success,
    Failed,
}

impl TaskState {
    pub fn name(self) -> &'static str {
        match self {
            TaskState::Pending => "PENDING",
            TaskState::Running => "RUNNING",
            TaskState::Success => "SUCCESS",
            TaskState::Failed => "FAILED",
        }
    }

    fn is_finished(self) -> bool {
        matches!(self, TaskState::Success | TaskState::Failed)
    }
}

#[derive(Debug)]
struct TaskRun {
    query_id: String,
    task: String,
    database: String,
    definition: String,
    identity: Identity,
    properties: Vec<(String, String)>,
    state: TaskState,
    created: Timestamp,
    finished: Option<Timestamp>,
    error: Option<String>,
}

impl Engine {
    pub(super) fn submit_task(&mut self, session: &mut Session, task: SubmitTask) -> SqlResult {
        let database = match task.database {
            Some(database) => {
                self.catalog.database(&database)?;
                database
            }
            None => self.current_database(session)?,
        };
        let name = match task.name {
            Some(name) => name,
            None => format!("ctas-{}", self.next_uuid()),
        };
        self.check_definition(session, &database, &task.definition)?;
        if self.tasks.tasks.contains_key(&name) {
            return Err(SqlError::plain(format!("Task [{name}] already exists")));
        }
        let now = self.clock.now();
        let every = task.every.map(SignedDuration::from_secs);
        self.tasks.tasks.insert(
            name.clone(),
            Task {
                database,
                definition: task.definition,
                identity: session.identity.clone(),
                created: now,
                every,
                next_run: every.map(|every| now + every),
                properties: task.properties,
            },
        );
        self.start_run(&name);
        Ok(Reply::Rows(ResultSet {
            columns: vec![
                Column::varchar("TaskName", 40),
                Column::varchar("Status", 10),
            ],
            rows: vec![vec![Some(name), Some("SUBMITTED".to_owned())]],
        }))
    }

    /// What the statement of a task can be refused for before it runs.
    fn check_definition(
        &mut self,
        session: &mut Session,
        database: &str,
        definition: &str,
    ) -> SqlResult<()> {
        match parse(definition, self.profile)? {
            Statement::Dml(Dml::Insert(insert)) => {
                let outer = session.database.replace(database.to_owned());
                let checked = self
                    .load_target(session, &insert.table, Privilege::Insert)
                    .and_then(|target| self.target_columns(&target, insert.columns.as_deref()))
                    .and_then(|places| match &insert.source {
                        Source::Values(_) => Ok(()),
                        Source::Query(sql) => {
                            let given = self.query_outputs(session, sql)?.len();
                            if given == places.len() {
                                Ok(())
                            } else {
                                Err(self.wrong_count(places.len(), given))
                            }
                        }
                    });
                session.database = outer;
                checked
            }
            Statement::Ddl(_) => Ok(()),
            _ => Err(SqlError::plain(format!(
                "Getting syntax error. Detail message: a task runs INSERT or CREATE TABLE AS SELECT, \
                 not: {definition}."
            ))),
        }
    }

    fn start_run(&mut self, name: &str) {
        let query_id = self.next_uuid();
        let created = self.clock.now();
        if let Some(task) = self.tasks.tasks.get(name) {
            self.tasks.runs.push(TaskRun {
                query_id,
                task: name.to_owned(),
                database: task.database.clone(),
                definition: task.definition.clone(),
                identity: task.identity.clone(),
                properties: task.properties.clone(),
                state: TaskState::Pending,
                created,
                finished: None,
                error: None,
            });
        }
    }

    pub(super) fn drop_task(&mut self, name: &str, if_exists: bool) -> SqlResult {
        match self.tasks.tasks.remove(name) {
            Some(_) => {
                // What has not begun does not begin any more.
                self.tasks
                    .runs
                    .retain(|run| run.task != name || run.state != TaskState::Pending);
                Ok(Reply::ok())
            }
            None if if_exists => Ok(Reply::ok()),
            None => Err(SqlError::analyzing(format!("Task {name} is not exist"))),
        }
    }

    /// Runs what is due, starts periodic tasks again and forgets old ones.
    pub(crate) fn run_tasks(&mut self) {
        let now = self.clock.now();
        let due: Vec<String> = self
            .tasks
            .tasks
            .iter()
            .filter(|(_, task)| task.next_run.is_some_and(|next| next <= now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            if let Some(task) = self.tasks.tasks.get_mut(&name) {
                task.next_run = task.every.map(|every| now + every);
            }
            self.start_run(&name);
        }
        let duration = self.tasks.duration;
        for at in 0..self.tasks.runs.len() {
            let run = &mut self.tasks.runs[at];
            if run.state.is_finished() {
                continue;
            }
            if now < run.created + duration {
                if now > run.created {
                    run.state = TaskState::Running;
                }
                continue;
            }
            let (definition, database, identity) = (
                run.definition.clone(),
                run.database.clone(),
                run.identity.clone(),
            );
            let result = self.run_as(identity, database, &definition);
            let run = &mut self.tasks.runs[at];
            run.finished = Some(now);
            match result {
                Ok(_) => run.state = TaskState::Success,
                Err(error) => {
                    run.state = TaskState::Failed;
                    run.error = Some(error.message);
                }
            }
        }
        self.tasks
            .runs
            .retain(|run| !run.state.is_finished() || now < run.created + RUN_TTL);
        let running: Vec<String> = self
            .tasks
            .runs
            .iter()
            .filter(|run| !run.state.is_finished())
            .map(|run| run.task.clone())
            .collect();
        self.tasks.tasks.retain(|name, task| {
            task.every.is_some() || running.contains(name) || now < task.created + TASK_TTL
        });
    }

    fn run_as(&mut self, identity: Identity, database: String, sql: &str) -> SqlResult {
        let leader = self.nodes.leader().map_or(0, |leader| leader.id);
        let mut session = self.new_session(u32::MAX, identity, "127.0.0.1:0".to_owned(), leader);
        session.database = Some(database);
        let result = self.run(&mut session, sql);
        self.close_session(session.id);
        result
    }

    /// Rows of `information_schema.task_runs` that the session may see, by column name.
    pub(crate) fn task_runs(&self, session: &Session) -> Vec<NamedRow> {
        let time = |at: Timestamp| Clock::format(at, &session.time_zone);
        let visible = self
            .tasks
            .runs
            .iter()
            .filter(|run| self.has_something(session, Object::Database(&run.database)));
        visible
            .map(|run| {
                let mut row = NamedRow::from([
                    ("QUERY_ID", run.query_id.clone()),
                    ("TASK_NAME", run.task.clone()),
                    ("CREATE_TIME", time(run.created)),
                    ("STATE", run.state.name().to_owned()),
                    ("CATALOG", crate::catalog::DEFAULT_CATALOG.to_owned()),
                    ("WAREHOUSE", "default_warehouse".to_owned()),
                    ("DATABASE", run.database.clone()),
                    ("DEFINITION", run.definition.clone()),
                    ("EXPIRE_TIME", time(run.created + RUN_TTL)),
                    (
                        "ERROR_CODE",
                        if run.error.is_some() { "-1" } else { "0" }.to_owned(),
                    ),
                    (
                        "PROGRESS",
                        if run.state == TaskState::Success {
                            "100%"
                        } else {
                            "0%"
                        }
                        .to_owned(),
                    ),
                    ("EXTRA_MESSAGE", String::new()),
                    ("PROPERTIES", properties(&run.properties)),
                    ("JOB_ID", run.query_id.clone()),
                    ("PROCESS_TIME", time(run.created)),
                ]);
                if let Some(finished) = run.finished {
                    row.insert("FINISH_TIME", time(finished));
                }
                if let Some(error) = &run.error {
                    row.insert("ERROR_MESSAGE", error.clone());
                }
                row
            })
            .collect()
    }

    /// Rows of `information_schema.tasks` that the session may see, by column name.
    pub(crate) fn task_rows(&self, session: &Session) -> Vec<NamedRow> {
        let time = |at: Timestamp| Clock::format(at, &session.time_zone);
        let visible = self
            .tasks
            .tasks
            .iter()
            .filter(|(_, task)| self.has_something(session, Object::Database(&task.database)));
        visible
            .map(|(name, task)| {
                let mut row = NamedRow::from([
                    ("TASK_NAME", name.clone()),
                    ("CREATE_TIME", time(task.created)),
                    (
                        "SCHEDULE",
                        match task.every {
                            Some(every) => format!(
                                "PERIODICAL START({}) EVERY({} SECONDS)",
                                time(task.created).replace(' ', "T"),
                                every.as_secs()
                            ),
                            None => "MANUAL".to_owned(),
                        },
                    ),
                    ("CATALOG", crate::catalog::DEFAULT_CATALOG.to_owned()),
                    ("WAREHOUSE", "default_warehouse".to_owned()),
                    ("DATABASE", task.database.clone()),
                    ("DEFINITION", task.definition.clone()),
                    ("PROPERTIES", properties(&task.properties)),
                    ("CREATOR", task.identity.to_string()),
                ]);
                if task.every.is_none() {
                    row.insert("EXPIRE_TIME", time(task.created + TASK_TTL));
                }
                row
            })
            .collect()
    }
}

fn properties(properties: &[(String, String)]) -> String {
    let pairs: serde_json::Map<String, serde_json::Value> = properties
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().into()))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        serde_json::Value::from(pairs).to_string()
    }
}
