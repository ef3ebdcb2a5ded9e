//! The rows of `VALUES (...), (...)`.

use std::fmt;

use crate::{
    parse::token::string_literal,
    reply::{SqlError, SqlResult},
};

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Default,
    Boolean(bool),
    /// Digits as written, with a sign.
    Number(String),
    Text(String),
    /// Anything else, as written.
    Expression(String),
}

impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => formatter.write_str("NULL"),
            Literal::Default => formatter.write_str("DEFAULT"),
            Literal::Boolean(truth) => write!(formatter, "{truth}"),
            Literal::Number(text) | Literal::Expression(text) => formatter.write_str(text),
            Literal::Text(text) => write!(formatter, "'{text}'"),
        }
    }
}

/// The rows of a statement, and where its text ends: an error about their number tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueRows {
    pub rows: Vec<Vec<Literal>>,
    end: (usize, usize),
}

impl ValueRows {
    /// The frontend reads no more rows than `expr_children_limit`.
    pub fn check_limit(&self, limit: usize) -> SqlResult<()> {
        if self.rows.len() <= limit {
            return Ok(());
        }
        let (line, column) = self.end;
        Err(SqlError::plain(format!(
            "Getting syntax error from line 1, column 0 to line {line}, column {}. Detail message: \
             The inserted rows are {} exceeded the maximum limit {}, please consider modify \
             'expr_children_limit' in FE conf.",
            grouped(column),
            grouped(self.rows.len()),
            grouped(limit),
        )))
    }
}

/// Reads the rows that start at byte `start` of the statement.
pub(super) fn parse(sql: &str, start: usize) -> SqlResult<ValueRows> {
    let mut reader = Reader { sql, at: start };
    let mut rows = Vec::new();
    loop {
        rows.push(reader.row(rows.last().map_or(0, Vec::len))?);
        reader.skip_blanks();
        if !reader.take(b',') {
            break;
        }
    }
    reader.take(b';');
    reader.skip_blanks();
    if reader.at < sql.len() {
        return Err(reader.unexpected("',', ';'"));
    }
    let end = sql.trim_end().trim_end_matches(';').trim_end().len();
    Ok(ValueRows {
        rows,
        end: line_and_column(sql, end.saturating_sub(1)),
    })
}

