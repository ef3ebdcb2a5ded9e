//! Executes a plan on the model as the restore function does: every step looks before it acts, and
//! what is stored of a step survives a crash.

use std::collections::BTreeMap;

use super::{
    generate::Scene,
    world::{Database, World},
};
use crate::{
    facts::TableState,
    ident::{QualifiedTable, TableId},
    job,
    plan::{
        promote::{
            NameState, SwapIds, rename_state, swap_state,
            undo::{StoredStep, UndoTable, undo},
        },
        restore::{
            Context, CopyMode, Phase, PlannedStep, Policy, Slot, Step, StepStatement, TableRef,
            held::{HoldLook, hold_look, to_give_back, to_hold},
            resume::{
                Begun, CopyLook, JobSeen, NameSeen, RestoreLook, TaskSeen, copy_look,
                create_database_look, create_table_look, drop_table_look, restore_look,
            },
            source::table_of,
        },
    },
};

mod check;

/// Where the process dies: at a statement, before or after the engine ran it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    Never,
    Before(usize),
    After(usize),
}

#[derive(Debug)]
pub(super) struct Crashed;

/// What is stored of a step.
#[derive(Debug, Clone, Default)]
struct State {
    begun: Option<Begun>,
    entered: bool,
    done: bool,
    /// Of each partition's copy.
    attempts: BTreeMap<usize, u32>,
    held: BTreeMap<Policy, String>,
}

