//! StarRocks' lexical rules, and a cursor over tokens for hand-written grammars.

use crate::{profile::Profile, reply::SqlError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Unquoted word: keyword, identifier, or an identifier that starts with a digit.
    Word(String),
    /// Back-quoted identifier. A doubled backtick inside is dropped, as the real server does.
    Quoted(String),
    /// `'...'` or `"..."`, unescaped.
    Text(String),
    Number(String),
    /// `@@name` or `@name`, with its prefix.
    Variable(String),
    /// One punctuation mark or operator: `(`, `)`, `,`, `.`, `=`, `;`, `<=`, `!=` ...
    Symbol(String),
}

/// A token with where it stands: error messages of StarRocks quote line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned {
    pub token: Token,
    /// Byte range in the statement.
    pub start: usize,
    pub end: usize,
    /// From 1.
    pub line: usize,
    /// From 0, in characters.
    pub column: usize,
}

const TWO_CHARACTER_SYMBOLS: [&str; 8] = ["<=", ">=", "<>", "!=", "||", "&&", "->", ":="];

/// Splits a text into tokens; comments (`--`, `#`, `/* */`, hints too) are dropped.
pub fn tokenize(sql: &str) -> Result<Vec<Spanned>, SqlError> {
    let mut lexer = Lexer::new(sql);
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

/// Reads one token at a time, for statements whose tail is too long to hold as tokens.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    line: usize,
    /// The column of the byte `counted`: statements of megabytes are often one line, so columns are
    /// counted on from the last token.
    column: usize,
    counted: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(sql: &'a str) -> Lexer<'a> {
        Lexer {
            sql,
            at: 0,
            line: 1,
            column: 0,
            counted: 0,
        }
    }

    /// Where the next token is looked for, in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    fn count_to(&mut self, to: usize) {
        for character in self.sql[self.counted..to].chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 0;
            } else {
                self.column += 1;
            }
        }
        self.counted = to;
    }

    fn skip_blanks_and_comments(&mut self) {
        let bytes = self.sql.as_bytes();
        while self.at < bytes.len() {
            let rest = &bytes[self.at..];
            self.at = match rest[0] {
                b'\n' | b' ' | b'\t' | b'\r' | 0x0c => self.at + 1,
                b'#' => end_of_line(bytes, self.at),
                b'-' if rest.starts_with(b"--") => end_of_line(bytes, self.at),
                b'/' if rest.starts_with(b"/*") => self.sql[self.at + 2..]
                    .find("*/")
                    .map_or(bytes.len(), |offset| self.at + offset + 4),
                _ => return,
            };
        }
    }

    pub fn next_token(&mut self) -> Result<Option<Spanned>, SqlError> {
        self.skip_blanks_and_comments();
        let (sql, bytes, start) = (self.sql, self.sql.as_bytes(), self.at);
        let Some(byte) = bytes.get(start) else {
            return Ok(None);
        };
        self.count_to(start);
        let (token, end) = match byte {
            b'`' => {
                let (text, end) = quoted_identifier(sql, start)?;
                (Token::Quoted(text), end)
            }
            b'\'' | b'"' => {
                let (text, end) = string_literal(sql, start)?;
                (Token::Text(text), end)
            }
            b'@' => {
                let name = start + sql[start..].bytes().take_while(|b| *b == b'@').count();
                let end = end_of_word(sql, name);
                (Token::Variable(sql[start..end].to_owned()), end)
            }
            b'0'..=b'9' => {
                let end = end_of_number(bytes, start);
                let word_end = end_of_word(sql, end);
                if word_end > end {
                    (Token::Word(sql[start..word_end].to_owned()), word_end)
                } else {
                    (Token::Number(sql[start..end].to_owned()), end)
                }
            }
            _ if is_word_start(sql, start) => {
                let end = end_of_word(sql, start);
                (Token::Word(sql[start..end].to_owned()), end)
            }
            _ => {
                let two = sql
                    .get(start..start + 2)
                    .filter(|two| TWO_CHARACTER_SYMBOLS.contains(two));
                let symbol = match two {
                    Some(two) => two.to_owned(),
                    None => sql[start..]
                        .chars()
                        .next()
                        .map(String::from)
                        .unwrap_or_default(),
                };
                let end = start + symbol.len();
                (Token::Symbol(symbol), end)
            }
        };
        self.at = end;
        Ok(Some(Spanned {
            token,
            start,
            end,
            line: self.line,
            column: self.column,
        }))
    }
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|b| *b == b'\n')
        .map_or(bytes.len(), |offset| at + offset)
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

