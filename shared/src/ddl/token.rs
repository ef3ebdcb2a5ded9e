//! Words, quoted names, strings and symbols, each with its place in the text.

use std::ops::Range;

use super::DdlError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// In backticks; none can be inside.
    Name,
    /// In single or double quotes; backslash escapes, and so does doubling.
    Text,
    Symbol(char),
    End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// A place in the text. Copied to look ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn peek(&self) -> Token {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Token {
                kind: Kind::End,
                range: start..start,
            };
        };
        let (kind, length) = match first {
            '`' => (Kind::Name, rest[1..].find('`').map(|end| end + 2)),
            '"' | '\'' => (Kind::Text, text_length(rest, first)),
            character if is_word(character) => {
                let end = rest.find(|other| !is_word(other));
                (Kind::Word, Some(end.unwrap_or(rest.len())))
            }
            symbol => (Kind::Symbol(symbol), Some(symbol.len_utf8())),
        };
        match length {
            Some(length) => Token {
                kind,
                range: start..start + length,
            },
            // A quote without its end: a symbol that nothing expects.
            None => Token {
                kind: Kind::Symbol(first),
                range: start..start + 1,
            },
        }
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek();
        self.at = token.range.end;
        token
    }

    pub(super) fn slice(&self, token: &Token) -> &'a str {
        &self.text[token.range.clone()]
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Word && self.slice(&token).eq_ignore_ascii_case(word)
    }

    pub(super) fn is_symbol(&self, symbol: char) -> bool {
        self.peek().kind == Kind::Symbol(symbol)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn take_symbol(&mut self, symbol: char) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn expect_word(&mut self, word: &'static str) -> Result<(), DdlError> {
        match self.take_word(word) {
            true => Ok(()),
            false => Err(self.missing(word)),
        }
    }

    pub(super) fn expect_symbol(
        &mut self,
        symbol: char,
        expected: &'static str,
    ) -> Result<(), DdlError> {
        match self.take_symbol(symbol) {
            true => Ok(()),
            false => Err(self.missing(expected)),
        }
    }

    /// To behind a quote, without looking for its end.
    pub(super) fn expect_quote(&mut self, quote: char) -> Result<(), DdlError> {
        let start = self.peek().range.start;
        match self.text[start..].starts_with(quote) {
            true => {
                self.at = start + quote.len_utf8();
                Ok(())
            }
            false => Err(self.missing("a quoted value")),
        }
    }

    /// How far it is to the nearest of `ends`.
    pub(super) fn length_to(
        &self,
        ends: &[&str],
        expected: &'static str,
    ) -> Result<usize, DdlError> {
        let rest = &self.text[self.at..];
        let lengths = ends.iter().filter_map(|end| rest.find(end));
        lengths.min().ok_or_else(|| self.missing(expected))
    }

    /// Over the group that starts here, from `open` to the `close` that belongs to it.
    pub(super) fn skip_group(&mut self, open: char, close: char) -> Result<(), DdlError> {
        let mut depth = 0_usize;
        loop {
            match self.next().kind {
                Kind::Symbol(symbol) if symbol == open => depth += 1,
                Kind::Symbol(symbol) if symbol == close && depth <= 1 => return Ok(()),
                Kind::Symbol(symbol) if symbol == close => depth -= 1,
                Kind::End => return Err(self.missing("a closing bracket")),
                _ => {}
            }
        }
    }

    pub(super) fn missing(&self, expected: &'static str) -> DdlError {
        let rest = self.text[self.at..].trim_start();
        DdlError::Syntax {
            expected,
            at: self.at,
            found: rest.chars().take(40).collect(),
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || "_$.@".contains(character)
}

fn text_length(rest: &str, quote: char) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            match characters.peek() {
                Some((_, following)) if *following == quote => {
                    characters.next();
                }
                _ => return Some(at + 1),
            }
        }
    }
    None
}

/// The content of a string or a quoted name.
pub(super) fn unquote(quoted: &str) -> String {
    let quote = match quoted.chars().next() {
        Some(quote @ ('`' | '"' | '\'')) => quote,
        _ => return quoted.to_owned(),
    };
    let inner = &quoted[1..quoted.len() - 1];
    if quote == '`' {
        return inner.to_owned();
    }
    let mut content = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => content.push(match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some(other) => other,
                None => '\\',
            }),
            doubled if doubled == quote => {
                characters.next();
                content.push(quote);
            }
            other => content.push(other),
        }
    }
    content
}
