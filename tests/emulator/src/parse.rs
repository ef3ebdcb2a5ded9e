//! Statement text to typed statement. Each area has a file with its own types and grammar; this file
//! decides which one a text belongs to by its first words.

pub mod admin;
pub mod backup;
pub mod clauses;
pub mod ddl;
pub mod dml;
pub(crate) mod similar;
pub mod token;

use crate::{
    profile::Profile,
    reply::{SqlError, SqlResult},
};
use token::{Cursor, Token, tokenize};

#[derive(Debug)]
pub enum Statement {
    Admin(admin::Admin),
    Ddl(ddl::Ddl),
    Dml(dml::Dml),
    Backup(backup::Backup),
}

/// One statement, without the `;` that ends it.
pub fn parse(sql: &str, profile: Profile) -> SqlResult<Statement> {
    let tokens = tokenize(head(sql))?;
    let mut cursor = Cursor::new(sql, &tokens).with_profile(profile);
    if let Some(statement) = backup::parse(&mut cursor.clone())? {
        return Ok(Statement::Backup(statement));
    }
    if let Some(statement) = ddl::parse(&mut cursor.clone())? {
        return Ok(Statement::Ddl(statement));
    }
    if let Some(statement) = admin::parse(&mut cursor.clone())? {
        return Ok(Statement::Admin(statement));
    }
    if let Some(statement) = dml::parse(&mut cursor)? {
        return Ok(Statement::Dml(statement));
    }
    Err(unknown(sql, &cursor))
}

/// A text whose first word starts no statement is the real parser's syntax error; the rest is said to
/// be unknown, so that nobody takes it for StarRocks' opinion.
fn unknown(sql: &str, cursor: &Cursor<'_>) -> SqlError {
    match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Word(word)) if !similar::is_start(word) => {
            let offered = similar::starts_like(word, cursor.profile).join(", ");
            cursor.unexpected(&format!("{offered}, '(', ';'"))
        }
        _ => SqlError::plain(format!("The emulator does not know this statement: {sql}")),
    }
}

/// The part of a statement that is worth tokens: an INSERT may carry megabytes of values, which its
/// own reader takes from the text after `VALUES`.
fn head(sql: &str) -> &str {
    let start = sql.trim_start();
    let is_insert = start
        .get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case("insert"));
    if !is_insert {
        return sql;
    }
    let mut scan = Scan::new(sql);
    while let Some(at) = scan.next_code() {
        let is_values = sql
            .get(at..at + 6)
            .is_some_and(|word| word.eq_ignore_ascii_case("values"))
            && !is_word(sql.as_bytes().get(at + 6).copied())
            && !is_word(at.checked_sub(1).map(|before| sql.as_bytes()[before]));
        if is_values {
            return &sql[..at + 6];
        }
    }
    sql
}

fn is_word(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80)
}

/// Cuts a text at its `;`. Empty statements are dropped unless nothing else is there.
pub fn split(sql: &str) -> SqlResult<Vec<&str>> {
    let mut statements = Vec::new();
    let mut start = 0;
    let mut scan = Scan::new(sql);
    while let Some(at) = scan.next_code() {
        if sql.as_bytes()[at] == b';' {
            statements.push(&sql[start..at]);
            start = at + 1;
        }
    }
    statements.push(&sql[start..]);
    let mut statements: Vec<&str> = statements
        .into_iter()
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .collect();
    if statements.is_empty() {
        statements.push("");
    }
    Ok(statements)
}

/// Walks over the bytes of a text that are neither in a literal nor in a comment.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn new(sql: &'a str) -> Scan<'a> {
        Scan {
            bytes: sql.as_bytes(),
            at: 0,
        }
    }

    fn next_code(&mut self) -> Option<usize> {
        loop {
            let at = self.at;
            let byte = *self.bytes.get(at)?;
            let rest = &self.bytes[at..];
            match byte {
                b'\'' | b'"' | b'`' => self.skip_literal(byte),
                b'#' => self.skip_to(b"\n"),
                b'-' if rest.starts_with(b"--") => self.skip_to(b"\n"),
                b'/' if rest.starts_with(b"/*") => self.skip_to(b"*/"),
                _ => {
                    self.at += 1;
                    return Some(at);
                }
            }
        }
    }

    /// A doubled quote ends a literal and starts the next one, which comes to the same.
    fn skip_literal(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            if *byte == b'\\' && quote != b'`' {
                self.at += 1;
            } else if *byte == quote {
                return;
            }
        }
    }

    fn skip_to(&mut self, end: &[u8]) {
        self.at = self.bytes[self.at..]
            .windows(end.len())
            .position(|window| window == end)
            .map_or(self.bytes.len(), |offset| self.at + offset + end.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_outside_of_literals_and_comments() {
        assert_eq!(
            split("SELECT ';' ; -- a;b\nSELECT `;`/* ; */;;").unwrap(),
            ["SELECT ';'", "-- a;b\nSELECT `;`/* ; */"]
        );
        assert_eq!(split(" ; ").unwrap(), [""]);
    }

    #[test]
    fn values_of_an_insert_get_no_tokens() {
        let sql = "insert into `values` (a, valuesx) VALUES (1), (2)";
        assert_eq!(head(sql), "insert into `values` (a, valuesx) VALUES");
        assert_eq!(head("SELECT 'values'"), "SELECT 'values'");
    }
}