fn is_word_start(sql: &str, at: usize) -> bool {
    sql[at..].chars().next().is_some_and(is_word_character)
}

fn end_of_word(sql: &str, at: usize) -> usize {
    at + sql[at..]
        .chars()
        .take_while(|c| is_word_character(*c))
        .map(char::len_utf8)
        .sum::<usize>()
}

fn end_of_number(bytes: &[u8], mut at: usize) -> usize {
    let digits = |mut at: usize| {
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        at
    };
    at = digits(at);
    if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at = digits(at + 1);
    }
    at
}

fn quoted_identifier(sql: &str, start: usize) -> Result<(String, usize), SqlError> {
    let mut text = String::new();
    let mut rest = sql[start + 1..].char_indices().peekable();
    while let Some((offset, character)) = rest.next() {
        if character != '`' {
            text.push(character);
        } else if rest.peek().is_some_and(|(_, next)| *next == '`') {
            rest.next();
        } else {
            return Ok((text, start + 1 + offset + 1));
        }
    }
    Err(unterminated(sql))
}

/// Reads the literal that starts with a quote at `start`: its unescaped text and where it ends.
pub fn string_literal(sql: &str, start: usize) -> Result<(String, usize), SqlError> {
    let quote = char::from(sql.as_bytes()[start]);
    let mut text = String::new();
    let mut rest = sql[start + 1..].char_indices().peekable();
    while let Some((offset, character)) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, 'b')) => text.push('\u{8}'),
                Some((_, '0')) => text.push('\0'),
                Some((_, 'Z')) => text.push('\u{1a}'),
                // LIKE patterns keep their escapes.
                Some((_, wildcard @ ('_' | '%'))) => {
                    text.push('\\');
                    text.push(wildcard);
                }
                Some((_, other)) => text.push(other),
                None => return Err(unterminated(sql)),
            },
            _ if character != quote => text.push(character),
            _ if rest.peek().is_some_and(|(_, next)| *next == quote) => {
                rest.next();
                text.push(quote);
            }
            _ => return Ok((text, start + 1 + offset + 1)),
        }
    }
    Err(unterminated(sql))
}

fn unterminated(sql: &str) -> SqlError {
    SqlError::plain(format!(
        "Getting syntax error. Detail message: Unterminated literal in: {sql}."
    ))
}

/// Words that name nothing unless they are quoted.
const RESERVED: &[&str] = &[
    "ADD",
    "ALL",
    "ALTER",
    "ANALYZE",
    "AND",
    "ARRAY",
    "AS",
    "ASC",
    "BETWEEN",
    "BIGINT",
    "BITMAP",
    "BOTH",
    "BY",
    "CASE",
    "CHAR",
    "CHARACTER",
    "CHECK",
    "COLLATE",
    "COLUMN",
    "CONVERT",
    "CREATE",
    "CROSS",
    "CUBE",
    "CURRENT_DATE",
    "CURRENT_ROLE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "DATABASE",
    "DATABASES",
    "DECIMAL",
    "DECIMALV2",
    "DECIMAL32",
    "DECIMAL64",
    "DECIMAL128",
    "DEFAULT",
    "DEFERRED",
    "DELETE",
    "DENSE_RANK",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DOUBLE",
    "DROP",
    "DUAL",
    "ELSE",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FIRST_VALUE",
    "FLOAT",
    "FOR",
    "FORCE",
    "FROM",
    "FULL",
    "FUNCTION",
    "GRANT",
    "GROUP",
    "GROUPS",
    "GROUPING",
    "GROUPING_ID",
    "HAVING",
    "HLL",
    "HOST",
    "IF",
    "IGNORE",
    "IMMEDIATE",
    "IN",
    "INDEX",
    "INFILE",
    "INNER",
    "INSERT",
    "INT",
    "INTEGER",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "JSON",
    "KEY",
    "KEYS",
    "KILL",
    "LAG",
    "LARGEINT",
    "LAST_VALUE",
    "LATERAL",
    "LEAD",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOAD",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "MAXVALUE",
    "MINUS",
    "MOD",
    "NOT",
    "NTILE",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OUTFILE",
    "OVER",
    "PARTITION",
    "PERCENTILE",
    "PRIMARY",
    "PROCEDURE",
    "QUALIFY",
    "RANGE",
    "RANK",
    "READ",
    "REGEXP",
    "RELEASE",
    "RENAME",
    "REPLACE",
    "REVOKE",
    "RIGHT",
    "RLIKE",
    "ROW",
    "ROWS",
    "ROW_NUMBER",
    "SCHEMA",
    "SCHEMAS",
    "SELECT",
    "SET",
    "SET_VAR",
    "SHOW",
    "SMALLINT",
    "SYSTEM",
    "TABLE",
    "TERMINATED",
    "TEXT",
    "THEN",
    "TINYINT",
    "TO",
    "TRUE",
    "UNION",
    "UNIQUE",
    "UNSIGNED",
    "UPDATE",
    "USE",
    "USING",
    "VALUES",
    "VARCHAR",
    "WHEN",
    "WHERE",
    "WITH",
];

