//! The text of a view's query, and the tables that it reads.
//!
//! A frontend keeps a query with every table qualified by its database and every column by its table.
//! 3.3 and 3.5 show that text, 4.1 shows what was typed; all run it, which is why a view restored into
//! another database still reads the old one.

use crate::{
    catalog::Catalog,
    parse::token::{Spanned, Token, tokenize},
    reply::SqlResult,
};

/// A table that a query reads, and the name it goes by there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) database: String,
    pub(crate) table: String,
    alias: Option<String>,
    /// Tokens `[from, to)` of the name.
    from: usize,
    to: usize,
}

/// How columns are qualified: views name the database, materialized views do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qualify {
    DatabaseAndTable,
    Table,
}

const CLAUSES: [&str; 7] = [
    "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION",
];
const JOIN_WORDS: [&str; 8] = [
    "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS", "ON",
];

fn word(token: Option<&Spanned>) -> Option<String> {
    match token.map(|spanned| &spanned.token) {
        Some(Token::Word(word)) => Some(word.to_uppercase()),
        _ => None,
    }
}

fn name(token: Option<&Spanned>) -> Option<&str> {
    match token.map(|spanned| &spanned.token) {
        Some(Token::Word(word) | Token::Quoted(word)) => Some(word),
        _ => None,
    }
}

fn is_symbol(token: Option<&Spanned>, symbol: &str) -> bool {
    matches!(token.map(|spanned| &spanned.token), Some(Token::Symbol(text)) if text == symbol)
}

/// The tables named after FROM, JOIN and the commas between them.
pub(crate) fn sources(query: &str, database: &str) -> SqlResult<Vec<Source>> {
    Ok(find_sources(&tokenize(query)?, database))
}

fn find_sources(tokens: &[Spanned], database: &str) -> Vec<Source> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let starts = matches!(word(tokens.get(at)).as_deref(), Some("FROM" | "JOIN"));
        at += 1;
        if !starts {
            continue;
        }
        while let Some((source, after)) = source(tokens, at, database) {
            all.push(source);
            at = after;
            if !is_symbol(tokens.get(at), ",") {
                break;
            }
            at += 1;
        }
    }
    all
}

/// `[[catalog.]database.]table [[AS] alias]`; `None` for a subquery.
fn source(tokens: &[Spanned], from: usize, database: &str) -> Option<(Source, usize)> {
    let mut parts = vec![name(tokens.get(from))?.to_owned()];
    let mut to = from + 1;
    while is_symbol(tokens.get(to), ".") {
        parts.push(name(tokens.get(to + 1))?.to_owned());
        to += 2;
    }
    let table = parts.pop()?;
    let database = parts.pop().unwrap_or_else(|| database.to_owned());
    let mut after = to;
    if word(tokens.get(after)).as_deref() == Some("AS") {
        after += 1;
    }
    let is_keyword = word(tokens.get(after))
        .is_some_and(|word| CLAUSES.contains(&&*word) || JOIN_WORDS.contains(&&*word));
    let mut alias = None;
    if !is_keyword && let Some(found) = name(tokens.get(after)) {
        alias = Some(found.to_owned());
        after += 1;
    } else {
        after = to;
    }
    let source = Source {
        database,
        table,
        alias,
        from,
        to,
    };
    Some((source, after))
}

/// The query with names qualified and clauses on lines of their own.
pub(crate) fn qualified(
    catalog: &Catalog,
    query: &str,
    database: &str,
    qualify: Qualify,
) -> SqlResult<String> {
    let tokens = tokenize(query)?;
    let sources = find_sources(&tokens, database);
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some(source) = sources.iter().find(|source| source.from == at) {
            pieces.push(format!("`{}`.`{}`", source.database, source.table));
            at = source.to;
            if let Some(alias) = &source.alias {
                pieces.push(format!("AS `{alias}`"));
                at = skip_alias(&tokens, source.to);
            }
            continue;
        }
        let raw = &query[token.start..token.end];
        let previous = at.checked_sub(1).and_then(|before| tokens.get(before));
        let next = tokens.get(at + 1);
        let upper = word(Some(token)).unwrap_or_default();
        if CLAUSES.contains(&upper.as_str()) {
            pieces.push("\n".into());
            pieces.push(upper);
        } else if word(previous).as_deref() == Some("AS") {
            pieces.push(format!("`{}`", name(Some(token)).unwrap_or(raw)));
        } else if let Some(column) = column_text(catalog, &sources, token, previous, next, qualify)
        {
            pieces.push(column);
        } else if is_symbol(next, ".")
            && let Some(source) = meant(&sources, token)
        {
            let column = name(tokens.get(at + 2)).unwrap_or("*");
            pieces.push(format!("{}.`{column}`", qualifier(source, qualify)));
            at += 2;
        } else if KEYWORDS.contains(&upper.as_str()) {
            pieces.push(upper);
        } else {
            pieces.push(raw.to_owned());
        }
        at += 1;
    }
    Ok(join(&pieces))
}

const KEYWORDS: [&str; 12] = [
    "SELECT", "DISTINCT", "AS", "BY", "AND", "OR", "NOT", "IN", "ON", "JOIN", "INNER", "LEFT",
];

/// Spaces between pieces: none inside of parentheses, before commas and after a function's name.
fn join(pieces: &[String]) -> String {
    let mut text = String::new();
    let mut before = "\n";
    for piece in pieces {
        let calls = piece == "("
            && !KEYWORDS.contains(&before)
            && !CLAUSES.contains(&before)
            && before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let tight = [")", ",", ".", "\n"].contains(&piece.as_str())
            || ["(", ".", "\n"].contains(&before)
            || calls;
        if !tight {
            text.push(' ');
        }
        text.push_str(piece);
        before = piece;
    }
    text
}

fn skip_alias(tokens: &[Spanned], at: usize) -> usize {
    if word(tokens.get(at)).as_deref() == Some("AS") {
        at + 2
    } else {
        at + 1
    }
}

fn meant<'a>(sources: &'a [Source], token: &Spanned) -> Option<&'a Source> {
    let qualifier = name(Some(token))?;
    sources
        .iter()
        .find(|source| source.alias.as_deref().unwrap_or(&source.table) == qualifier)
}

fn qualifier(source: &Source, qualify: Qualify) -> String {
    match (&source.alias, qualify) {
        (Some(alias), _) => format!("`{alias}`"),
        (None, Qualify::DatabaseAndTable) => format!("`{}`.`{}`", source.database, source.table),
        (None, Qualify::Table) => format!("`{}`", source.table),
    }
}

/// A bare column name with the table that has it.
fn column_text(
    catalog: &Catalog,
    sources: &[Source],
    token: &Spanned,
    previous: Option<&Spanned>,
    next: Option<&Spanned>,
    qualify: Qualify,
) -> Option<String> {
    let column = name(Some(token))?;
    if is_symbol(previous, ".") || is_symbol(next, ".") || is_symbol(next, "(") {
        return None;
    }
    sources.iter().find_map(|source| {
        let table = catalog.find_table(&source.database, &source.table)?;
        let column = table.column(column)?;
        Some(format!("{}.`{}`", qualifier(source, qualify), column.name))
    })
}
