//! `@@name` and `@name`.

use super::{Compiler, column_type, parser, typed::Typed};
use crate::{reply::SqlResult, value};

impl Compiler<'_> {
    /// `@name`, `@@name`, `@@session.name` or `@@global.name`.
    pub(super) fn variable(&mut self, names: &[&str]) -> SqlResult<Typed> {
        let (name, is_system) = match names {
            [name] => match name.strip_prefix("@@") {
                Some(name) => (name, true),
                None => (name.trim_start_matches('@'), false),
            },
            [.., name] => (*name, true),
            [] => ("", true),
        };
        if is_system {
            let (column, text) = self.engine.variable(self.session, name)?;
            let sql_type = column_type(&column);
            let constant = value::from_text(&text, &sql_type);
            // Texts of variables have no declared length.
            let sql_type = if sql_type.is_text() {
                crate::types::SqlType::STRING
            } else {
                sql_type
            };
            return Ok(constant.map_or_else(Typed::null, |value| Typed::literal(value, sql_type)));
        }
        match self.session.user_variables.get(&name.to_lowercase()) {
            Some(literal) => {
                let expression = parser::expression(literal)?;
                self.expression(&expression)
            }
            None => Ok(Typed::null()),
        }
    }
}