pub fn is_reserved(word: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| word.eq_ignore_ascii_case(reserved))
}

/// Reads tokens in order. Keywords are compared without case.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    pub sql: &'a str,
    /// Whose grammar is read: clauses that a version does not have are its syntax errors.
    pub profile: Profile,
    tokens: &'a [Spanned],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(sql: &'a str, tokens: &'a [Spanned]) -> Cursor<'a> {
        Cursor {
            sql,
            profile: Profile::V4_1,
            tokens,
            position: 0,
        }
    }

    pub fn with_profile(self, profile: Profile) -> Cursor<'a> {
        Cursor { profile, ..self }
    }

    pub fn peek(&self) -> Option<&'a Spanned> {
        self.tokens.get(self.position)
    }

    pub fn peek_ahead(&self, offset: usize) -> Option<&'a Spanned> {
        self.tokens.get(self.position + offset)
    }

    /// The token read last.
    pub fn previous(&self) -> Option<&'a Spanned> {
        self.position
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
    }

    pub fn position(&self) -> usize {
        self.position
    }

    /// The token at a position that was read from [`Cursor::position`].
    pub fn token_at(&self, position: usize) -> Option<&'a Spanned> {
        self.tokens.get(position)
    }

    pub fn advance(&mut self) -> Option<&'a Spanned> {
        let token = self.peek();
        self.position += usize::from(token.is_some());
        token
    }

    pub fn at_end(&self) -> bool {
        self.peek().is_none()
    }

    /// Nothing may follow: the syntax error of the real parser at what does.
    pub fn end(&mut self) -> Result<(), SqlError> {
        self.take_symbol(";");
        if self.at_end() {
            Ok(())
        } else {
            Err(self.unexpected("<EOF>, ';'"))
        }
    }

    /// `true` if the next tokens are these unquoted words.
    pub fn is_next(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| {
            matches!(self.peek_ahead(offset),
                Some(Spanned { token: Token::Word(text), .. }) if text.eq_ignore_ascii_case(word))
        })
    }

    /// Consumes these words if they come next.
    pub fn take(&mut self, words: &[&str]) -> bool {
        let found = self.is_next(words);
        if found {
            self.position += words.len();
        }
        found
    }

    pub fn expect(&mut self, word: &str) -> Result<(), SqlError> {
        if self.take(&[word]) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("'{word}'")))
        }
    }

    pub fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Spanned { token: Token::Symbol(text), .. }) if text == symbol)
    }

    pub fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.position += usize::from(found);
        found
    }

    pub fn expect_symbol(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.take_symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected(symbol))
        }
    }

    /// An identifier, quoted or not.
    pub fn identifier(&mut self) -> Result<String, SqlError> {
        match self.peek().map(|spanned| &spanned.token) {
            Some(Token::Word(text) | Token::Quoted(text)) => {
                self.position += 1;
                Ok(text.clone())
            }
            _ => Err(self.unexpected("a legal identifier")),
        }
    }

    /// Where the grammar takes a name or a string for it, as for partitions.
    pub fn identifier_or_text(&mut self) -> Result<String, SqlError> {
        match self.peek().map(|spanned| &spanned.token) {
            Some(Token::Text(_)) => self.text(),
            _ => self.identifier(),
        }
    }

    /// `a.b.c` as its parts.
    pub fn qualified_name(&mut self) -> Result<Vec<String>, SqlError> {
        let mut parts = vec![self.identifier()?];
        while self.take_symbol(".") {
            parts.push(self.identifier()?);
        }
        Ok(parts)
    }

    pub fn text(&mut self) -> Result<String, SqlError> {
        match self.peek().map(|spanned| &spanned.token) {
            Some(Token::Text(text)) => {
                self.position += 1;
                Ok(text.clone())
            }
            _ => Err(self.unexpected("a string literal")),
        }
    }

    pub fn number(&mut self) -> Result<i64, SqlError> {
        let negative = self.take_symbol("-");
        match self.peek().map(|spanned| &spanned.token) {
            Some(Token::Number(digits)) => {
                let value: i64 = digits.parse().map_err(|_| self.unexpected("a number"))?;
                self.position += 1;
                Ok(if negative { -value } else { value })
            }
            _ => Err(self.unexpected("a number")),
        }
    }

    /// `("key" = "value", ...)`, in the order written.
    pub fn properties(&mut self) -> Result<Vec<(String, String)>, SqlError> {
        self.expect_symbol("(")?;
        let mut properties = Vec::new();
        loop {
            let key = self.text()?;
            self.expect_symbol("=")?;
            properties.push((key, self.text()?));
            if !self.take_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(properties)
    }

    /// The rest of the statement as written, from the next token on; after the last token, all text
    /// that follows it (an INSERT has tokens up to `VALUES` only).
    pub fn rest(&mut self) -> &'a str {
        let start = match (self.peek(), self.tokens.last()) {
            (Some(next), _) => next.start,
            (None, Some(last)) => last.end,
            (None, None) => 0,
        };
        self.position = self.tokens.len();
        self.sql[start..]
            .trim_end()
            .trim_end_matches(';')
            .trim_end()
    }

    /// The real parser's error where no rule goes on; `input` is the text of the rule so far.
    pub fn no_viable(&self, input: &str) -> SqlError {
        let (line, column) = self
            .peek()
            .map_or((1, 0), |spanned| (spanned.line, spanned.column));
        SqlError::plain(format!(
            "Getting syntax error at line {line}, column {column}. Detail message: No viable statement \
             for input '{input}'."
        ))
    }

    /// The syntax error of the real parser at the next token.
    pub fn unexpected(&self, expected: &str) -> SqlError {
        match self.peek().or(self.previous()) {
            Some(spanned) => SqlError::plain(format!(
                "Getting syntax error at line {}, column {}. Detail message: Unexpected input '{}', \
                 the most similar input is {{{}}}.",
                spanned.line,
                spanned.column,
                if self.at_end() {
                    "<EOF>"
                } else {
                    &self.sql[spanned.start..spanned.end]
                },
                expected,
            )),
            None => SqlError::plain("Getting syntax error. Detail message: Empty statement."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(sql: &str) -> Vec<Token> {
        tokenize(sql)
            .unwrap()
            .into_iter()
            .map(|spanned| spanned.token)
            .collect()
    }

    #[test]
    fn doubled_backtick_is_dropped() {
        assert_eq!(tokens("`d``ot`"), [Token::Quoted("dot".into())]);
    }

    #[test]
    fn literals_are_unescaped() {
        assert_eq!(
            tokens(r#"'it''s \'x\' \\' "a""b""#),
            [
                Token::Text(r"it's 'x' \".into()),
                Token::Text("a\"b".into())
            ]
        );
    }

    #[test]
    fn digits_may_start_an_identifier() {
        assert_eq!(
            tokens("1abc 12 1.5"),
            [
                Token::Word("1abc".into()),
                Token::Number("12".into()),
                Token::Number("1.5".into())
            ]
        );
    }

    #[test]
    fn comments_are_dropped_and_columns_counted() {
        let spanned = tokenize("/* a */ SELECT\n  1 -- x").unwrap();
        assert_eq!((spanned[0].line, spanned[0].column), (1, 8));
        assert_eq!((spanned[1].line, spanned[1].column), (2, 2));
    }
}
