//! StarRocks' lexical rules: a text becomes tokens, which a [`Cursor`] reads.

mod cursor;
mod reserved;

pub use self::{cursor::Cursor, reserved::is_reserved};
use crate::reply::SqlError;

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