#[derive(Debug, Clone)]
pub(super) struct Runner<'a> {
    pub(super) world: World,
    scene: &'a Scene,
    pub(super) steps: Vec<PlannedStep>,
    states: Vec<State>,
    /// Tables that the restore made, as stored with the steps.
    made: BTreeMap<(TableRef, Slot), TableId>,
    pub(super) sent: usize,
    crash: Crash,
    lived: BTreeMap<String, Database>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(scene: &'a Scene, steps: Vec<PlannedStep>) -> Runner<'a> {
        Runner {
            world: scene.world.clone(),
            scene,
            states: vec![State::default(); steps.len()],
            steps,
            made: BTreeMap::new(),
            sent: 0,
            crash: Crash::Never,
            lived: scene.world.databases.clone(),
        }
    }

    /// Runs to the end, dying once on the way.
    pub(super) fn run_with(mut self, crash: Crash) -> Runner<'a> {
        self.crash = crash;
        if self.run().is_err() {
            self.crash = Crash::Never;
            self.run().expect("it dies once");
        }
        self
    }

    /// Runs until the process dies, and stays dead.
    pub(super) fn run_until(mut self, crash: Crash) -> Runner<'a> {
        self.crash = crash;
        let _ = self.run();
        self
    }

    /// Takes the restore back from wherever it stands, dying once on the way.
    pub(super) fn undo(mut self, crash: Crash) -> Runner<'a> {
        let stored: Vec<StoredStep> = self
            .steps
            .iter()
            .zip(&self.states)
            .map(|(planned, state)| StoredStep {
                planned: planned.clone(),
                begun: state.entered,
                held: state.held.clone(),
            })
            .collect();
        let tables: BTreeMap<TableRef, UndoTable> = self
            .steps
            .iter()
            .filter_map(|planned| planned.step.table())
            .map(|table| {
                let found = UndoTable {
                    staged_id: self.made_id(table),
                    now: self.ids(table),
                };
                (table.clone(), found)
            })
            .collect();
        self.steps = undo(&stored, &tables).unwrap();
        self.states = vec![State::default(); self.steps.len()];
        self.sent = 0;
        self.run_with(crash)
    }

    pub(super) fn made_id(&self, table: &TableRef) -> Option<TableId> {
        self.made.get(&(table.clone(), Slot::Staged)).copied()
    }

    pub(super) fn run(&mut self) -> Result<(), Crashed> {
        for index in 0..self.steps.len() {
            if self.states[index].done {
                continue;
            }
            let planned = self.steps[index].clone();
            if planned.phase <= Phase::Verify {
                self.nothing_live_changed();
            }
            self.states[index].entered = true;
            self.step(index, &planned)?;
            self.states[index].done = true;
        }
        Ok(())
    }

    fn context(&self) -> Context<'a> {
        Context {
            request: &self.scene.request,
            sources: &self.scene.sources,
        }
    }

    fn send(&mut self, statement: &StepStatement) -> Result<Result<(), String>, Crashed> {
        let number = self.sent;
        self.sent += 1;
        if self.crash == Crash::Before(number) {
            return Err(Crashed);
        }
        let database = statement.database.as_str();
        let text = statement.statement.text();
        let answer = self.world.execute(database, text);
        if self.crash == Crash::After(number) {
            return Err(Crashed);
        }
        Ok(answer)
    }

    fn must(&mut self, statement: &StepStatement) -> Result<(), Crashed> {
        let answer = self.send(statement)?;
        answer.unwrap_or_else(|error| panic!("{error}: {}", statement.statement.text()));
        Ok(())
    }

    fn qualified(&self, table: &TableRef, slot: Slot) -> QualifiedTable {
        let (source, _) = table_of(&self.scene.sources, table).unwrap();
        let request = &self.scene.request;
        let name = request.name(&table.table, slot).unwrap();
        QualifiedTable::new(request.target(&source.manifest.database), &name)
    }

    fn id(&self, table: &TableRef, slot: Slot) -> Option<TableId> {
        let name = self.qualified(table, slot);
        self.id_of(&name)
    }

    fn id_of(&self, name: &QualifiedTable) -> Option<TableId> {
        let found = self
            .world
            .table(name.database.as_str(), name.table.as_str())?;
        Some(TableId(found.id))
    }

    pub(super) fn ids(&self, table: &TableRef) -> SwapIds {
        SwapIds {
            live: self.id(table, Slot::Live),
            staged: self.id(table, Slot::Staged),
            before: self.id(table, Slot::Before),
        }
    }

    fn live_properties(&self, table: &TableRef) -> Vec<(String, String)> {
        let live = self.qualified(table, Slot::Live);
        let found = self
            .world
            .table(live.database.as_str(), live.table.as_str())
            .unwrap();
        let properties = found.properties.iter();
        properties
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    fn step(&mut self, index: usize, planned: &PlannedStep) -> Result<(), Crashed> {
        let statements = self.context().statements(planned, 1).unwrap();
        let begun = self.states[index].begun.is_some();
        match &planned.step {
            Step::CreateDatabase { database } => {
                let exists = self.world.databases.contains_key(database.as_str());
                let send = create_database_look(begun, exists).unwrap();
                self.states[index].begun = Some(Begun::After(None));
                if send {
                    self.must(&statements[0])?;
                }
            }
            Step::RestoreSnapshot { .. } => self.restore(index, planned, &statements[0])?,
            Step::CreateTable { table, slot, .. } => {
                let send = create_table_look(begun, self.id(table, *slot)).unwrap();
                self.states[index].begun = Some(Begun::After(None));
                if send {
                    self.must(&statements[0])?;
                }
                let id = self.id(table, *slot).unwrap();
                self.made.insert((table.clone(), *slot), id);
            }
            Step::AddPartitions {
                table,
                slot,
                temporary,
                ..
            } => {
                for statement in &statements {
                    let partition = statement.partition.as_ref().unwrap();
                    let name = self.qualified(table, *slot);
                    let found = self
                        .world
                        .table(name.database.as_str(), name.table.as_str())
                        .unwrap();
                    let exists = match temporary {
                        true => {
                            let stands = self.scene.request.temporary(&table.table, partition);
                            found.temporary.contains_key(stands.as_str())
                        }
                        false => found.partitions.contains_key(partition.as_str()),
                    };
                    if !exists {
                        self.must(statement)?;
                    }
                }
            }
            Step::CopyPartitions {
                table,
                from,
                to,
                mode,
                ..
            } => {
                for part in 0..statements.len() {
                    self.copy(index, planned, part, (table, *from, *to), *mode)?;
                }
            }
            Step::DropTable { table, slot } => {
                let made = self.made[&(table.clone(), *slot)];
                if drop_table_look(made, self.id(table, *slot)).unwrap() {
                    self.must(&statements[0])?;
                }
            }
            Step::Verify {
                table,
                slot,
                snapshot,
            } => self.verify(table, *slot, snapshot.as_ref()),
            Step::Swap {
                table,
                with,
                live_id,
                with_id,
            } => {
                let other_id = with_id.or(self.made_id(table)).unwrap();
                let (live, other) = (self.id(table, Slot::Live), self.id(table, *with));
                match swap_state(*live_id, other_id, live, other) {
                    NameState::NotDone => self.must(&statements[0])?,
                    NameState::Done => {}
                    NameState::Refuse(reason) => panic!("{reason}"),
                }
            }
            Step::Rename {
                table,
                from,
                to,
                id,
            } => {
                let id = id.or(self.made_id(table)).unwrap();
                match rename_state(id, self.id(table, *from), self.id(table, *to)) {
                    NameState::NotDone => self.must(&statements[0])?,
                    NameState::Done => {}
                    NameState::Refuse(reason) => panic!("{reason}"),
                }
            }
            Step::ReplacePartitions { table, .. } => {
                for statement in &statements {
                    let partition = statement.partition.as_ref().unwrap();
                    let temporary = self.scene.request.temporary(&table.table, partition);
                    let live = self.qualified(table, Slot::Live);
                    let found = self
                        .world
                        .table(live.database.as_str(), live.table.as_str())
                        .unwrap();
                    if found.temporary.contains_key(temporary.as_str()) {
                        self.must(statement)?;
                    }
                }
            }
            Step::HoldWhatDrops { .. } => panic!("only of labels of another tool"),
            Step::HoldLive { table, live_id } => {
                let look = hold_look(*live_id, self.made_id(table), self.id(table, Slot::Live));
                assert_eq!(look, HoldLook::Hold);
                let held = to_hold(&self.live_properties(table));
                self.states[index].held.extend(held.iter().cloned());
                for (policy, _) in held {
                    let off = policy.off();
                    let statement = self.context().set_policy(table, Slot::Live, policy, off);
                    self.must(&statement.unwrap())?;
                }
            }
            Step::GiveBackPolicies {
                table,
                policies,
                live_id,
            } => {
                assert_eq!(self.id(table, Slot::Live), Some(*live_id));
                let held = policies.iter().map(|(policy, value)| (policy, value));
                for (policy, value) in to_give_back(held, &self.live_properties(table)) {
                    let statement = self.context().set_policy(table, Slot::Live, policy, &value);
                    self.must(&statement.unwrap())?;
                }
            }
            Step::HoldPartitions { .. }
            | Step::ResumePartitions { .. }
            | Step::SetDefaultReplication { .. }
            | Step::AlterReplication { .. }
            | Step::ReapplyProperties { .. }
            | Step::DropPartitions { .. }
            | Step::DropTemporaryPartitions { .. }
            | Step::RecreateObject { .. } => {
                for statement in &statements {
                    self.must(statement)?;
                }
            }
            Step::Report { .. } => {}
        }
        Ok(())
    }

    fn restore(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        statement: &StepStatement,
    ) -> Result<(), Crashed> {
        let Step::RestoreSnapshot {
            database, snapshot, ..
        } = &planned.step
        else {
            unreachable!()
        };
        let restored = self.context().restored_tables(&planned.step).unwrap();
        loop {
            let job = self.world.databases[database.as_str()].job.as_ref();
            let job = job.map(|job| JobSeen {
                id: job.id,
                matches: job.label == snapshot.as_str(),
                phase: job::Phase::Finished,
                words: String::new(),
            });
            let names: Vec<NameSeen> = restored
                .iter()
                .filter(|table| table.creates)
                .map(|table| NameSeen {
                    name: table.name.clone(),
                    table: self
                        .id(&table.reference, table.slot)
                        .map(|id| (id, TableState::Normal)),
                })
                .collect();
            let begun = self.states[index].begun.unwrap_or(Begun::Never);
            match restore_look(begun, job.as_ref(), &names) {
                RestoreLook::Send => {
                    self.states[index].begun = Some(Begun::After(job.map(|job| job.id)));
                    self.must(statement)?;
                }
                RestoreLook::Done => break,
                other => panic!("{other:?}"),
            }
        }
        for table in restored {
            let id = self.id(&table.reference, table.slot).unwrap();
            self.made.insert((table.reference, table.slot), id);
        }
        Ok(())
    }

    fn copy(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        part: usize,
        (table, from, to): (&TableRef, Slot, Slot),
        mode: CopyMode,
    ) -> Result<(), Crashed> {
        let first = self.context().statements(planned, 1).unwrap();
        let partition = first[part].partition.clone().unwrap();
        if mode == CopyMode::Overwrite {
            return self.must(&first[part]);
        }
        let (from, to) = (self.qualified(table, from), self.qualified(table, to));
        loop {
            let found = |name: &QualifiedTable| {
                self.world
                    .table(name.database.as_str(), name.table.as_str())
                    .unwrap()
            };
            let source = found(&from).partitions[partition.as_str()].rows();
            let temporary = self.scene.request.temporary(&table.table, &partition);
            let target = match mode {
                CopyMode::Temporary => found(&to).temporary[temporary.as_str()].rows(),
                _ => found(&to).partitions[partition.as_str()].rows(),
            };
            let attempt = self.states[index].attempts.get(&part).copied().unwrap_or(0);
            match copy_look(TaskSeen::None, attempt, source, target) {
                CopyLook::Done => return Ok(()),
                CopyLook::Submit { attempt } => {
                    self.states[index].attempts.insert(part, attempt);
                    let statements = self.context().statements(planned, attempt).unwrap();
                    self.must(&statements[part])?;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
