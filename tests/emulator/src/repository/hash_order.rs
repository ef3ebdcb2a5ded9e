//! The order in which a frontend lists the objects of a snapshot: that of a Java hash map, which
//! SHOW RESTORE and the details of SHOW SNAPSHOT show.

/// Java's `String.hashCode`.
fn hash_code(text: &str) -> u32 {
    text.encode_utf16().fold(0u32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(u32::from(unit))
    })
}

/// The slots of a map that has held `entries` at once: 16, doubled when three quarters are taken. A
/// map does not shrink, so what was removed later counts.
fn slots(entries: usize) -> u32 {
    let mut slots: u32 = 16;
    while entries > slots as usize * 3 / 4 {
        slots *= 2;
    }
    slots
}

/// Sorts names as a map that has held `entries` names iterates over them; names of one slot keep their
/// order.
pub fn sort<T>(names: &mut [T], entries: usize, name: impl Fn(&T) -> &str) {
    let mask = slots(entries) - 1;
    names.sort_by_key(|entry| {
        let hash = hash_code(name(entry));
        (hash ^ (hash >> 16)) & mask
    });
}

/// `names` in the order of a map that holds just them.
pub fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.into_iter().collect();
    let entries = names.len();
    sort(&mut names, entries, |name| name);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orders that real frontends printed.
    #[test]
    fn order_is_that_of_the_recordings() {
        let cases: [&[&str]; 6] = [
            &["colo", "ex", "dyn", "rnd", "un", "rng", "al", "pk", "lst"],
            &["$shadow_automatic_partition", "p20250302", "p20250301"],
            &[
                "pla_20250302",
                "$shadow_automatic_partition",
                "pny_20250301",
            ],
            &["p_south", "p_east", "p_west"],
            &["sc", "r", "pk", "v1", "lst"],
            &["un", "mv1", "tp"],
        ];
        for expected in cases {
            let mut names = expected.to_vec();
            // Only `un` and `mv1` share a slot: they were inserted in this order.
            if !names.contains(&"mv1") {
                names.sort_unstable();
            }
            assert_eq!(sorted(names), expected);
        }
    }

    #[test]
    fn a_map_that_was_larger_keeps_its_slots() {
        assert_eq!(slots(12), 16);
        assert_eq!(slots(13), 32);
        let mut names = ["p1", "p17"];
        sort(&mut names, 100, |name| name);
        assert_eq!(names.len(), 2);
    }
}
