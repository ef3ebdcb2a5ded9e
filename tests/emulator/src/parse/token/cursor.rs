//! A cursor over tokens, for hand-written grammars.

use super::{Spanned, Token};
use crate::{profile::Profile, reply::SqlError};

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
