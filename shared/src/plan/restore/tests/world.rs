//! A model of the engine, as far as a restore can see it: names, ids, partitions and what is in them.
//! It reads the statements themselves, and knows nothing of plans.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ddl::Ddl, facts::Partitioning};

mod read;
mod write;

use read::Reader;
use write::{add, overwrite, pick};

/// What a partition holds: 0 is nothing, any other number stands for its rows.
pub(super) type Content = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unpartitioned,
    Range,
    List,
    AutomaticList,
    Expression,
}

impl Kind {
    pub(super) fn is_automatic(self) -> bool {
        matches!(self, Kind::AutomaticList | Kind::Expression)
    }

    fn is_list(self) -> bool {
        matches!(self, Kind::List | Kind::AutomaticList)
    }

    fn of(ddl: &Ddl) -> Kind {
        match &ddl.partitioning {
            Partitioning::Unpartitioned => Kind::Unpartitioned,
            Partitioning::Range { .. } => Kind::Range,
            Partitioning::List {
                automatic: false, ..
            } => Kind::List,
            Partitioning::List { .. } => Kind::AutomaticList,
            Partitioning::Expression { .. } | Partitioning::Opaque { .. } => Kind::Expression,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// `from..to`, or the tuples of a list.
    pub(super) value: String,
    pub(super) content: Content,
    pub(super) buckets: u32,
    pub(super) replication: u16,
}

impl Part {
    pub(super) fn rows(&self) -> u64 {
        rows(self.content)
    }
}

fn rows(content: Content) -> u64 {
    match content {
        0 => 0,
        content => 1 + content % 1_000,
    }
}

/// In a snapshot, or in a database. The partition of an unpartitioned table is `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) partitions: BTreeMap<String, Part>,
    pub(super) temporary: BTreeMap<String, Part>,
    /// The hidden partition of an automatic table.
    pub(super) shadow: bool,
    pub(super) buckets: u32,
    pub(super) properties: BTreeMap<String, String>,
}

impl Table {
    pub(super) fn of_ddl(ddl: &Ddl) -> Table {
        let kind = Kind::of(ddl);
        let buckets = ddl.buckets.unwrap_or(1);
        let mut partitions = BTreeMap::new();
        if kind == Kind::Unpartitioned {
            let part = Part {
                value: String::new(),
                content: 0,
                buckets,
                replication: 1,
            };
            partitions.insert("*".to_owned(), part);
        }
        Table {
            id: 0,
            kind,
            partitions,
            temporary: BTreeMap::new(),
            shadow: kind.is_automatic(),
            buckets,
            properties: ddl.properties.iter().cloned().collect(),
        }
    }

    fn default_replication(&self) -> u16 {
        self.properties["replication_num"].parse().unwrap()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) job: Option<Job>,
    load_labels: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: i64,
    pub(super) label: String,
    pub(super) timestamp: String,
}

#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) timestamp: String,
    pub(super) tables: BTreeMap<String, Table>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) databases: BTreeMap<String, Database>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) backends: u16,
    pub(super) next_id: i64,
}

type Refused = String;

impl World {
    pub(super) fn fresh_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn table(&self, database: &str, table: &str) -> Option<&Table> {
        self.databases.get(database)?.tables.get(table)
    }

    fn table_mut(&mut self, database: &str, table: &str) -> Result<&mut Table, Refused> {
        self.databases
            .get_mut(database)
            .and_then(|found| found.tables.get_mut(table))
            .ok_or_else(|| format!("unknown table {database}.{table}"))
    }

    /// Runs a statement in the session's database.
    pub(super) fn execute(&mut self, session: &str, text: &str) -> Result<(), Refused> {
        let mut reader = Reader::new(text);
        if reader.take("CREATE DATABASE") {
            let name = reader.name();
            reader.end();
            return match self.databases.insert(name.clone(), Database::default()) {
                None => Ok(()),
                Some(existed) => {
                    self.databases.insert(name, existed);
                    Err("database exists".into())
                }
            };
        }
        if reader.take("CREATE TABLE") {
            return self.create_table(session, text);
        }
        if reader.take("RESTORE SNAPSHOT") {
            return self.restore(&mut reader);
        }
        if reader.take("DROP TABLE IF EXISTS") {
            let database = reader.name();
            reader.expect(".");
            let table = reader.name();
            reader.expect("FORCE");
            reader.end();
            let found = self.databases.get_mut(&database).ok_or("no database")?;
            found.tables.remove(&table);
            return Ok(());
        }
        if reader.take("INSERT INTO") {
            return self.insert(&mut reader, false);
        }
        if reader.take("INSERT OVERWRITE") {
            return self.insert(&mut reader, true);
        }
        reader.expect("ALTER TABLE");
        let database = reader.name();
        reader.expect(".");
        let table = reader.name();
        self.alter(&database, &table, &mut reader)
    }

