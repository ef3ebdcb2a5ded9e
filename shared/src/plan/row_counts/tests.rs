use super::*;
use crate::{
    digest::Fingerprint,
    facts::DatabaseFacts,
    ident::DatabaseId,
    manifest::ManifestPartition,
    plan::restore::samples::{self, live},
};

/// Tables of all kinds, everything stored by the label, nothing counted.
fn planned() -> Manifest {
    let mut planned = samples::shop().manifest;
    let label = std::sync::Arc::new(planned.label.clone());
    for partition in planned
        .tables
        .iter_mut()
        .flat_map(|table| &mut table.partitions)
    {
        partition.row_count = None;
        partition.stored_in = std::sync::Arc::clone(&label);
    }
    planned
}

fn facts(planned: &Manifest) -> DatabaseFacts {
    let tables = planned.tables.iter();
    DatabaseFacts {
        database: planned.database.clone(),
        database_id: DatabaseId(1),
        tables: tables
            .map(|table| (table.table.clone(), live(table, table.table_id)))
            .collect(),
        objects: Vec::new(),
        listing: None,
    }
}

fn filled(planned: &Manifest) -> Vec<Option<u64>> {
    stored(planned)
        .map(|(_, partition)| partition.row_count)
        .collect()
}

#[test]
fn batches_hold_every_stored_partition_once_and_nothing_else() {
    let mut planned = planned();
    let total = stored(&planned).count();
    let other = std::sync::Arc::new("an_older_full".parse().unwrap());
    planned.tables[1].partitions[0].stored_in = other;
    let mut counts = RowCounts::default();
    let mut all = Batch::new();
    loop {
        let batch = counts.next_batch(&planned, 3);
        if batch.is_empty() {
            break;
        }
        assert!(batch.len() <= 3);
        counts.add(batch.iter().map(|_| Some(1)));
        all.extend(batch);
    }
    assert_eq!(all.len(), total - 1);
    let mut once = all.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), all.len());
    assert!(all.iter().all(|(_, name)| !name.as_str().starts_with('$')));
    // An unpartitioned table's partition is named like it.
    assert!(
        all.iter()
            .any(|(table, name)| table.table.as_str() == "users" && name.as_str() == "users")
    );
}

#[test]
fn a_large_partition_is_counted_alone() {
    let mut planned = planned();
    let first = planned.tables[1].partitions[0].clone();
    planned.tables = vec![ManifestTable {
        partitions: (0..10)
            .map(|number| ManifestPartition {
                name: format!("p{number}").parse().unwrap(),
                data_size: if number < 2 { 2 * BATCH_BYTES } else { 1 },
                ..first.clone()
            })
            .collect(),
        ..planned.tables[1].clone()
    }];
    let mut counts = RowCounts::default();
    for size in [1, 1, 8] {
        let batch = counts.next_batch(&planned, 100);
        assert_eq!(batch.len(), size);
        counts.add(batch.iter().map(|_| Some(1)));
    }
}

#[test]
fn a_count_that_no_reading_proves_is_left_out() {
    let planned = planned();
    let total = stored(&planned).count();
    let mut counts = RowCounts::default();
    counts.add([Some(0), None]);
    let mark = counts.mark();
    counts.add((2..total as u64).map(Some));
    assert_eq!(counts.covered(&mark), 2);

    let mut filled_in = planned.clone();
    counts.fill(&mut filled_in, 2, None);
    let mut expected = vec![None; total];
    expected[0] = Some(0);
    assert_eq!(filled(&filled_in), expected);

    // The last partition changed after it was counted.
    let mut later = facts(&planned);
    let last = planned.tables.last().unwrap();
    let table = later.tables.get_mut(&last.table).unwrap();
    table.partitions.last_mut().unwrap().fingerprint = Fingerprint::of([&b"loaded"[..]]);
    let later = SecondReading::of(&planned, &later);
    counts.fill(&mut filled_in, 2, Some(&later));
    let mut expected: Vec<Option<u64>> = (0..total as u64).map(Some).collect();
    expected[1] = None;
    expected[total - 1] = None;
    assert_eq!(filled(&filled_in), expected);
    assert_eq!(filled_in.rows_total(), None);
    counts.fill(&mut filled_in, total, None);
    assert_eq!(filled(&filled_in)[total - 1], Some(total as u64 - 1));
}

