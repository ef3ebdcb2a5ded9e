//! The SchemaHash of an index: the same columns give the same hash, whatever the table.

use crate::catalog::ColumnDef;

/// A checksum over names and types. Defaults, comments and nullability are not in it: a real frontend
/// gives tables that differ in a default only the same hash.
pub(crate) fn schema_hash<'a>(
    schema_version: i64,
    columns: impl Iterator<Item = &'a ColumnDef>,
) -> i64 {
    let mut sum = Adler32::new();
    sum.update(&[schema_version.to_le_bytes()[0]]);
    for column in columns {
        sum.update(column.name.as_bytes());
        sum.update(column.sql_type.as_bytes());
    }
    i64::from(sum.value() & 0x7fff_ffff)
}

struct Adler32 {
    low: u32,
    high: u32,
}

impl Adler32 {
    fn new() -> Adler32 {
        Adler32 { low: 1, high: 0 }
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.low = (self.low + u32::from(*byte)) % 65_521;
            self.high = (self.high + self.low) % 65_521;
        }
    }

    fn value(&self) -> u32 {
        (self.high << 16) | self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_adler32() {
        let mut sum = Adler32::new();
        sum.update(b"Wikipedia");
        assert_eq!(sum.value(), 0x11E6_0398);
    }
}
