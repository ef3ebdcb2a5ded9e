//! SET in all its forms.

use super::{Admin, RoleSelection, SetPassword, accounts};
use crate::{
    parse::token::{Cursor, Token},
    reply::SqlResult,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Session,
    Global,
    /// `@name`.
    User,
    /// SET NAMES and SET CHARACTER SET: the name is the character set's.
    Names,
    /// SET TRANSACTION ...: accepted, and means nothing.
    Transaction,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetItem {
    pub scope: Scope,
    pub name: String,
    pub value: SetValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    Literal(String),
    Default,
    /// Anything else, as written.
    Expression(String),
}

/// Behind `SET`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> SqlResult<Admin> {
    if cursor.take(&["CATALOG"]) {
        return Ok(Admin::SetCatalog(cursor.identifier()?));
    }
    if cursor.take(&["DEFAULT", "ROLE"]) {
        let roles = accounts::role_selection(cursor)?;
        cursor.expect("TO")?;
        let mut users = vec![accounts::user(cursor)?];
        while cursor.take_symbol(",") {
            users.push(accounts::user(cursor)?);
        }
        return Ok(Admin::SetDefaultRole { roles, users });
    }
    if cursor.take(&["ROLE"]) {
        let roles = if cursor.take(&["DEFAULT"]) {
            RoleSelection::Default
        } else {
            accounts::role_selection(cursor)?
        };
        return Ok(Admin::SetRole(roles));
    }
    if cursor.is_next(&["PASSWORD"]) {
        cursor.advance();
        let user = if cursor.take(&["FOR"]) {
            Some(accounts::user(cursor)?)
        } else {
            None
        };
        cursor.expect_symbol("=")?;
        let plain = cursor.take(&["PASSWORD"]);
        if plain {
            cursor.expect_symbol("(")?;
        }
        let text = cursor.text()?;
        if plain {
            cursor.expect_symbol(")")?;
        }
        return Ok(Admin::SetPassword(SetPassword {
            user,
            text,
            hashed: !plain,
        }));
    }
    let mut items = vec![item(cursor)?];
    while cursor.take_symbol(",") {
        items.push(item(cursor)?);
    }
    Ok(Admin::Set(items))
}

fn item(cursor: &mut Cursor<'_>) -> SqlResult<SetItem> {
    if cursor.take(&["NAMES"])
        || cursor.take(&["CHARSET"])
        || cursor.take(&["CHARACTER", "SET"])
        || cursor.take(&["CHAR", "SET"])
    {
        let name = word_or_text(cursor)?;
        if cursor.take(&["COLLATE"]) {
            word_or_text(cursor)?;
        }
        return Ok(SetItem {
            scope: Scope::Names,
            name,
            value: SetValue::Default,
        });
    }
    let mut scope = Scope::Session;
    if cursor.take(&["GLOBAL"]) {
        scope = Scope::Global;
    } else {
        let _ = cursor.take(&["SESSION"]) || cursor.take(&["LOCAL"]) || cursor.take(&["VERBOSE"]);
    }
    if cursor.take(&["TRANSACTION"]) {
        cursor.rest();
        return Ok(SetItem {
            scope: Scope::Transaction,
            name: String::new(),
            value: SetValue::Default,
        });
    }
    let name = match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Variable(variable)) => {
            cursor.advance();
            match variable.strip_prefix("@@") {
                Some(prefix) if cursor.take_symbol(".") => {
                    if prefix.eq_ignore_ascii_case("global") {
                        scope = Scope::Global;
                    }
                    cursor.identifier()?
                }
                Some(name) => name.to_owned(),
                None => {
                    scope = Scope::User;
                    variable.trim_start_matches('@').to_owned()
                }
            }
        }
        _ => cursor.identifier()?,
    };
    if !cursor.take_symbol(":=") {
        cursor.expect_symbol("=")?;
    }
    Ok(SetItem {
        scope,
        name,
        value: value(cursor)?,
    })
}

fn word_or_text(cursor: &mut Cursor<'_>) -> SqlResult<String> {
    match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Text(text)) => {
            cursor.advance();
            Ok(text.clone())
        }
        _ => cursor.identifier(),
    }
}

/// Up to the next comma that is in no parentheses.
fn value(cursor: &mut Cursor<'_>) -> SqlResult<SetValue> {
    let start = cursor.position();
    let mut depth = 0;
    let mut span: Option<(usize, usize)> = None;
    while let Some(spanned) = cursor.peek() {
        if let Token::Symbol(symbol) = &spanned.token {
            match symbol.as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                "," if depth == 0 => break,
                ";" => break,
                _ => {}
            }
        }
        span = Some((span.map_or(spanned.start, |(first, _)| first), spanned.end));
        cursor.advance();
    }
    let (Some((first, end)), Some(last)) = (span, cursor.previous()) else {
        return Err(cursor.unexpected("a value"));
    };
    let is_single = cursor.position() == start + 1;
    Ok(match &last.token {
        Token::Word(word) if is_single && word.eq_ignore_ascii_case("default") => SetValue::Default,
        Token::Word(text) | Token::Text(text) | Token::Number(text) | Token::Quoted(text)
            if is_single =>
        {
            SetValue::Literal(text.clone())
        }
        Token::Number(digits)
            if cursor.position() == start + 2 && cursor.sql[first..end].starts_with('-') =>
        {
            SetValue::Literal(format!("-{digits}"))
        }
        _ => SetValue::Expression(cursor.sql[first..end].to_owned()),
    })
}
