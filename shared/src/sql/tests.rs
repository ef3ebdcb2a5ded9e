use std::ops::Range;

use proptest::prelude::*;

use super::*;

mod statements;

#[derive(Debug)]
struct Token {
    quote: char,
    value: String,
    /// In the text, quotes included.
    range: Range<usize>,
}

/// Reads the quoted tokens of a text as the server's lexer does.
fn quoted_tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((start, quote)) = characters.next() {
        if !matches!(quote, '`' | '\'' | '"') {
            continue;
        }
        let mut value = String::new();
        let end = loop {
            let (at, character) = characters.next().expect("a quote is closed");
            match character {
                '\\' if quote != '`' => match characters.next().expect("an escape is complete").1 {
                    '0' => value.push('\0'),
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    'b' => value.push('\u{8}'),
                    'Z' => value.push('\u{1a}'),
                    kept @ ('%' | '_') => value.extend(['\\', kept]),
                    other => value.push(other),
                },
                end if end == quote => {
                    if characters.peek().is_some_and(|(_, next)| *next == quote) {
                        characters.next();
                        if quote != '`' {
                            value.push(quote);
                        }
                    } else {
                        break at + 1;
                    }
                }
                other => value.push(other),
            }
        };
        let range = start..end;
        tokens.push(Token {
            quote,
            value,
            range,
        });
    }
    tokens
}

fn quoted_values(text: &str) -> Vec<(char, String)> {
    quoted_tokens(text)
        .into_iter()
        .map(|token| (token.quote, token.value))
        .collect()
}

#[test]
fn literals_read_like_mysql() {
    let text = |value: &str| Sql::new("").literal(value).text;
    assert_eq!(text("it's"), r"'it\'s'");
    assert_eq!(text("a\\b\n\0"), r"'a\\b\n\0'");
    assert_eq!(text("100%_"), "'100%_'");
    assert_eq!(text(""), "''");
}

#[test]
fn properties_read_like_the_manual() {
    let sql = Sql::new("PROPERTIES ").properties([("timeout", "86400"), ("a\"b", "c'd")]);
    assert_eq!(
        sql.text,
        r#"PROPERTIES ("timeout" = "86400", "a\"b" = "c'd")"#
    );
}

#[test]
fn what_is_logged_is_cut() {
    let statement = Sql::new("SELECT ")
        .literal(&"é".repeat(1000))
        .reads("SELECT");
    let shown = format!("{statement:?}");
    assert!(shown.ends_with("... (2009 bytes)"), "{shown}");
    assert!(shown.len() < 1100);
}

proptest! {
    #[test]
    fn any_text_comes_back_from_a_literal(values in proptest::collection::vec(any::<String>(), 1..4)) {
        let sql = Sql::new("").literals(values.iter().map(String::as_str));
        let tokens = quoted_values(&sql.text);
        let expected: Vec<_> = values.into_iter().map(|value| ('\'', value)).collect();
        prop_assert_eq!(tokens, expected);
    }

    #[test]
    fn any_text_comes_back_from_a_property(key in any::<String>(), value in any::<String>()) {
        let sql = Sql::new("").properties([(key.as_str(), value.as_str())]);
        prop_assert_eq!(quoted_values(&sql.text), [('"', key), ('"', value)]);
    }

    #[test]
    fn any_name_is_refused_or_comes_back(text in any::<String>()) {
        if let Ok(name) = text.parse::<TableName>() {
            let sql = Sql::new("").name(&name);
            prop_assert_eq!(quoted_values(&sql.text), [('`', text)]);
        } else {
            prop_assert!(text.is_empty() || text.contains('`') || text.contains('\0'));
        }
    }
}
