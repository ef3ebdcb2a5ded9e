//! Plans an incremental over a million partitions and prints what it costs: `tests/bench/plan`.
//!
//! A thousand tables of a thousand daily partitions each, of every kind of partitioning; one partition
//! in a hundred changed. Inputs are shared the way the readers share them, and count as memory.

#![expect(clippy::print_stdout, reason = "its figures are its output")]

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{ToSpan, civil::DateTime};
use shared::{
    digest::{Fingerprint, SchemaHash},
    facts::{
        ColumnFacts, DatabaseFacts, Distribution, KeyModel, PartitionFacts, Partitioning,
        SHADOW_PARTITION, TableEngine, TableFacts, TableState,
    },
    flow::OnUnsupported,
    ident::{ColumnName, DatabaseId, PartitionName, TableId},
    manifest::Manifest,
    plan::{
        backup::{BackupPlan, BackupRequest, Basis, Leftovers, Selection, plan},
        partition_diff::Limits,
    },
};

const PARTITIONS_PER_TABLE: usize = 1_000;
const CHANGED_OF_A_TABLE: usize = 10;
const MOST_SECONDS: f64 = 3.0;
const MOST_MEGABYTES: u64 = 400;
/// Four times the partitions may cost this much more than four times the time.
const MOST_BENT: f64 = 1.5;

fn main() -> ExitCode {
    let quarter = best_of(250);
    let whole = best_of(1_000);
    let seconds = whole.as_secs_f64();
    let bent = seconds / (4.0 * quarter.as_secs_f64());
    let megabytes = peak_megabytes();
    println!("plan_time {seconds:.3} s");
    println!("plan_peak_rss {megabytes} MB");
    println!("plan_linearity {bent:.2} x");
    let fits = seconds <= MOST_SECONDS && megabytes <= MOST_MEGABYTES && bent <= MOST_BENT;
    match fits {
        true => ExitCode::SUCCESS,
        false => {
            println!(
                "too much: at most {MOST_SECONDS} s, {MOST_MEGABYTES} MB and {MOST_BENT} x are allowed"
            );
            ExitCode::FAILURE
        }
    }
}

/// Of three: the others were disturbed by whatever else this machine did.
fn best_of(tables: usize) -> Duration {
    let runs = (0..3).map(|_| measure(tables));
    runs.min().expect("there were three runs")
}

/// How long one incremental over so many tables takes, digest and names of the BACKUP included.
fn measure(tables: usize) -> Duration {
    let baseline = make_baseline(tables);
    let now = make_facts(tables, CHANGED_OF_A_TABLE);
    let start = Instant::now();
    let plan = make_plan(
        now,
        "bench_inc",
        Basis::Incremental {
            baseline: &baseline,
        },
    );
    let named = plan.named_tables();
    let digest = plan.manifest.digest();
    let took = start.elapsed();

    let stored = plan.manifest.partitions_stored() as usize;
    let listed: usize = named
        .iter()
        .filter_map(|table| table.partitions.as_ref())
        .map(Vec::len)
        .sum();
    assert_eq!(named.len(), tables, "every table has changed partitions");
    assert_eq!(stored, listed, "what is named is what is stored");
    assert!(stored >= tables * CHANGED_OF_A_TABLE);
    println!(
        "{tables} tables, {} partitions, {stored} to store, {:.3} s, digest {digest}",
        plan.manifest.partitions_total(),
        took.as_secs_f64()
    );
    took
}

fn make_baseline(tables: usize) -> Manifest {
    let facts = make_facts(tables, 0);
    make_plan(facts, "bench_full", Basis::Full { last: None }).manifest
}

fn make_plan(facts: DatabaseFacts, label: &str, basis: Basis<'_>) -> BackupPlan {
    let request = BackupRequest {
        label: label.parse().expect("the label is legal"),
        plan_id: "bench".parse().expect("the id is legal"),
        basis,
        selection: &Selection::Everything,
        leftovers: &Leftovers::default(),
        list_supported: true,
        on_unsupported: OnUnsupported::Fail,
        limits: Limits::DEFAULT,
    };
    plan(facts, request).expect("nothing is in the way of this plan")
}