    fn create_table(&mut self, session: &str, text: &str) -> Result<(), Refused> {
        let ddl = Ddl::parse(text).map_err(|error| error.to_string())?;
        let mut table = Table::of_ddl(&ddl);
        if table.default_replication() > self.backends {
            return Err("not enough backends".into());
        }
        table.id = self.fresh_id();
        let database = self.databases.get_mut(session).ok_or("no database")?;
        if database.tables.contains_key(ddl.table.as_str()) {
            return Err("table exists".into());
        }
        database.tables.insert(ddl.table.to_string(), table);
        Ok(())
    }

    fn restore(&mut self, reader: &mut Reader) -> Result<(), Refused> {
        let target = reader.name();
        reader.expect(".");
        let label = reader.name();
        reader.expect("FROM");
        reader.name();
        reader.expect("ON (");
        let mut objects = Vec::new();
        loop {
            let table = reader.name();
            let partitions = reader.take("PARTITION").then(|| reader.names());
            let alias = reader.take("AS").then(|| reader.name());
            objects.push((table, partitions, alias));
            if !reader.take(",") {
                break;
            }
        }
        reader.expect(") PROPERTIES");
        let properties = reader.properties();
        reader.end();
        assert!(
            self.databases.contains_key(&target),
            "RESTORE would make database {target}"
        );
        let named: usize = objects
            .iter()
            .map(|(_, partitions, _)| partitions.as_ref().map_or(1, Vec::len))
            .sum();
        assert!(objects.len() <= 500, "{} tables", objects.len());
        assert!(named <= 20_000 || objects.len() == 1, "{named} partitions");
        assert!(properties.contains_key("timeout"));
        let replication: u16 = properties["replication_num"].parse().unwrap();
        if replication > self.backends {
            return Err("failed to find different hosts".into());
        }
        let snapshot = self.snapshots.get(&label).ok_or("no snapshot")?.clone();
        if snapshot.timestamp != properties["backup_timestamp"] {
            return Err("Expected one file".into());
        }
        // All or nothing: a job that is refused leaves nothing behind.
        let mut tables = self.databases[&target].tables.clone();
        let mut names = BTreeSet::new();
        for (name, partitions, alias) in objects {
            assert!(names.insert(name.clone()), "Duplicated table: {name}");
            let stored = snapshot
                .tables
                .get(&name)
                .ok_or(format!("{name} does not exist in snapshot"))?;
            assert_eq!(
                partitions.is_none(),
                stored.kind == Kind::Unpartitioned,
                "{name}: a partitioned table needs a list, another none"
            );
            let restored = pick(stored, partitions, &name)?;
            let goes_to = alias.clone().unwrap_or(name.clone());
            match tables.get_mut(&goes_to) {
                Some(_) if alias.is_some() => {
                    return Err(format!("{goes_to}: Table name is inconsistent"));
                }
                Some(existing) => overwrite(existing, &restored, replication)?,
                None => {
                    let mut made = restored;
                    self.next_id += 1;
                    made.id = self.next_id;
                    for part in made.partitions.values_mut() {
                        part.replication = replication;
                    }
                    for lost in ["colocate_with", "unique_constraints"] {
                        made.properties.remove(lost);
                    }
                    tables.insert(goes_to, made);
                }
            }
        }
        let id = self.fresh_id();
        let database = self.databases.get_mut(&target).expect("checked above");
        database.tables = tables;
        database.job = Some(Job {
            id,
            label,
            timestamp: properties["backup_timestamp"].clone(),
        });
        Ok(())
    }

