//! `[LIKE 'pattern'] [WHERE ...] [ORDER BY ...] [LIMIT ...]` after a SHOW statement, and what they
//! keep of its rows.

use crate::{
    parse::token::{Cursor, Spanned, Token},
    reply::{Cell, ResultSet, SqlError, SqlResult},
};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clauses {
    pub like: Option<String>,
    pub predicate: Option<Predicate>,
    /// Column and whether it is descending.
    pub order_by: Vec<(String, bool)>,
    pub offset: usize,
    pub limit: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
    Compare {
        column: String,
        operator: String,
        value: String,
    },
    Like {
        column: String,
        pattern: String,
    },
    In {
        column: String,
        values: Vec<String>,
    },
    IsNull {
        column: String,
    },
}

impl Clauses {
    pub fn parse(cursor: &mut Cursor) -> SqlResult<Clauses> {
        let mut clauses = Clauses::default();
        if cursor.take(&["LIKE"]) {
            clauses.like = Some(cursor.text()?);
        }
        if cursor.take(&["WHERE"]) {
            clauses.predicate = Some(disjunction(cursor)?);
        }
        if cursor.take(&["ORDER", "BY"]) {
            loop {
                let column = cursor.identifier()?;
                let descending = cursor.take(&["DESC"]);
                if !descending {
                    cursor.take(&["ASC"]);
                }
                clauses.order_by.push((column, descending));
                if !cursor.take_symbol(",") {
                    break;
                }
            }
        }
        if cursor.take(&["LIMIT"]) {
            let first = count(cursor)?;
            if cursor.take_symbol(",") {
                clauses.offset = first;
                clauses.limit = Some(count(cursor)?);
            } else {
                clauses.limit = Some(first);
                if cursor.take(&["OFFSET"]) {
                    clauses.offset = count(cursor)?;
                }
            }
        }
        Ok(clauses)
    }

    /// Keeps, orders and cuts the rows; LIKE looks at the first column.
    pub fn apply(&self, mut set: ResultSet) -> SqlResult<ResultSet> {
        if let Some(pattern) = &self.like {
            set.rows.retain(|row| {
                let first = row.first().and_then(Option::as_deref);
                first.is_some_and(|first| like(pattern, first))
            });
        }
        if let Some(predicate) = &self.predicate {
            let mut kept = Vec::new();
            for row in std::mem::take(&mut set.rows) {
                if predicate.holds(&set, &row)? {
                    kept.push(row);
                }
            }
            set.rows = kept;
        }
        for (column, descending) in self.order_by.iter().rev() {
            let at = column_index(&set, column)?;
            set.rows.sort_by(|left, right| {
                let order = compare(&left[at], &right[at]);
                if *descending { order.reverse() } else { order }
            });
        }
        set.rows.drain(..self.offset.min(set.rows.len()));
        if let Some(limit) = self.limit {
            set.rows.truncate(limit);
        }
        Ok(set)
    }
}

fn count(cursor: &mut Cursor) -> SqlResult<usize> {
    usize::try_from(cursor.number()?).map_err(|_| cursor.unexpected("a number"))
}

fn disjunction(cursor: &mut Cursor) -> SqlResult<Predicate> {
    let mut left = conjunction(cursor)?;
    while cursor.take(&["OR"]) {
        left = Predicate::Or(Box::new(left), Box::new(conjunction(cursor)?));
    }
    Ok(left)
}

fn conjunction(cursor: &mut Cursor) -> SqlResult<Predicate> {
    let mut left = term(cursor)?;
    while cursor.take(&["AND"]) {
        left = Predicate::And(Box::new(left), Box::new(term(cursor)?));
    }
    Ok(left)
}

fn term(cursor: &mut Cursor) -> SqlResult<Predicate> {
    if cursor.take(&["NOT"]) {
        return Ok(Predicate::Not(Box::new(term(cursor)?)));
    }
    if cursor.take_symbol("(") {
        let inner = disjunction(cursor)?;
        cursor.expect_symbol(")")?;
        return Ok(inner);
    }
    let column = cursor.identifier()?;
    if cursor.take(&["IS"]) {
        let negated = cursor.take(&["NOT"]);
        cursor.expect("NULL")?;
        let is_null = Predicate::IsNull { column };
        return Ok(if negated {
            Predicate::Not(Box::new(is_null))
        } else {
            is_null
        });
    }
    let negated = cursor.take(&["NOT"]);
    let predicate = if cursor.take(&["LIKE"]) {
        let pattern = cursor.text()?;
        Predicate::Like { column, pattern }
    } else if cursor.take(&["IN"]) {
        cursor.expect_symbol("(")?;
        let mut values = vec![literal(cursor)?];
        while cursor.take_symbol(",") {
            values.push(literal(cursor)?);
        }
        cursor.expect_symbol(")")?;
        Predicate::In { column, values }
    } else {
        let operator = match cursor.peek() {
            Some(Spanned {
                token: Token::Symbol(symbol),
                ..
            }) if ["=", "!=", "<>", "<", "<=", ">", ">="].contains(&symbol.as_str()) => {
                symbol.clone()
            }
            _ => return Err(cursor.unexpected("=, <, >, LIKE, IN")),
        };
        cursor.advance();
        let value = literal(cursor)?;
        Predicate::Compare {
            column,
            operator,
            value,
        }
    };
    Ok(if negated {
        Predicate::Not(Box::new(predicate))
    } else {
        predicate
    })
}

