//! Executes a plan on the model as the restore function does: every step looks before it acts, and
//! what is stored of a step survives a crash.

use std::collections::BTreeMap;

use super::{
    generate::{Scene, partition_facts},
    world::{Content, Database, World},
};
use crate::{
    facts::TableState,
    ident::{QualifiedTable, TableId, TableName},
    job,
    plan::{
        promote::{
            NameState, SwapIds, rename_state, swap_state,
            undo::{StoredStep, UndoTable, undo},
        },
        restore::{
            Context, CopyMode, Phase, PlannedStep, Policy, Slot, Step, StepStatement, TableRef,
            resume::{
                Begun, CopyLook, JobSeen, NameSeen, RestoreLook, TaskSeen, copy_look,
                create_database_look, create_table_look, drop_table_look, restore_look,
            },
            source::table_of,
        },
        verify::compare_partitions,
    },
};

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
    done: bool,
    /// Of each partition's copy.
    attempts: BTreeMap<usize, u32>,
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
                done: state.done,
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

    /// What lived is there again, under its name and with its rows.
    pub(super) fn check_undone(&self) {
        for (database, lived) in &self.lived {
            for (name, table) in &lived.tables {
                let now = self.world.table(database, name);
                let now = now.unwrap_or_else(|| panic!("{database}.{name} is gone"));
                assert_eq!(now.id, table.id, "{database}.{name}");
                let rows = |table: &super::world::Table| -> BTreeMap<String, Content> {
                    let partitions = table.partitions.iter();
                    partitions
                        .map(|(name, part)| (name.clone(), part.content))
                        .collect()
                };
                assert_eq!(rows(now), rows(table), "{database}.{name}");
                assert!(now.temporary.is_empty(), "{database}.{name}");
            }
            for table in self
                .scene
                .sources
                .iter()
                .flat_map(|source| &source.manifest.tables)
            {
                let name = table.table.as_str();
                if !lived.tables.contains_key(name) {
                    assert_eq!(self.world.table(database, name), None, "{database}.{name}");
                }
            }
        }
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

    fn verify(
        &mut self,
        table: &TableRef,
        slot: Slot,
        snapshot: Option<&crate::label::SnapshotLabel>,
    ) {
        let request = &self.scene.request;
        let (_, manifest) = table_of(&self.scene.sources, table).unwrap();
        let name = self.qualified(table, slot);
        let found = self
            .world
            .table(name.database.as_str(), name.table.as_str())
            .unwrap_or_else(|| panic!("{name} was never made"));
        let wanted = request
            .wanted(manifest)
            .filter(|partition| snapshot.is_none_or(|label| *partition.stored_in == *label));
        let difference = compare_partitions(
            manifest,
            wanted,
            &name.table,
            &partition_facts(&name.table, found),
        );
        assert!(difference.is_empty(), "{name}: {difference:?}");
        assert_eq!(found.shadow, found.kind.is_automatic(), "{name}");
        for (key, value) in &found.properties {
            for policy in Policy::ALL {
                let held = key != policy.property() || value == policy.off();
                assert!(
                    held,
                    "{name}: {key} = {value} is verified while it drops partitions"
                );
            }
        }
    }

    /// Until the last table is verified, everything that lived is as it was, under its name.
    fn nothing_live_changed(&self) {
        for (database, lived) in &self.lived {
            for (name, table) in &lived.tables {
                let now = self.world.table(database, name);
                assert_eq!(
                    now,
                    Some(table),
                    "{database}.{name} changed before all is verified"
                );
            }
        }
    }

    /// Whether everything is where it belongs now that the restore is done.
    pub(super) fn check_result(&self) {
        let request = &self.scene.request;
        for source in &self.scene.sources {
            let database = request.target(&source.manifest.database);
            for manifest in &source.manifest.tables {
                if !request.scope.tables.is_empty()
                    && !request.scope.tables.contains(&manifest.table)
                {
                    continue;
                }
                let live = self
                    .world
                    .table(database.as_str(), manifest.table.as_str())
                    .unwrap_or_else(|| panic!("{} is missing", manifest.table));
                let lived = self
                    .lived
                    .get(database.as_str())
                    .and_then(|lived| lived.tables.get(manifest.table.as_str()));
                let mut expected: BTreeMap<String, Content> = BTreeMap::new();
                if request.is_partial()
                    && let Some(lived) = lived
                {
                    let kept = lived.partitions.iter();
                    expected.extend(kept.map(|(name, part)| (name.clone(), part.content)));
                    assert_eq!(live.id, lived.id, "a splice keeps the table");
                }
                for partition in request.wanted(manifest) {
                    let snapshot = &self.world.snapshots[partition.stored_in.as_str()];
                    let stored = &snapshot.tables[manifest.table.as_str()].partitions;
                    let content = stored[partition.name.as_str()].content;
                    expected.insert(partition.name.to_string(), content);
                }
                let found: BTreeMap<String, Content> = live
                    .partitions
                    .iter()
                    .map(|(name, part)| (name.clone(), part.content))
                    .collect();
                assert_eq!(found, expected, "{}", manifest.table);
                assert!(live.temporary.is_empty());
                assert_eq!(live.shadow, live.kind.is_automatic());
                for partition in request.wanted(manifest) {
                    let part = &live.partitions[partition.name.as_str()];
                    let (_, value, _) = (0..9)
                        .map(|number| super::generate::partition(live.kind, number))
                        .find(|(name, _, _)| *name == *partition.name.as_str())
                        .unwrap();
                    assert_eq!(part.value, value, "{}.{}", manifest.table, partition.name);
                    if !request.is_partial() {
                        let replicas = partition.replication_num.min(self.world.backends);
                        assert_eq!(part.replication, replicas, "{}", partition.name);
                    }
                }
                if let Some(lived) = lived {
                    self.check_kept(request, database.as_str(), &manifest.table, lived);
                }
            }
            self.check_names(database.as_str());
        }
    }

    fn check_kept(
        &self,
        request: &crate::plan::restore::RestoreRequest,
        database: &str,
        table: &TableName,
        lived: &super::world::Table,
    ) {
        let name = request.name(table, Slot::Before).unwrap();
        let Some(before) = self.world.table(database, name.as_str()) else {
            let replaced = request.scope.partitions.iter();
            let none = replaced
                .filter(|partition| lived.partitions.contains_key(partition.as_str()))
                .count()
                == 0;
            assert!(request.is_partial() && none, "{name} was not kept");
            return;
        };
        if request.is_partial() {
            for (partition, part) in &before.partitions {
                assert_eq!(part.content, lived.partitions[partition].content);
            }
        } else {
            assert_eq!(before.id, lived.id);
            assert_eq!(before.partitions, lived.partitions);
        }
    }

    /// Nothing is left of the names that the restore worked under, and nobody else's table changed.
    fn check_names(&self, database: &str) {
        let lived = self.lived.get(database);
        // A database of which nothing is wanted is not made.
        let tables = self
            .world
            .databases
            .get(database)
            .map(|found| &found.tables);
        for name in tables.into_iter().flat_map(BTreeMap::keys) {
            let ours = name.contains("_restored");
            let was_there = lived.is_some_and(|lived| lived.tables.contains_key(name));
            assert!(!ours || was_there, "{name} is left over");
        }
        if let Some(lived) = lived {
            let bystander = self.world.table(database, "bystander");
            assert_eq!(bystander, lived.tables.get("bystander"));
        }
    }
}
