//! DATE_FORMAT and STR_TO_DATE.

use jiff::civil::{Date, DateTime};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// Java's spellings that StarRocks takes besides MySQL's.
fn to_mysql(format: &str) -> &str {
    match format {
        "yyyy-MM-dd" => "%Y-%m-%d",
        "yyyyMMdd" => "%Y%m%d",
        "yyyy-MM-dd HH:mm:ss" => "%Y-%m-%d %H:%i:%s",
        other => other,
    }
}

/// The week of the year, weeks starting on Sunday, week 1 the first with a Sunday in this year.
pub(super) fn week_from_sunday(date: Date) -> i64 {
    let offset = i64::from(date.weekday().to_sunday_zero_offset());
    (i64::from(date.day_of_year()) - 1 + 7 - offset) / 7
}

pub(super) fn render(at: DateTime, format: &str) -> String {
    let mut text = String::new();
    let mut characters = to_mysql(format).chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let Some(specifier) = characters.next() else {
            text.push('%');
            break;
        };
        let month = MONTHS[at.month() as usize - 1];
        let day = DAYS[at.weekday().to_sunday_zero_offset() as usize];
        let hour12 = match at.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        let half = if at.hour() < 12 { "AM" } else { "PM" };
        let iso = at.iso_week_date();
        text.push_str(&match specifier {
            'Y' => format!("{:04}", at.year()),
            'y' => format!("{:02}", at.year() % 100),
            'm' => format!("{:02}", at.month()),
            'c' => at.month().to_string(),
            'M' => month.to_owned(),
            'b' => month[..3].to_owned(),
            'd' => format!("{:02}", at.day()),
            'e' => at.day().to_string(),
            'H' => format!("{:02}", at.hour()),
            'k' => at.hour().to_string(),
            'h' | 'I' => format!("{hour12:02}"),
            'l' => hour12.to_string(),
            'i' => format!("{:02}", at.minute()),
            's' | 'S' => format!("{:02}", at.second()),
            'f' => format!("{:06}", at.subsec_nanosecond() / 1_000),
            'p' => half.to_owned(),
            'r' => format!("{hour12:02}:{:02}:{:02} {half}", at.minute(), at.second()),
            'T' => format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()),
            'j' => format!("{:03}", at.day_of_year()),
            'W' => day.to_owned(),
            'a' => day[..3].to_owned(),
            'w' => at.weekday().to_sunday_zero_offset().to_string(),
            'U' => format!("{:02}", week_from_sunday(at.date())),
            'u' | 'v' => format!("{:02}", iso.week()),
            'x' => format!("{:04}", iso.year()),
            other => other.to_string(),
        });
    }
    text
}

/// Reads a text by a format; `None` if it does not follow it.
pub(super) fn read(text: &str, format: &str) -> Option<DateTime> {
    let mut rest = text.trim();
    let (mut year, mut month, mut day) = (None, None, None);
    let (mut hour, mut minute, mut second, mut micros) = (0, 0, 0, 0);
    let mut afternoon = None;
    let mut characters = to_mysql(format).chars();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if character != '%' {
            rest = rest.strip_prefix(character)?;
            continue;
        }
        match characters.next()? {
            'Y' => year = Some(number(&mut rest, 4)?),
            'y' => {
                let short = number(&mut rest, 2)?;
                year = Some(short + if short < 70 { 2000 } else { 1900 });
            }
            'm' | 'c' => month = Some(number(&mut rest, 2)?),
            'd' | 'e' => day = Some(number(&mut rest, 2)?),
            'H' | 'k' | 'h' | 'I' | 'l' => hour = number(&mut rest, 2)?,
            'i' => minute = number(&mut rest, 2)?,
            's' | 'S' => second = number(&mut rest, 2)?,
            'T' => {
                hour = number(&mut rest, 2)?;
                rest = rest.strip_prefix(':')?;
                minute = number(&mut rest, 2)?;
                rest = rest.strip_prefix(':')?;
                second = number(&mut rest, 2)?;
            }
            'f' => {
                let length = rest.bytes().take(6).take_while(u8::is_ascii_digit).count();
                let digits: i32 = rest.get(..length)?.parse().ok()?;
                micros = digits * 10_i32.pow(6 - length as u32);
                rest = &rest[length..];
            }
            'p' => {
                let half = rest.get(..2)?.to_ascii_uppercase();
                afternoon = Some(half == "PM");
                rest = &rest[2..];
            }
            'b' | 'M' => {
                let at = MONTHS.iter().position(|name| {
                    rest.get(..3)
                        .is_some_and(|start| name[..3].eq_ignore_ascii_case(start))
                })?;
                let full = MONTHS[at];
                let is_full = rest
                    .get(..full.len())
                    .is_some_and(|start| full.eq_ignore_ascii_case(start));
                rest = &rest[if is_full { full.len() } else { 3 }..];
                month = Some(at as i16 + 1);
            }
            _ => return None,
        }
    }
    if let Some(afternoon) = afternoon {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    let small = |number: i16| i8::try_from(number).ok();
    DateTime::new(
        year?,
        small(month?)?,
        small(day?)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        micros * 1_000,
    )
    .ok()
}

fn number(rest: &mut &str, most: usize) -> Option<i16> {
    let length = rest
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let value = rest.get(..length)?.parse().ok()?;
    *rest = &rest[length..];
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::time::{format, parse};

    #[test]
    fn formats_are_mysqls() {
        let at = parse("2025-01-02 15:04:05.000007").unwrap();
        for (pattern, expect) in [
            ("%Y-%m-%d %H:%i:%s.%f", "2025-01-02 15:04:05.000007"),
            ("%y%c%e %l %p", "2512 3 PM"),
            ("%W %b %j", "Thursday Jan 002"),
            ("yyyyMMdd", "20250102"),
            ("%x-%v", "2025-01"),
        ] {
            assert_eq!(render(at, pattern), expect, "{pattern}");
        }
    }

    #[test]
    fn texts_are_read_by_format() {
        for (text, pattern, expect) in [
            ("2025-01-02", "%Y-%m-%d", Some("2025-01-02 00:00:00")),
            (
                "02/Jan/25 3:04 PM",
                "%d/%b/%y %h:%i %p",
                Some("2025-01-02 15:04:00"),
            ),
            ("2025-99-02", "%Y-%m-%d", None),
        ] {
            assert_eq!(read(text, pattern).map(format).as_deref(), expect);
        }
    }
}
