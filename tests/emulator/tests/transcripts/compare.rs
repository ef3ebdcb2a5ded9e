//! Compares an answer with a recorded one, whose masks stand for what differs from run to run.

use std::collections::BTreeMap;

use crate::recording::{Answer, Column, OkAnswer, Row};

/// Ids of one recording: a symbol `#7` is the same id wherever it stands, and ids of objects that have
/// different symbols differ.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    ids: BTreeMap<String, String>,
    symbols: BTreeMap<String, String>,
}

/// Below are ports, thread ids and the like, which may be equal by chance.
const FIRST_OBJECT_ID: i64 = 10_000;

impl Masks {
    /// `None` if the texts are equal under the masks, else what is wrong. What matched is kept only
    /// when all of it matched.
    pub fn differs(&mut self, recorded: &str, actual: &str) -> Option<String> {
        let mut trial = self.clone();
        let result = trial.match_text(recorded, actual);
        if result.is_none() {
            *self = trial;
        }
        result
    }

    fn match_text(&mut self, recorded: &str, actual: &str) -> Option<String> {
        let mut rest = recorded;
        let mut left = actual;
        while !rest.is_empty() {
            let Some((mask, after)) = mask_at(rest) else {
                let character = rest.chars().next()?;
                let Some(next) = left.strip_prefix(character) else {
                    return Some(String::new());
                };
                rest = &rest[character.len_utf8()..];
                left = next;
                continue;
            };
            let length = mask.length(left);
            if length == 0 {
                return Some(format!("{mask:?} does not match '{left}'"));
            }
            let (value, next) = left.split_at(length);
            if let Mask::Id(symbol) = mask
                && let Some(wrong) = self.bind(symbol, value)
            {
                return Some(wrong);
            }
            rest = after;
            left = next;
        }
        (!left.is_empty()).then(String::new)
    }

    fn bind(&mut self, symbol: &str, value: &str) -> Option<String> {
        match self.ids.get(symbol) {
            Some(known) if known != value => {
                return Some(format!("{symbol} was {known} before, now it is {value}"));
            }
            Some(_) => return None,
            None => {}
        }
        let is_object = value.parse::<i64>().is_ok_and(|id| id >= FIRST_OBJECT_ID);
        if is_object && let Some(other) = self.symbols.insert(value.to_owned(), symbol.to_owned()) {
            return Some(format!("{symbol} is {value}, which is {other} already"));
        }
        self.ids.insert(symbol.to_owned(), value.to_owned());
        None
    }
}

#[derive(Debug, Clone, Copy)]
enum Mask<'a> {
    Id(&'a str),
    Time,
    Stamp,
    Size,
    Uuid,
    Host,
    /// Port and start time inside a frontend's name, which the recorder did not mask.
    NodeName,
    /// The object store's id of a request, which the recorder did not mask.
    Request,
    /// A timestamp of the recording's year in the name of a file, which the recorder did not mask.
    InfoFile,
}

const STAMP: &str = "0000-00-00-00-00-00-000";
const INFO_FILE: &str = "__info_2026-";
const REQUEST: &str = "Request ID: ";

fn alphanumeric(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(text.len())
}

/// The mask that `text` starts with, and what follows it.
fn mask_at(text: &str) -> Option<(Mask<'_>, &str)> {
    const NAMED: [(&str, Mask<'_>); 6] = [
        ("<time>", Mask::Time),
        ("<stamp>", Mask::Stamp),
        ("<n>", Mask::Size),
        ("<uuid>", Mask::Uuid),
        ("<ip>", Mask::Host),
        ("<address>", Mask::Host),
    ];
    if let Some(after) = text.strip_prefix("<ip>_") {
        let end = after
            .find(|c: char| !c.is_ascii_digit() && c != '_')
            .unwrap_or(after.len());
        return Some((Mask::NodeName, &after[end..]));
    }
    if text.starts_with(INFO_FILE) {
        let name = &text["__info_".len()..];
        return Some((Mask::InfoFile, &name[shaped(name, STAMP)..]));
    }
    if let Some(id) = text.strip_prefix(REQUEST) {
        return Some((Mask::Request, &id[alphanumeric(id)..]));
    }
    if let Some(digits) = text.strip_prefix('#') {
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        return (count > 0)
            .then(|| text.split_at(count + 1))
            .map(|(symbol, after)| (Mask::Id(symbol), after));
    }
    NAMED
        .into_iter()
        .find_map(|(name, mask)| text.strip_prefix(name).map(|after| (mask, after)))
}

impl Mask<'_> {
    /// How much of `text` it stands for; 0 if it does not match.
    fn length(self, text: &str) -> usize {
        let run = |accept: fn(char) -> bool| text.find(|c| !accept(c)).unwrap_or(text.len());
        match self {
            Mask::Id(_) => run(|c| c.is_ascii_digit()),
            Mask::Host => run(|c| c.is_ascii_digit() || c == '.'),
            Mask::NodeName => run(|c| c.is_ascii_digit() || c == '.' || c == '_'),
            Mask::InfoFile => text
                .strip_prefix("__info_")
                .map_or(0, |name| "__info_".len() + shaped(name, STAMP)),
            Mask::Request => text
                .strip_prefix(REQUEST)
                .map_or(0, |id| REQUEST.len() + alphanumeric(id)),
            Mask::Uuid => shaped(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
            Mask::Stamp => shaped(text, STAMP),
            Mask::Time => match shaped(text, "0000-00-00 00:00:00") {
                0 => 0,
                seconds => {
                    seconds
                        + shaped(&text[seconds..], ".000000").max(shaped(&text[seconds..], ".000"))
                }
            },
            Mask::Size => {
                let number = run(|c| c.is_ascii_digit() || c == '.' || c == ',');
                let units = [
                    "B", "KB", "MB", "GB", "TB", " B", " KB", " MB", " GB", " TB",
                ];
                let unit = units
                    .iter()
                    .filter(|unit| text[number..].starts_with(**unit))
                    .map(|unit| unit.len())
                    .max();
                if number == 0 {
                    0
                } else {
                    number + unit.unwrap_or(0)
                }
            }
        }
    }
}

/// The length of `shape` if `text` starts like it: `0` is a digit, `x` a hexadecimal one.
fn shaped(text: &str, shape: &str) -> usize {
    let fits = text.len() >= shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_hexdigit(),
                other => byte == other,
            });
    if fits { shape.len() } else { 0 }
}

