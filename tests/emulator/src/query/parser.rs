//! Text to syntax tree, with what StarRocks' grammar has beyond MySQL's.

use sqlparser::{
    ast::{Delete, Expr, Query, Statement, Update},
    dialect::MySqlDialect,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan, Tokenizer, Word},
};

use crate::reply::{SqlError, SqlResult};

/// Marks a name in a PARTITION list as one of a temporary partition.
pub const TEMPORARY_MARK: &str = "\u{1}";

pub fn query(sql: &str) -> SqlResult<Query> {
    with_parser(sql, |parser| parser.parse_query()).map(|query| *query)
}

pub fn expression(sql: &str) -> SqlResult<Expr> {
    with_parser(sql, |parser| parser.parse_expr())
}

pub fn update(sql: &str) -> SqlResult<Update> {
    match with_parser(sql, |parser| parser.parse_statement())? {
        Statement::Update(update) => Ok(update),
        other => Err(unsupported(&other.to_string())),
    }
}

pub fn delete(sql: &str) -> SqlResult<Delete> {
    match with_parser(sql, |parser| parser.parse_statement())? {
        Statement::Delete(delete) => Ok(delete),
        other => Err(unsupported(&other.to_string())),
    }
}

/// What a real server may well run, but this one does not.
pub fn unsupported(what: &str) -> SqlError {
    SqlError::plain(format!(
        "The emulator does not support this in a query: {what}"
    ))
}

fn with_parser<T>(
    sql: &str,
    parse: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> SqlResult<T> {
    let dialect = MySqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|error| syntax_error(&error.to_string()))?;
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(rewrite(tokens));
    let tree = parse(&mut parser).map_err(|error| syntax_error(&error.to_string()))?;
    let _ended = parser.consume_token(&Token::SemiColon);
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(syntax_error_at(&next));
    }
    Ok(tree)
}

fn syntax_error(detail: &str) -> SqlError {
    SqlError::plain(format!("Getting syntax error. Detail message: {detail}."))
}

fn syntax_error_at(found: &TokenWithSpan) -> SqlError {
    SqlError::plain(format!(
        "Getting syntax error at line {}, column {}. Detail message: Unexpected input '{}', the most \
         similar input is {{<EOF>, ';'}}.",
        found.span.start.line,
        found.span.start.column.saturating_sub(1),
        found.token
    ))
}

/// Spells `[TEMPORARY] PARTITION[S] (a, b)` and `PARTITION a` in MySQL's way.
fn rewrite(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut tokens: Vec<TokenWithSpan> = tokens
        .into_iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .collect();
    let mut at = 0;
    while at < tokens.len() {
        let temporary = is_word(&tokens, at, "TEMPORARY");
        let keyword = at + usize::from(temporary);
        let plural = is_word(&tokens, keyword, "PARTITIONS");
        let lists_names = (plural || is_word(&tokens, keyword, "PARTITION"))
            && at > 0
            && !matches!(tokens[at - 1].token, Token::LParen | Token::Comma)
            && !is_word(&tokens, keyword + 1, "BY");
        if !lists_names {
            at += 1;
            continue;
        }
        if temporary {
            tokens.remove(at);
        }
        set_word(&mut tokens[at], "PARTITION", None);
        let mut name = at + 1;
        let bare = matches!(
            tokens.get(name).map(|token| &token.token),
            Some(Token::Word(_))
        );
        if bare {
            let span = tokens[name].span;
            let bracket = |token| TokenWithSpan { token, span };
            tokens.insert(name + 1, bracket(Token::RParen));
            tokens.insert(name, bracket(Token::LParen));
        }
        name += 1;
        while let Some(Token::Word(word)) = tokens.get(name).map(|token| &token.token) {
            let mark = if temporary { TEMPORARY_MARK } else { "" };
            let marked = format!("{mark}{}", word.value);
            set_word(&mut tokens[name], &marked, Some('`'));
            name += 1;
            if !matches!(
                tokens.get(name).map(|token| &token.token),
                Some(Token::Comma)
            ) {
                break;
            }
            name += 1;
        }
        at = name;
    }
    tokens
}

fn is_word(tokens: &[TokenWithSpan], at: usize, word: &str) -> bool {
    matches!(tokens.get(at).map(|token| &token.token), Some(Token::Word(found))
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

fn set_word(token: &mut TokenWithSpan, value: &str, quote_style: Option<char>) {
    token.token = Token::Word(Word {
        value: value.to_owned(),
        quote_style,
        keyword: match quote_style {
            None => Keyword::PARTITION,
            Some(_) => Keyword::NoKeyword,
        },
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expect: &str) {
        assert_eq!(
            query(sql).unwrap().to_string().replace(TEMPORARY_MARK, "~"),
            expect
        );
    }

    #[test]
    fn partition_lists() {
        check(
            "SELECT * FROM t PARTITIONS (p1, `p2`) x",
            "SELECT * FROM t PARTITION (`p1`, `p2`) x",
        );
        check(
            "SELECT * FROM t TEMPORARY PARTITION (tp)",
            "SELECT * FROM t PARTITION (`~tp`)",
        );
        check(
            "SELECT * FROM t PARTITION (p1) ORDER BY a",
            "SELECT * FROM t PARTITION (`p1`) ORDER BY a",
        );
        check(
            "SELECT * FROM t PARTITION p1 WHERE a = 1",
            "SELECT * FROM t PARTITION (`p1`) WHERE a = 1",
        );
        check(
            "SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t",
            "SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t",
        );
    }

    #[test]
    fn what_follows_a_query_is_a_syntax_error() {
        let error = query("SELECT 1 FROM t )").unwrap_err();
        assert!(error.message.contains("Unexpected input ')'"), "{error:?}");
    }
}