/// A name is what is counted: what stands unchanged under another one was not counted under it.
#[test]
fn a_count_of_a_table_that_was_swapped_away_is_left_out() {
    let planned = planned();
    let names = [&planned.tables[1].table, &planned.tables[3].table];
    let mut counts = RowCounts::default();
    counts.add((0..stored(&planned).count() as u64).map(Some));
    let mut swapped = facts(&planned);
    let [one, other] = names.map(|name| swapped.tables.remove(name).unwrap());
    swapped.tables.insert(names[0].clone(), other);
    swapped.tables.insert(names[1].clone(), one);
    let later = SecondReading::of(&planned, &swapped);
    let mut filled_in = planned.clone();
    counts.fill(&mut filled_in, 0, Some(&later));
    for (table, partition) in stored(&filled_in) {
        let counted = !names.contains(&&table.table);
        assert_eq!(partition.row_count.is_some(), counted, "{}", table.table);
    }
}

/// Two calls that do not know of each other: the reading of one proves no count of the other.
#[test]
fn counts_that_were_taken_again_are_not_covered() {
    let mut counts = RowCounts::default();
    counts.add([Some(1), Some(2)]);
    let mark = counts.mark();
    let mut other = RowCounts::default();
    other.add([Some(1), Some(3), Some(4)]);
    assert_eq!(other.covered(&mark), 0);
    let mut shorter = RowCounts::default();
    shorter.add([Some(1)]);
    assert_eq!(shorter.covered(&mark), 0);
}

#[test]
fn what_is_kept_comes_back_or_is_rejected() {
    let planned = planned();
    let mut counts = RowCounts::default();
    counts.add([Some(7), None]);
    let text = counts.to_text(&planned).unwrap();
    assert_eq!(RowCounts::parse(&text, &planned).unwrap(), counts);
    assert!(RowCounts::parse(&text.replace('7', "8"), &planned).is_err());
    counts.add((0..1_000).map(Some));
    let long = counts.to_text(&planned).unwrap();
    assert!(RowCounts::parse(&long, &planned).is_err());
    counts.add((0..200_000).map(Some));
    assert_eq!(counts.to_text(&planned), None);
}

/// What is kept beside a label gives every count back that was proven, and no other.
#[test]
fn the_counts_of_a_label_that_ended_come_back() {
    let planned = planned();
    let total = stored(&planned).count();
    let mut counts = RowCounts::default();
    counts.add([Some(3), None, Some(5)]);
    let mut ended = planned.clone();
    counts.fill(&mut ended, 3, None);
    let kept = RowCounts::of(&ended);
    assert_eq!(kept, counts, "what was never counted takes no room");
    let mut read = planned.clone();
    kept.fill(&mut read, kept.counted(), None);
    assert_eq!(filled(&read), filled(&ended));
    assert_eq!(RowCounts::of(&planned), RowCounts::default());
    assert!(filled(&read)[3..total].iter().all(Option::is_none));
}

#[test]
fn only_tables_with_a_count_that_nothing_proves_are_looked_at_again() {
    let planned = planned();
    let total = stored(&planned).count();
    let mut counts = RowCounts::default();
    counts.add((0..total as u64 - 1).map(Some));
    counts.add([None]);
    assert!(counts.unproven(&planned, total - 1).is_empty());
    assert!(counts.unproven(&planned, total).is_empty());
    // The last could not be counted, and is alone in its table.
    let counted = stored(&planned).take(total - 1);
    let counted: BTreeSet<&TableName> = counted.map(|(table, _)| &table.table).collect();
    assert_eq!(counts.unproven(&planned, 0), counted);
    let (table, _) = stored(&planned).nth(total - 2).unwrap();
    let some = counts.unproven(&planned, total - 2);
    assert_eq!(some, BTreeSet::from([&table.table]));
    assert_eq!(planned.only(&some).tables, std::slice::from_ref(table));
}