/// Lines that say what differs between two answers; none if nothing does.
pub fn compare(
    masks: &mut Masks,
    recorded: &Answer,
    actual: &Answer,
    any_order: bool,
) -> Vec<String> {
    match (recorded, actual) {
        (Answer::Ok(recorded), Answer::Ok(actual)) => compare_ok(masks, recorded, actual),
        (Answer::Error(recorded), Answer::Error(actual)) => {
            let is_head_equal =
                recorded.code == actual.code && recorded.sqlstate == actual.sqlstate;
            match masks.differs(&recorded.message, &actual.message) {
                None if is_head_equal => Vec::new(),
                wrong => vec![
                    format!(
                        "- {} {} {}",
                        recorded.code, recorded.sqlstate, recorded.message
                    ),
                    format!("+ {} {} {}", actual.code, actual.sqlstate, actual.message),
                ]
                .into_iter()
                .chain(wrong.filter(|text| !text.is_empty()))
                .collect(),
            }
        }
        (
            Answer::Rows { columns, rows },
            Answer::Rows {
                columns: actual_columns,
                rows: actual_rows,
            },
        ) => {
            let mut lines = Vec::new();
            if columns != actual_columns {
                let count = columns.len().max(actual_columns.len());
                for index in 0..count {
                    let (a, b) = (columns.get(index), actual_columns.get(index));
                    if a != b {
                        lines.push(format!("- column {index}: {a:?}"));
                        lines.push(format!("+ column {index}: {b:?}"));
                    }
                }
            }
            let rows = without_figures(columns, rows);
            let actual_rows = without_figures(actual_columns, actual_rows);
            lines.extend(if any_order {
                compare_any_order(masks, &rows, &actual_rows)
            } else {
                compare_in_order(masks, &rows, &actual_rows)
            });
            lines
        }
        (a, b) if a == b => Vec::new(),
        (a, b) => vec![format!("- {}", brief(a)), format!("+ {}", brief(b))],
    }
}

/// What the stand-in's machine and its frontend's journal happened to have, and nobody masked: only
/// the form of these is compared.
const FIGURES: [&str; 8] = [
    "QueryPort",
    "ReplayedJournalId",
    "AvailCapacity",
    "TotalCapacity",
    "UsedPct",
    "MaxDiskUsedPct",
    "DataTotalCapacity",
    "DataUsedPct",
];

/// The rows with every number in such a column as one 0.
fn without_figures(columns: &[Column], rows: &[Row]) -> Vec<Row> {
    let form = |text: &str| {
        let mut form = String::new();
        for character in text.chars() {
            if !character.is_ascii_digit() {
                form.push(character);
            } else if !form.ends_with('0') {
                form.push('0');
            }
        }
        form
    };
    rows.iter()
        .map(|row| {
            row.iter()
                .enumerate()
                .map(|(index, cell)| {
                    let is_figure = columns
                        .get(index)
                        .is_some_and(|column| FIGURES.contains(&column.name.as_str()));
                    cell.as_ref()
                        .map(|text| if is_figure { form(text) } else { text.clone() })
                })
                .collect()
        })
        .collect()
}