fn literal(cursor: &mut Cursor) -> SqlResult<String> {
    match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Text(text)) => {
            cursor.advance();
            Ok(text.clone())
        }
        Some(Token::Word(word)) if ["true", "false"].contains(&&*word.to_lowercase()) => {
            cursor.advance();
            Ok(word.to_lowercase())
        }
        _ => Ok(cursor.number()?.to_string()),
    }
}

impl Predicate {
    fn holds(&self, set: &ResultSet, row: &[Cell]) -> SqlResult<bool> {
        let cell = |column: &str| column_index(set, column).map(|at| row[at].as_deref());
        Ok(match self {
            Predicate::And(left, right) => left.holds(set, row)? && right.holds(set, row)?,
            Predicate::Or(left, right) => left.holds(set, row)? || right.holds(set, row)?,
            Predicate::Not(inner) => !inner.holds(set, row)?,
            Predicate::IsNull { column } => cell(column)?.is_none(),
            Predicate::Like { column, pattern } => {
                cell(column)?.is_some_and(|text| like(pattern, text))
            }
            Predicate::In { column, values } => {
                cell(column)?.is_some_and(|text| values.iter().any(|value| value == text))
            }
            Predicate::Compare {
                column,
                operator,
                value,
            } => match cell(column)? {
                None => false,
                Some(text) => {
                    let order = compare(&Some(text.to_owned()), &Some(value.clone()));
                    match operator.as_str() {
                        "=" => order.is_eq(),
                        "!=" | "<>" => order.is_ne(),
                        "<" => order.is_lt(),
                        "<=" => order.is_le(),
                        ">" => order.is_gt(),
                        _ => order.is_ge(),
                    }
                }
            },
        })
    }
}

fn column_index(set: &ResultSet, name: &str) -> SqlResult<usize> {
    set.columns
        .iter()
        .position(|column| column.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| SqlError::analyzing(format!("Unknown column '{name}'")))
}

/// Whole numbers by value, everything else by text; NULL first.
fn compare(left: &Cell, right: &Cell) -> std::cmp::Ordering {
    match (left, right) {
        (Some(left), Some(right)) => match (left.parse::<i128>(), right.parse::<i128>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            _ => left.cmp(right),
        },
        _ => left.cmp(right),
    }
}

/// SQL LIKE with `%`, `_` and backslash escapes; case counts.
pub fn like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let matched = match pattern.get(p) {
            Some('%') => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some('\\') if p + 1 < pattern.len() => {
                let same = text.get(t) == pattern.get(p + 1);
                if same {
                    p += 1;
                }
                same
            }
            Some('_') => t < text.len(),
            Some(character) => text.get(t) == Some(character),
            None => t == text.len(),
        };
        if matched {
            if p == pattern.len() {
                return true;
            }
            p += 1;
            t += 1;
        } else {
            match retry {
                Some((after, from)) if from < text.len() => {
                    retry = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse::token::tokenize, reply::Column};

    #[test]
    fn like_matches_as_sql_does() {
        let rows = [
            ("rng", "rng", true),
            ("rng", "rng2", false),
            ("%", "", true),
            ("sp%", "sp ace", true),
            ("%time%", "last_time_x", true),
            ("a_c", "abc", true),
            (r"a\_c", "abc", false),
            (r"a\_c", "a_c", true),
            ("%ab%ab", "ababab", true),
            ("RNG", "rng", false),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }

    fn check(sql: &str, expected: &[&str]) {
        let tokens = tokenize(sql).unwrap();
        let clauses = Clauses::parse(&mut Cursor::new(sql, &tokens)).unwrap();
        let set = ResultSet {
            columns: vec![Column::show("Name"), Column::show("Size")],
            rows: [("a", Some("9")), ("b", Some("10")), ("c", None)]
                .map(|(name, size)| vec![Some(name.into()), size.map(String::from)])
                .to_vec(),
        };
        let kept = clauses.apply(set).unwrap();
        let names: Vec<_> = kept
            .rows
            .iter()
            .map(|row| row[0].clone().unwrap())
            .collect();
        assert_eq!(names, expected, "{sql}");
    }

    #[test]
    fn rows_are_kept_ordered_and_cut() {
        check("", &["a", "b", "c"]);
        check("LIKE 'b'", &["b"]);
        check("WHERE Name = 'b' OR size IS NULL", &["b", "c"]);
        check("WHERE Size > 9", &["b"]);
        check("WHERE NOT Name IN ('a', 'b')", &["c"]);
        check("ORDER BY Size DESC", &["b", "a", "c"]);
        check("ORDER BY Name DESC LIMIT 1", &["c"]);
        check("LIMIT 1, 2", &["b", "c"]);
    }
}
