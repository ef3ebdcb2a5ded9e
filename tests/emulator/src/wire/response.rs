//! Replies as packets. StarRocks follows its own capabilities, not the client's: EOF packets after
//! columns and rows, no session tracking, status flags 0.

use super::packet::{frame, put_length, put_text};
use crate::reply::{Column, Ok, Reply, ResultSet, SqlError, WireType};

/// The one status flag that StarRocks sets: another statement's result follows.
pub const MORE_RESULTS: u16 = 8;

/// Packets of one answer, numbered in sequence.
#[derive(Debug)]
pub struct Response {
    pub bytes: Vec<u8>,
    sequence: u8,
}

/// How rows are written: COM_QUERY answers text, COM_STMT_EXECUTE binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    Text,
    Binary,
}

impl Response {
    pub fn new(sequence: u8) -> Response {
        Response {
            bytes: Vec::new(),
            sequence,
        }
    }

    pub fn packet(&mut self, payload: &[u8]) {
        frame(&mut self.bytes, &mut self.sequence, payload);
    }

    pub fn reply(&mut self, reply: &Reply, format: RowFormat, status: u16) {
        match reply {
            Reply::Ok(ok) => self.ok(ok, status),
            Reply::Rows(rows) => self.rows(rows, format, status),
        }
    }

    pub fn ok(&mut self, ok: &Ok, status: u16) {
        let mut out = vec![0];
        put_length(&mut out, ok.affected);
        put_length(&mut out, 0);
        out.extend_from_slice(&status.to_le_bytes());
        out.extend_from_slice(&ok.warnings.to_le_bytes());
        if !ok.info.is_empty() {
            put_text(&mut out, ok.info.as_bytes());
        }
        self.packet(&out);
    }

    pub fn error(&mut self, error: &SqlError) {
        let mut out = vec![0xff];
        out.extend_from_slice(&error.code.to_le_bytes());
        out.push(b'#');
        out.extend_from_slice(error.sqlstate.as_bytes());
        out.extend_from_slice(error.message.as_bytes());
        self.packet(&out);
    }

    pub fn eof(&mut self, status: u16) {
        let status = status.to_le_bytes();
        self.packet(&[0xfe, 0, 0, status[0], status[1]]);
    }

    pub fn column(&mut self, column: &Column) {
        self.packet(&definition(column));
    }

    /// A column of COM_FIELD_LIST, which has a default behind it: none.
    pub fn field(&mut self, column: &Column) {
        let mut out = definition(column);
        out.push(0xfb);
        self.packet(&out);
    }

    fn rows(&mut self, rows: &ResultSet, format: RowFormat, status: u16) {
        let mut count = Vec::new();
        put_length(&mut count, rows.columns.len() as u64);
        self.packet(&count);
        for column in &rows.columns {
            self.column(column);
        }
        self.eof(status);
        let mut out = Vec::new();
        for row in &rows.rows {
            out.clear();
            match format {
                RowFormat::Text => text_row(&mut out, row),
                RowFormat::Binary => binary_row(&mut out, &rows.columns, row),
            }
            self.packet(&out);
        }
        self.eof(status);
    }
}

fn definition(column: &Column) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_text(&mut out, b"def");
    // Schema, table and original table: StarRocks names none of them.
    out.extend_from_slice(&[0, 0, 0]);
    put_text(&mut out, column.name.as_bytes());
    put_text(&mut out, column.name.as_bytes());
    out.push(0x0c);
    out.extend_from_slice(&column.charset.to_le_bytes());
    out.extend_from_slice(&column.length.to_le_bytes());
    out.push(column.wire_type as u8);
    out.extend_from_slice(&[0, 0, column.decimals, 0, 0]);
    out
}

fn text_row(out: &mut Vec<u8>, row: &[Option<String>]) {
    for cell in row {
        match cell {
            Some(text) => put_text(out, text.as_bytes()),
            None => out.push(0xfb),
        }
    }
}

fn binary_row(out: &mut Vec<u8>, columns: &[Column], row: &[Option<String>]) {
    out.push(0);
    let nulls = out.len();
    // The bitmap starts at bit 2.
    out.resize(nulls + (row.len() + 2).div_ceil(8), 0);
    for (index, (column, cell)) in columns.iter().zip(row).enumerate() {
        match cell {
            None => out[nulls + (index + 2) / 8] |= 1 << ((index + 2) % 8),
            Some(text) => binary_cell(out, column.wire_type, text),
        }
    }
}

/// A cell whose text does not fit its column's type goes out as zero, as a client that reads the type
/// must get the bytes that it expects.
fn binary_cell(out: &mut Vec<u8>, wire_type: WireType, text: &str) {
    let integer = || text.parse::<i64>().unwrap_or_default().to_le_bytes();
    match wire_type {
        WireType::Tiny => out.extend_from_slice(&integer()[..1]),
        WireType::Short => out.extend_from_slice(&integer()[..2]),
        WireType::Long => out.extend_from_slice(&integer()[..4]),
        WireType::LongLong => out.extend_from_slice(&integer()),
        WireType::Float => {
            out.extend_from_slice(&text.parse::<f32>().unwrap_or_default().to_le_bytes());
        }
        WireType::Double => {
            out.extend_from_slice(&text.parse::<f64>().unwrap_or_default().to_le_bytes());
        }
        WireType::Date | WireType::DateTime => binary_time(out, text),
        _ => put_text(out, text.as_bytes()),
    }
}

/// `yyyy-MM-dd[ HH:mm:ss[.ffffff]]`; trailing zero parts are left out, as the protocol allows.
fn binary_time(out: &mut Vec<u8>, text: &str) {
    let mut parts = text
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    let year = u16::try_from(next()).unwrap_or_default();
    let date_and_time: Vec<u8> = (0..5)
        .map(|_| u8::try_from(next()).unwrap_or_default())
        .collect();
    let micros: u32 = text
        .split_once('.')
        .and_then(|(_, fraction)| format!("{fraction:0<6}").parse().ok())
        .unwrap_or_default();
    let length = match () {
        () if micros != 0 => 11,
        () if date_and_time[2..] != [0, 0, 0] => 7,
        () => 4,
    };
    let mut bytes = year.to_le_bytes().to_vec();
    bytes.extend_from_slice(&date_and_time);
    bytes.extend_from_slice(&micros.to_le_bytes());
    out.push(length);
    out.extend_from_slice(&bytes[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(wire_type: WireType, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        binary_cell(&mut out, wire_type, text);
        out
    }

    #[test]
    fn binary_cells_have_their_types_width() {
        assert_eq!(cell(WireType::Tiny, "-1"), [0xff]);
        assert_eq!(cell(WireType::Long, "258"), [2, 1, 0, 0]);
        assert_eq!(cell(WireType::LongLong, "1"), [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(cell(WireType::VarString, "ab"), [2, b'a', b'b']);
        assert_eq!(cell(WireType::Date, "2026-11-21"), [4, 0xea, 7, 11, 21]);
        assert_eq!(
            cell(WireType::DateTime, "2026-11-21 01:02:03"),
            [7, 0xea, 7, 11, 21, 1, 2, 3]
        );
        assert_eq!(
            cell(WireType::DateTime, "2026-11-21 00:00:00.5"),
            [11, 0xea, 7, 11, 21, 0, 0, 0, 0x20, 0xa1, 7, 0]
        );
    }

    #[test]
    fn null_is_a_bit() {
        let columns = [Column::bigint("a"), Column::show("b")];
        let mut out = Vec::new();
        binary_row(&mut out, &columns, &[None, Some("x".into())]);
        assert_eq!(out, [0, 0b100, 1, b'x']);
    }
}
