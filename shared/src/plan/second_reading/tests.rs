use super::*;
use crate::{
    digest::Fingerprint,
    job::PinMark,
    plan::{
        kept_reading::KeptReading,
        restore::samples::{self, live},
    },
};

fn planned() -> Manifest {
    samples::shop().manifest
}

fn kept(reading: SecondReading) -> KeptReading {
    KeptReading {
        pin: PinMark::new("10234", "2026-03-01 04:00:06"),
        counted: None,
        reading,
    }
}

fn facts(planned: &Manifest) -> DatabaseFacts {
    DatabaseFacts {
        database: planned.database.clone(),
        database_id: crate::ident::DatabaseId(1),
        tables: planned
            .tables
            .iter()
            .map(|table| (table.table.clone(), live(table, table.table_id)))
            .collect(),
        objects: Vec::new(),
        listing: None,
    }
}

#[test]
fn where_nothing_differs_nothing_is_kept_but_what_it_is_of() {
    let planned = planned();
    let reading = SecondReading::of(&planned, &facts(&planned));
    assert_eq!(reading, SecondReading::default());
    let text = kept(reading).to_text(&planned).unwrap();
    assert!(text.len() < 200, "{text}");
    let back = KeptReading::parse(&text, &planned).unwrap();
    assert_eq!(back, kept(SecondReading::default()));
}

#[test]
fn a_load_into_every_partition_is_one_range() {
    let mut planned = planned();
    let first = planned.tables[1].partitions[0].clone();
    planned.tables[1].partitions = (0..10_000)
        .map(|number| crate::manifest::ManifestPartition {
            name: format!("p{number:05}").parse().unwrap(),
            ..first.clone()
        })
        .collect();
    let mut facts = facts(&planned);
    let table = facts.tables.get_mut(&planned.tables[1].table).unwrap();
    for partition in &mut table.partitions {
        partition.fingerprint = Fingerprint::of([&b"loaded"[..]]);
    }
    let reading = SecondReading::of(&planned, &facts);
    let text = kept(reading).to_text(&planned).unwrap();
    assert!(text.contains("[[0,9999]]") && text.len() < 400, "{text}");
}

#[test]
fn what_is_too_long_is_not_kept() {
    let planned = planned();
    let mut facts = facts(&planned);
    let table = facts.tables.get_mut(&planned.tables[1].table).unwrap();
    let first = table.partitions[0].clone();
    table
        .partitions
        .extend((0..20_000).map(|number| PartitionFacts {
            name: format!("made_meanwhile_{number}").parse().unwrap(),
            ..first.clone()
        }));
    let reading = SecondReading::of(&planned, &facts);
    assert_eq!(kept(reading).to_text(&planned), None);
}

#[test]
fn a_kept_reading_is_complete_and_of_its_plan_or_rejected() {
    let planned = planned();
    let mut facts = facts(&planned);
    let orders = planned.tables[1].table.clone();
    facts.tables.remove(&orders);
    let reading = SecondReading::of(&planned, &facts);
    let text = kept(reading).to_text(&planned).unwrap();
    assert!(KeptReading::parse(&text, &planned).is_ok());

    let cut = &text[..text.len() - 1];
    let altered = text.replace("10234", "10235");
    for broken in ["", "x", cut, &altered] {
        assert!(KeptReading::parse(broken, &planned).is_err(), "{broken}");
    }
    let mut other = planned.clone();
    other.tables[1].partitions.pop();
    assert!(KeptReading::parse(&text, &other).is_err());
}
