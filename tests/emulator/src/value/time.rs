//! DATE and DATETIME as texts.

use jiff::civil::{Date, DateTime};

/// Reads the spellings that StarRocks takes: `2025-01-02`, `2025-1-2 3:4:5.678`, `20250102`,
/// `20250102030405`, and a `T` between date and time.
pub fn parse(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let bytes = text.as_bytes();
    if let Some(at) = plain(bytes) {
        return Some(at);
    }
    if matches!(bytes.len(), 8 | 14) && bytes.iter().all(u8::is_ascii_digit) {
        return compact(text);
    }
    let (date, clock) = match text.find([' ', 'T']) {
        Some(at) => (&text[..at], text[at + 1..].trim_start()),
        None => (text, ""),
    };
    let mut parts = date.split(['-', '/']);
    let mut number = || parts.next().and_then(field);
    let (year, month, day) = (number()?, number()?, number()?);
    if parts.next().is_some() {
        return None;
    }
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':').filter(|part| !part.is_empty());
    let mut number = || parts.next().map_or(Some(0), field);
    let (hour, minute, second) = (number()?, number()?, number()?);
    if parts.next().is_some() {
        return None;
    }
    build([year, month, day, hour, minute, second], micros(fraction)?)
}

/// `2025-01-02 03:04:05`, which nearly every text is.
fn plain(bytes: &[u8]) -> Option<DateTime> {
    let bytes: &[u8; 19] = bytes.try_into().ok()?;
    for (at, separator) in [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')] {
        if bytes[at] != separator {
            return None;
        }
    }
    let digit = |at: usize| {
        let digit = bytes[at].wrapping_sub(b'0');
        (digit < 10).then_some(i16::from(digit))
    };
    let two = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
    build(
        [
            two(0)? * 100 + two(2)?,
            two(5)?,
            two(8)?,
            two(11)?,
            two(14)?,
            two(17)?,
        ],
        0,
    )
}

fn compact(text: &str) -> Option<DateTime> {
    let number = |from: usize, to: usize| text.get(from..to).map_or(Some(0), field);
    build(
        [
            number(0, 4)?,
            number(4, 6)?,
            number(6, 8)?,
            number(8, 10)?,
            number(10, 12)?,
            number(12, 14)?,
        ],
        0,
    )
}

fn field(text: &str) -> Option<i16> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn micros(fraction: &str) -> Option<i32> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = &fraction[..fraction.len().min(6)];
    let number: i32 = if kept.is_empty() {
        0
    } else {
        kept.parse().ok()?
    };
    Some(number * 10_i32.pow(6 - kept.len() as u32))
}

fn build([year, month, day, hour, minute, second]: [i16; 6], micros: i32) -> Option<DateTime> {
    let small = |number: i16| i8::try_from(number).ok();
    DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        micros * 1_000,
    )
    .ok()
}

pub fn format_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// Six digits of a second if there are any, as StarRocks prints DATETIME.
pub fn format(at: DateTime) -> String {
    let mut text = format!(
        "{} {:02}:{:02}:{:02}",
        format_date(at.date()),
        at.hour(),
        at.minute(),
        at.second()
    );
    let micros = at.subsec_nanosecond() / 1_000;
    if micros != 0 {
        text.push_str(&format!(".{micros:06}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, expect) in [
            ("2025-01-02", Some("2025-01-02 00:00:00")),
            ("2025-1-2 3:4:5", Some("2025-01-02 03:04:05")),
            ("20250102", Some("2025-01-02 00:00:00")),
            ("20250102030405", Some("2025-01-02 03:04:05")),
            ("2025-01-02T03:04:05.5", Some("2025-01-02 03:04:05.500000")),
            ("2025-13-02", None),
            ("2025-01-02 25:00:00", None),
            ("yesterday", None),
        ] {
            assert_eq!(parse(text).map(format).as_deref(), expect, "{text}");
        }
    }
}