struct Reader<'a> {
    sql: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.sql.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                b'/' if self.sql[self.at..].starts_with("/*") => {
                    self.at = self.sql[self.at..]
                        .find("*/")
                        .map_or(self.sql.len(), |offset| self.at + offset + 2);
                }
                _ => return,
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn row(&mut self, width: usize) -> SqlResult<Vec<Literal>> {
        self.skip_blanks();
        if !self.take(b'(') {
            return Err(self.unexpected("'('"));
        }
        let mut row = Vec::with_capacity(width);
        self.skip_blanks();
        if self.take(b')') {
            return Ok(row);
        }
        loop {
            row.push(self.literal()?);
            if self.take(b',') {
                continue;
            }
            if self.take(b')') {
                return Ok(row);
            }
            return Err(self.unexpected("',', ')'"));
        }
    }

    /// One value and the blanks around it.
    fn literal(&mut self) -> SqlResult<Literal> {
        self.skip_blanks();
        let start = self.at;
        if let Some(literal) = self.simple()? {
            self.skip_blanks();
            if matches!(self.peek(), Some(b',' | b')')) {
                return Ok(literal);
            }
        }
        self.at = start;
        self.expression()
    }

    /// A plain literal, if one starts here; what follows may still make it part of an expression.
    fn simple(&mut self) -> SqlResult<Option<Literal>> {
        let Some(byte) = self.peek() else {
            return Ok(None);
        };
        match byte {
            b'\'' | b'"' => {
                let rest = &self.sql.as_bytes()[self.at + 1..];
                // Nearly every text has neither escapes nor doubled quotes.
                let plain = rest.iter().position(|b| *b == byte || *b == b'\\');
                if let Some(length) = plain
                    && rest[length] == byte
                    && rest.get(length + 1) != Some(&byte)
                {
                    let text = self.sql[self.at + 1..self.at + 1 + length].to_owned();
                    self.at += length + 2;
                    return Ok(Some(Literal::Text(text)));
                }
                let (text, end) = string_literal(self.sql, self.at)?;
                self.at = end;
                Ok(Some(Literal::Text(text)))
            }
            b'0'..=b'9' | b'-' | b'+' | b'.' => {
                let rest = &self.sql.as_bytes()[self.at..];
                let length = rest
                    .iter()
                    .position(|b| !matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'))
                    .unwrap_or(rest.len());
                let text = &self.sql[self.at..self.at + length];
                if !is_number(text) {
                    return Ok(None);
                }
                self.at += length;
                Ok(Some(Literal::Number(
                    text.trim_start_matches('+').to_owned(),
                )))
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                let rest = &self.sql.as_bytes()[self.at..];
                let length = rest
                    .iter()
                    .position(|b| !b.is_ascii_alphanumeric() && *b != b'_')
                    .unwrap_or(rest.len());
                let word = &self.sql[self.at..self.at + length];
                let literal = [
                    ("NULL", Literal::Null),
                    ("DEFAULT", Literal::Default),
                    ("TRUE", Literal::Boolean(true)),
                    ("FALSE", Literal::Boolean(false)),
                ]
                .into_iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(word));
                if literal.is_some() {
                    self.at += length;
                }
                Ok(literal.map(|(_, literal)| literal))
            }
            _ => Ok(None),
        }
    }

    /// Everything up to the comma or bracket that ends this value.
    fn expression(&mut self) -> SqlResult<Literal> {
        let start = self.at;
        let mut depth = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b'\'' | b'"' => {
                    self.at = string_literal(self.sql, self.at)?.1;
                    continue;
                }
                b'(' | b'[' | b'{' => depth += 1,
                b')' if depth == 0 => break,
                b')' | b']' | b'}' => depth -= 1,
                b',' if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        let text = self.sql[start..self.at].trim();
        if text.is_empty() {
            return Err(self.unexpected("a legal expression"));
        }
        Ok(Literal::Expression(text.to_owned()))
    }

    fn unexpected(&self, expected: &str) -> SqlError {
        let (line, column) = line_and_column(self.sql, self.at);
        let found = self.sql[self.at..]
            .chars()
            .next()
            .map_or("<EOF>".to_owned(), String::from);
        SqlError::plain(format!(
            "Getting syntax error at line {line}, column {column}. Detail message: Unexpected input \
             '{found}', the most similar input is {{{expected}}}."
        ))
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    text.len() - digits.len() <= 1
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.parse::<f64>().is_ok()
}

fn line_and_column(sql: &str, at: usize) -> (usize, usize) {
    let before = &sql[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        1 + before.matches('\n').count(),
        before[line_start..].chars().count(),
    )
}

/// `68923` as `68,923`: how the frontend's messages print numbers.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[Literal]) {
        assert_eq!(parse(text, 0).unwrap().rows, [expect]);
    }

    #[test]
    fn literals_and_expressions() {
        check(
            r#"('it''s', "a\"b", -1.5e3, NULL, true, [1, 2], now(), 1 + 1, 'a' 'b', "x")"#,
            &[
                Literal::Text("it's".into()),
                Literal::Text("a\"b".into()),
                Literal::Number("-1.5e3".into()),
                Literal::Null,
                Literal::Boolean(true),
                Literal::Expression("[1, 2]".into()),
                Literal::Expression("now()".into()),
                Literal::Expression("1 + 1".into()),
                Literal::Expression("'a' 'b'".into()),
                Literal::Text("x".into()),
            ],
        );
        check(
            "('a),(''(', concat('x', ')'))",
            &[
                Literal::Text("a),('(".into()),
                Literal::Expression("concat('x', ')')".into()),
            ],
        );
    }

    #[test]
    fn too_many_rows_are_refused_with_the_place() {
        let prefix = "INSERT INTO pk (id) VALUES ";
        let tuples: Vec<String> = (0..10_001).map(|n| format!("({n})")).collect();
        let sql = format!("{prefix}{}", tuples.join(","));
        let values = parse(&sql, prefix.len()).unwrap();
        assert_eq!(values.check_limit(10_001), Ok(()));
        let error = values.check_limit(10_000).unwrap_err();
        assert_eq!(
            error.message,
            "Getting syntax error from line 1, column 0 to line 1, column 68,923. Detail message: \
             The inserted rows are 10,001 exceeded the maximum limit 10,000, please consider modify \
             'expr_children_limit' in FE conf."
        );
    }
}
