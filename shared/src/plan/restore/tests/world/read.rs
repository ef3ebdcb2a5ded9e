//! Reads a statement token by token.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Name(String),
    Text(String),
    Symbol(char),
}

pub(super) struct Reader {
    tokens: Vec<Token>,
    at: usize,
    text: String,
}

impl Reader {
    pub(super) fn new(text: &str) -> Reader {
        let mut tokens = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(first) = characters.next() {
            match first {
                quote @ ('`' | '\'' | '"') => {
                    let mut value = String::new();
                    loop {
                        match characters.next().expect("a closed quote") {
                            '\\' if quote != '`' => value.extend(characters.next()),
                            end if end == quote => break,
                            other => value.push(other),
                        }
                    }
                    tokens.push(match quote {
                        '`' => Token::Name(value),
                        _ => Token::Text(value),
                    });
                }
                letter if letter.is_alphanumeric() || letter == '_' => {
                    let mut word = letter.to_string();
                    let in_word = |c: &char| c.is_alphanumeric() || *c == '_' || *c == '.';
                    while let Some(next) = characters.next_if(in_word) {
                        word.push(next);
                    }
                    tokens.push(Token::Word(word));
                }
                space if space.is_whitespace() => {}
                symbol => tokens.push(Token::Symbol(symbol)),
            }
        }
        Reader {
            tokens,
            at: 0,
            text: text.to_owned(),
        }
    }

    /// Takes these words or symbols, all or none.
    pub(super) fn take(&mut self, words: &str) -> bool {
        let words: Vec<&str> = words.split(' ').collect();
        let fits = words.iter().enumerate().all(|(offset, expected)| {
            match self.tokens.get(self.at + offset) {
                Some(Token::Word(word)) => word == expected,
                Some(Token::Symbol(symbol)) => expected.chars().eq([*symbol]),
                _ => false,
            }
        });
        if fits {
            self.at += words.len();
        }
        fits
    }

    pub(super) fn expect(&mut self, words: &str) {
        assert!(self.take(words), "expected {words} in: {}", self.text);
    }

    pub(super) fn name(&mut self) -> String {
        match self.tokens.get(self.at) {
            Some(Token::Name(name)) => {
                self.at += 1;
                name.clone()
            }
            other => panic!("expected a name, found {other:?} in: {}", self.text),
        }
    }

    pub(super) fn text(&mut self) -> String {
        match self.tokens.get(self.at) {
            Some(Token::Text(text)) => {
                self.at += 1;
                text.clone()
            }
            other => panic!("expected a text, found {other:?} in: {}", self.text),
        }
    }

    pub(super) fn number(&mut self) -> u32 {
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) => {
                self.at += 1;
                word.parse().expect("a number")
            }
            other => panic!("expected a number, found {other:?} in: {}", self.text),
        }
    }

    pub(super) fn names(&mut self) -> Vec<String> {
        self.expect("(");
        let mut names = vec![self.name()];
        while self.take(",") {
            names.push(self.name());
        }
        self.expect(")");
        names
    }

    pub(super) fn properties(&mut self) -> BTreeMap<String, String> {
        self.expect("(");
        let mut properties = BTreeMap::new();
        loop {
            let key = self.text();
            self.expect("=");
            properties.insert(key, self.text());
            if !self.take(",") {
                break;
            }
        }
        self.expect(")");
        properties
    }

    /// `VALUES ...` in the form that partitions of the model have.
    pub(super) fn value(&mut self) -> String {
        if self.take("IN (") {
            let mut tuples = Vec::new();
            loop {
                if self.take("(") {
                    let mut tuple = vec![self.text()];
                    while self.take(",") {
                        tuple.push(self.text());
                    }
                    self.expect(")");
                    tuples.push(tuple.join("|"));
                } else {
                    tuples.push(self.text());
                }
                if !self.take(",") {
                    break;
                }
            }
            self.expect(")");
            return tuples.join(",");
        }
        self.expect("[ (");
        let from = self.text();
        self.expect(") , (");
        let to = self.text();
        self.expect(") )");
        format!("{from}..{to}")
    }

    pub(super) fn end(&self) {
        assert_eq!(self.at, self.tokens.len(), "more than known: {}", self.text);
    }
}