/// The first `changed` partitions of each table have another fingerprint.
fn make_facts(tables: usize, changed: usize) -> DatabaseFacts {
    let days: Vec<Day> = (0..PARTITIONS_PER_TABLE).map(Day::new).collect();
    let tables: BTreeMap<_, _> = (0..tables)
        .map(|number| {
            let table = make_table(number, &days, changed);
            (table.table.clone(), table)
        })
        .collect();
    DatabaseFacts {
        database: "bench".parse().expect("the database is legal"),
        database_id: DatabaseId(1),
        listing: Some(tables.keys().cloned().collect()),
        tables,
        objects: Vec::new(),
    }
}

struct Day {
    name: String,
    range: Arc<str>,
    list: Arc<str>,
}

impl Day {
    fn new(number: usize) -> Day {
        let first: DateTime = "2024-01-01T00:00:00".parse().expect("the date is valid");
        let day = |number: usize| {
            let days = i64::try_from(number)
                .expect("there are not so many days")
                .days();
            first
                .checked_add(days)
                .expect("the date is in range")
                .strftime("%Y-%m-%d")
                .to_string()
        };
        let (from, to) = (day(number), day(number + 1));
        let range = format!("[types: [DATE]; keys: [{from}]; ..types: [DATE]; keys: [{to}]; )");
        Day {
            name: format!("p{}", from.replace('-', "")),
            range: range.into(),
            list: format!("[[\"{from}\"]]").into(),
        }
    }
}

fn make_table(number: usize, days: &[Day], changed: usize) -> TableFacts {
    let column: ColumnName = "d".parse().expect("the name is legal");
    let partitioning = match number % 10 {
        0 => Partitioning::List {
            columns: vec![column.clone()],
            automatic: true,
        },
        1 | 2 => Partitioning::Expression {
            column: column.clone(),
            expression: "date_trunc('day', d)".to_owned(),
        },
        _ => Partitioning::Range {
            columns: vec![column.clone()],
        },
    };
    let is_list = matches!(partitioning, Partitioning::List { .. });
    let mut partitions: Vec<PartitionFacts> = days
        .iter()
        .enumerate()
        .map(|(at, day)| {
            let version = if at < changed { 3_u8 } else { 2 };
            let identity = format!("{number}|{at}|{version}");
            let value = if is_list { &day.list } else { &day.range };
            make_partition(&day.name, &identity, Arc::clone(value))
        })
        .collect();
    if partitioning.is_automatic() {
        partitions.push(make_partition(SHADOW_PARTITION, "shadow", "".into()));
    }
    TableFacts {
        table: format!("table_{number:04}")
            .parse()
            .expect("the name is legal"),
        table_id: TableId(10_000 + number as i64),
        state: TableState::Normal,
        engine: TableEngine::Olap,
        schema_hash: SchemaHash::of([number.to_le_bytes().as_slice()]),
        ddl: "CREATE TABLE ... ".repeat(50),
        key_model: KeyModel::Duplicate,
        partitioning,
        distribution: Distribution::Hash,
        columns: (0..30).map(|at| make_column(&column, at)).collect(),
        schema_job_running: false,
        has_temp_partitions: false,
        partitions,
    }
}

fn make_column(first: &ColumnName, at: usize) -> ColumnFacts {
    let name = match at {
        0 => first.clone(),
        _ => format!("column_{at}").parse().expect("the name is legal"),
    };
    ColumnFacts {
        name,
        sql_type: "decimal(18, 2)".to_owned(),
        nullable: true,
        is_key: at == 0,
        aggregation: None,
        default: None,
        auto_increment: false,
        generated: None,
    }
}

fn make_partition(name: &str, identity: &str, value: Arc<str>) -> PartitionFacts {
    let name: PartitionName = name.parse().expect("the name is legal");
    PartitionFacts {
        system: name.as_str() == SHADOW_PARTITION,
        name,
        fingerprint: Fingerprint::of([identity.as_bytes()]),
        pending: false,
        value,
        buckets: 8,
        replication_num: 3,
        row_count: 1_000,
        data_size: 1 << 20,
    }
}

/// The most memory that this process ever had, as Linux counts it.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells the peak");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.expect("the peak is in kB") / 1024
}