    fn insert(&mut self, reader: &mut Reader, overwrite: bool) -> Result<(), Refused> {
        let database = reader.name();
        reader.expect(".");
        let to = reader.name();
        let temporary = reader.take("TEMPORARY");
        reader.expect("PARTITION");
        let to_partition = reader.names().remove(0);
        let label = reader.take("WITH LABEL").then(|| reader.name());
        assert_eq!(label.is_none(), overwrite, "copies carry a load label");
        let columns = reader.names();
        reader.expect("SELECT");
        let mut selected = vec![reader.name()];
        while reader.take(",") {
            selected.push(reader.name());
        }
        assert_eq!(columns, selected);
        reader.expect("FROM");
        assert_eq!(reader.name(), database);
        reader.expect(".");
        let from = reader.name();
        reader.expect("PARTITION");
        let from_partition = reader.names().remove(0);
        reader.end();
        if let Some(label) = label {
            let used = &mut self.databases.get_mut(&database).unwrap().load_labels;
            if !used.insert(label) {
                return Err("Label has already been used".into());
            }
        }
        let content = self
            .table(&database, &from)
            .and_then(|table| table.partitions.get(&from_partition))
            .ok_or(format!("no partition {from}.{from_partition}"))?
            .content;
        let target = self.table_mut(&database, &to)?;
        if overwrite {
            assert_eq!(target.kind, Kind::Expression);
        }
        let partitions = match temporary {
            true => &mut target.temporary,
            false => &mut target.partitions,
        };
        let part = partitions
            .get_mut(&to_partition)
            .ok_or(format!("no partition {to}.{to_partition}"))?;
        part.content = match (overwrite, part.content, content) {
            (true, _, content) | (false, 0, content) | (false, content, 0) => content,
            (false, old, new) => old.wrapping_mul(31).wrapping_add(new) | 1,
        };
        Ok(())
    }

    fn alter(&mut self, database: &str, name: &str, reader: &mut Reader) -> Result<(), Refused> {
        let backends = self.backends;
        if reader.take("SWAP WITH") {
            let other = reader.name();
            reader.end();
            let (ours, theirs) = (
                self.table_mut(database, name)?.clone(),
                self.table_mut(database, &other)?.clone(),
            );
            let tables = &mut self.databases.get_mut(database).unwrap().tables;
            tables.insert(name.to_owned(), theirs);
            tables.insert(other, ours);
            return Ok(());
        }
        if reader.take("RENAME") {
            let new = reader.name();
            reader.end();
            let tables = &mut self
                .databases
                .get_mut(database)
                .ok_or("no database")?
                .tables;
            if tables.contains_key(&new) {
                return Err(format!("Table name[{new}] is already used"));
            }
            let table = tables.remove(name).ok_or("no table")?;
            tables.insert(new, table);
            return Ok(());
        }
        let table = self.table_mut(database, name)?;
        if reader.take("SET") {
            for (key, value) in reader.properties() {
                let key = key.strip_prefix("default.").unwrap_or(&key).to_owned();
                table.properties.insert(key, value);
            }
        } else if reader.take("MODIFY PARTITION") {
            let names = reader.names();
            reader.expect("SET");
            let replication: u16 = reader.properties()["replication_num"].parse().unwrap();
            assert!(replication <= backends);
            for name in names {
                let part = table.partitions.get_mut(&name).ok_or("no partition")?;
                part.replication = replication;
            }
        } else if reader.take("ADD PARTITIONS START (") {
            let from = reader.text();
            reader.expect(") END (");
            let to = reader.text();
            reader.expect(") EVERY ( INTERVAL 1 DAY )");
            assert_eq!(table.kind, Kind::Expression);
            let day: String = from.chars().filter(char::is_ascii_digit).take(8).collect();
            let name = format!("p{day}");
            if !table.partitions.contains_key(&name) {
                add(table, name, format!("{from}..{to}"), None, backends, false)?;
            }
        } else if reader.take("ADD") {
            let temporary = reader.take("TEMPORARY");
            reader.expect("PARTITION");
            let if_missing = reader.take("IF NOT EXISTS");
            let partition = reader.name();
            reader.expect("VALUES");
            let value = reader.value();
            let buckets = reader.take("DISTRIBUTED BY HASH").then(|| {
                reader.names();
                reader.expect("BUCKETS");
                reader.number()
            });
            if table.kind == Kind::Expression {
                return Err("you cannot manually add a single range partition".into());
            }
            if !(if_missing && table.partitions.contains_key(&partition)) {
                add(table, partition, value, buckets, backends, temporary)?;
            }
        } else if reader.take("REPLACE PARTITION") {
            let partition = reader.names().remove(0);
            reader.expect("WITH TEMPORARY PARTITION");
            let temporary = reader.names().remove(0);
            let new = table.temporary.get(&temporary).ok_or("no temporary")?;
            let old = table.partitions.get(&partition).ok_or("no partition")?;
            assert_eq!(new.value, old.value, "ranges must be equal");
            let new = table.temporary.remove(&temporary).expect("seen above");
            table.partitions.insert(partition, new);
        } else if reader.take("DROP TEMPORARY PARTITION IF EXISTS") {
            let partition = reader.name();
            table.temporary.remove(&partition);
        } else {
            reader.expect("DROP PARTITION IF EXISTS");
            let partition = reader.name();
            table.partitions.remove(&partition);
        }
        reader.end();
        Ok(())
    }
}