fn brief(answer: &Answer) -> String {
    match answer {
        Answer::Rows { columns, rows } => format!(
            "{} columns ({}), {} rows",
            columns.len(),
            columns
                .iter()
                .map(|column| column.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            rows.len()
        ),
        Answer::Error(error) => format!("{} {} {}", error.code, error.sqlstate, error.message),
        other => format!("{other:?}"),
    }
}

fn compare_ok(masks: &mut Masks, recorded: &OkAnswer, actual: &OkAnswer) -> Vec<String> {
    let is_same = recorded
        .affected
        .is_none_or(|count| Some(count) == actual.affected)
        && recorded.warnings == actual.warnings
        && recorded.status == actual.status
        && masks
            .differs(&comparable(&recorded.info), &comparable(&actual.info))
            .is_none();
    if is_same {
        Vec::new()
    } else {
        vec![format!("- {recorded:?}"), format!("+ {actual:?}")]
    }
}

/// The info string without the byte of its length, which the recorder kept or not, and without the
/// number of the transaction, which counts what the recorded server did before.
fn comparable(info: &str) -> String {
    let text = info.find('{').map_or(info, |start| &info[start..]);
    match text.split_once("'txnId':'") {
        Some((head, tail)) if tail.starts_with(|c: char| c.is_ascii_digit()) => {
            let rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{head}'txnId':'0{rest}")
        }
        Some((head, tail)) => format!("{head}'txnId':'{}", tail.replacen("<n>", "0", 1)),
        None => text.to_owned(),
    }
}

fn row_differs(masks: &mut Masks, recorded: &Row, actual: &Row) -> Option<String> {
    let mut trial = masks.clone();
    if recorded.len() != actual.len() {
        return Some(String::new());
    }
    for (a, b) in recorded.iter().zip(actual) {
        match (a, b) {
            (None, None) => {}
            (Some(a), Some(b)) => {
                if let Some(wrong) = trial.differs(a, b) {
                    return Some(wrong);
                }
            }
            _ => return Some(String::new()),
        }
    }
    *masks = trial;
    None
}

fn compare_in_order(masks: &mut Masks, recorded: &[Row], actual: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for index in 0..recorded.len().max(actual.len()) {
        match (recorded.get(index), actual.get(index)) {
            (Some(a), Some(b)) => {
                if let Some(wrong) = row_differs(masks, a, b) {
                    lines.push(format!("- row {index}: {}", show(a)));
                    lines.push(format!("+ row {index}: {}", show(b)));
                    lines.extend((!wrong.is_empty()).then_some(wrong));
                }
            }
            (a, b) => {
                lines.extend(a.map(|row| format!("- row {index}: {}", show(row))));
                lines.extend(b.map(|row| format!("+ row {index}: {}", show(row))));
            }
        }
    }
    lines
}

fn compare_any_order(masks: &mut Masks, recorded: &[Row], actual: &[Row]) -> Vec<String> {
    let mut left: Vec<&Row> = actual.iter().collect();
    let mut lines = Vec::new();
    for row in recorded {
        match left
            .iter()
            .position(|other| row_differs(masks, row, other).is_none())
        {
            Some(found) => {
                left.remove(found);
            }
            None => lines.push(format!("- row: {}", show(row))),
        }
    }
    lines.extend(left.into_iter().map(|row| format!("+ row: {}", show(row))));
    lines
}

fn show(row: &Row) -> String {
    let cells: Vec<String> = row
        .iter()
        .map(|cell| {
            cell.as_ref()
                .map_or("NULL".to_owned(), |text| format!("{text:?}"))
        })
        .collect();
    cells.join(", ")
}

/// A row by column name, as `wait` has its last one.
pub fn compare_named(
    masks: &mut Masks,
    recorded: &BTreeMap<String, Option<String>>,
    actual: &BTreeMap<String, Option<String>>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for name in recorded
        .keys()
        .chain(actual.keys().filter(|name| !recorded.contains_key(*name)))
    {
        let (a, b) = (recorded.get(name), actual.get(name));
        let is_same = match (a, b) {
            (Some(Some(a)), Some(Some(b))) => masks.differs(a, b).is_none(),
            (a, b) => a == b,
        };
        if !is_same {
            lines.push(format!("- {name}: {a:?}"));
            lines.push(format!("+ {name}: {b:?}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_consistent_and_different() {
        let mut masks = Masks::default();
        assert_eq!(masks.differs("#1 and #2", "10001 and 10002"), None);
        assert_eq!(masks.differs("table #1.", "table 10001."), None);
        assert!(masks.differs("#1", "10003").is_some());
        assert!(masks.differs("#3", "10002").is_some());
        assert_eq!(masks.differs("#3", "10003"), None);
    }

    #[test]
    fn masks_match_their_shapes_only() {
        let mut masks = Masks::default();
        assert_eq!(masks.differs("<time>", "2026-11-21 00:00:00"), None);
        assert!(masks.differs("<time>", "NULL").is_some());
        assert_eq!(masks.differs("<n> x", "1.2KB x"), None);
        assert_eq!(
            masks.differs(
                "<stamp>\n<stamp>",
                "2026-11-21-10-00-00-123\n2026-11-21-10-00-00-124"
            ),
            None
        );
        assert_eq!(
            masks.differs("<ip>_19010_1795254884072", "127.0.0.1_9010_1"),
            None
        );
        assert!(masks.differs("a", "ab").is_some());
    }
}
