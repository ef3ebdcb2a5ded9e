//! INSERT INTO and INSERT OVERWRITE.

use super::values::{self, ValueRows};
use crate::{
    parse::token::{Lexer, Spanned, Token},
    reply::{SqlError, SqlResult},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    pub overwrite: bool,
    /// `table` or `database.table`.
    pub table: Vec<String>,
    pub partitions: Option<TargetPartitions>,
    pub label: Option<String>,
    pub columns: Option<Vec<String>>,
    pub source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPartitions {
    pub temporary: bool,
    pub names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Values(ValueRows),
    /// The query as written.
    Query(String),
}

/// The head of an INSERT, read token by token so that the values behind it never become tokens.
struct Head<'a> {
    sql: &'a str,
    lexer: Lexer<'a>,
    next: Option<Spanned>,
}

impl<'a> Head<'a> {
    fn new(sql: &'a str) -> SqlResult<Head<'a>> {
        let mut lexer = Lexer::new(sql);
        let next = lexer.next_token()?;
        Ok(Head { sql, lexer, next })
    }

    fn advance(&mut self) -> SqlResult<()> {
        self.next = self.lexer.next_token()?;
        Ok(())
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.next, Some(Spanned { token: Token::Word(text), .. }) if text.eq_ignore_ascii_case(word))
    }

    fn take(&mut self, word: &str) -> SqlResult<bool> {
        let found = self.is_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn take_symbol(&mut self, symbol: &str) -> SqlResult<bool> {
        let found = matches!(&self.next, Some(Spanned { token: Token::Symbol(text), .. }) if text == symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect_symbol(&mut self, symbol: &str) -> SqlResult<()> {
        if self.take_symbol(symbol)? {
            Ok(())
        } else {
            Err(self.unexpected(symbol))
        }
    }

    fn name(&mut self) -> SqlResult<String> {
        match &self.next {
            Some(Spanned {
                token: Token::Word(text) | Token::Quoted(text) | Token::Text(text),
                ..
            }) => {
                let text = text.clone();
                self.advance()?;
                Ok(text)
            }
            _ => Err(self.unexpected("a legal identifier")),
        }
    }

    fn names(&mut self) -> SqlResult<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.take_symbol(",")? {
            names.push(self.name()?);
        }
        Ok(names)
    }

    /// From the next token to the end of the statement.
    fn rest(&self) -> &'a str {
        let start = self.next.as_ref().map_or(self.sql.len(), |next| next.start);
        self.sql[start..]
            .trim_end()
            .trim_end_matches(';')
            .trim_end()
    }

    fn unexpected(&self, expected: &str) -> SqlError {
        let (line, column, text) = match &self.next {
            Some(next) => (next.line, next.column, &self.sql[next.start..next.end]),
            None => (1, self.sql.chars().count(), "<EOF>"),
        };
        SqlError::plain(format!(
            "Getting syntax error at line {line}, column {column}. Detail message: Unexpected input \
             '{text}', the most similar input is {{{expected}}}."
        ))
    }
}

pub(super) fn parse(sql: &str) -> SqlResult<Insert> {
    let mut head = Head::new(sql)?;
    head.advance()?;
    let overwrite = if head.take("OVERWRITE")? {
        true
    } else if head.take("INTO")? {
        false
    } else {
        return Err(head.unexpected("INTO, OVERWRITE"));
    };
    head.take("TABLE")?;
    let mut table = vec![head.name()?];
    while head.take_symbol(".")? {
        table.push(head.name()?);
    }
    let mut insert = Insert {
        overwrite,
        table,
        partitions: None,
        label: None,
        columns: None,
        source: Source::Query(String::new()),
    };
    let temporary = head.take("TEMPORARY")?;
    if head.take("PARTITION")? || head.take("PARTITIONS")? {
        let names = if head.take_symbol("(")? {
            let names = head.names()?;
            head.expect_symbol(")")?;
            names
        } else {
            vec![head.name()?]
        };
        insert.partitions = Some(TargetPartitions { temporary, names });
    } else if temporary {
        return Err(head.unexpected("PARTITION, PARTITIONS"));
    }
    loop {
        if head.take("WITH")? {
            if !head.take("LABEL")? {
                // The WITH of a query.
                insert.source = Source::Query(format!("WITH {}", head.rest()));
                return Ok(insert);
            }
            insert.label = Some(head.name()?);
        } else if head.is_word("VALUES") {
            let start = head.lexer.position();
            insert.source = Source::Values(values::parse(sql, start)?);
            return Ok(insert);
        } else if head.is_word("SELECT") {
            insert.source = Source::Query(head.rest().to_owned());
            return Ok(insert);
        } else if head.is_word("(")
            || matches!(&head.next, Some(Spanned { token: Token::Symbol(text), .. }) if text == "(")
        {
            let query = head.rest();
            head.advance()?;
            if head.is_word("SELECT") || head.is_word("WITH") || head.is_word("VALUES") {
                insert.source = Source::Query(query.to_owned());
                return Ok(insert);
            }
            insert.columns = Some(head.names()?);
            head.expect_symbol(")")?;
        } else {
            return Err(head.unexpected("'SELECT', 'VALUES', 'WITH', '('"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Literal, *};

    #[test]
    fn clauses_come_in_their_order() {
        let insert = parse(
            "INSERT INTO d.t PARTITION(p1, `p2`) WITH LABEL l (a, b) VALUES (1, 'x'), (NULL, DEFAULT);",
        )
        .unwrap();
        assert_eq!(insert.table, ["d", "t"]);
        assert_eq!(
            insert.partitions,
            Some(TargetPartitions {
                temporary: false,
                names: vec!["p1".into(), "p2".into()]
            })
        );
        assert_eq!(insert.label.as_deref(), Some("l"));
        assert_eq!(insert.columns, Some(vec!["a".into(), "b".into()]));
        let Source::Values(values) = insert.source else {
            panic!("{:?}", insert.source);
        };
        assert_eq!(
            values.rows,
            [
                [Literal::Number("1".into()), Literal::Text("x".into())],
                [Literal::Null, Literal::Default],
            ]
        );
    }

    #[test]
    fn a_query_is_kept_as_written() {
        let insert = parse(
            "INSERT OVERWRITE t TEMPORARY PARTITION (tp) WITH a AS (SELECT 1) SELECT * FROM a ;",
        )
        .unwrap();
        assert!(insert.overwrite);
        assert!(insert.partitions.unwrap().temporary);
        assert_eq!(
            insert.source,
            Source::Query("WITH a AS (SELECT 1) SELECT * FROM a".into())
        );
    }
}
