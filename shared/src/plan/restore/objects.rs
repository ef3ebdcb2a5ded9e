//! Views, materialized views and functions: in which order they can be made again.

use crate::{facts::ObjectKind, ident::TableName, manifest::ManifestObject};

/// Indexes of `objects` in an order in which each comes after those that its DDL names. A name that
/// merely looks like a reference can only move an object further back; where such names form a
/// circle, functions come before views and views before materialized views.
pub fn creation_order(objects: &[ManifestObject]) -> Vec<usize> {
    let needs: Vec<Vec<usize>> = objects
        .iter()
        .enumerate()
        .map(|(index, object)| {
            let words = words(&object.ddl);
            objects
                .iter()
                .enumerate()
                .filter(|(other, candidate)| {
                    *other != index && words.contains(&bare_name(candidate))
                })
                .map(|(other, _)| other)
                .collect()
        })
        .collect();
    let mut waiting: Vec<usize> = (0..objects.len()).collect();
    waiting.sort_by_key(|index| (rank(objects[*index].kind), objects[*index].name.clone()));
    let mut order = Vec::with_capacity(objects.len());
    while !waiting.is_empty() {
        let free = waiting
            .iter()
            .position(|index| !needs[*index].iter().any(|need| waiting.contains(need)))
            .unwrap_or(0);
        order.push(waiting.remove(free));
    }
    order
}

/// Whether the DDL of an object names `table`.
pub fn mentions(ddl: &str, table: &TableName) -> bool {
    words(ddl).contains(&table.as_str())
}

fn rank(kind: ObjectKind) -> u8 {
    match kind {
        ObjectKind::Function => 0,
        ObjectKind::Table => 1,
        ObjectKind::View => 2,
        ObjectKind::MaterializedView => 3,
    }
}

/// A function's name is its signature; calls name only what stands before the parenthesis.
fn bare_name(object: &ManifestObject) -> &str {
    let name = object.name.as_str();
    match object.kind {
        ObjectKind::Function => name.split('(').next().unwrap_or(name),
        _ => name,
    }
}

/// Identifiers in a text: quoted ones whole, others as runs of word characters. Literals are left out.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '`' => {
                let end = rest[1..].find('`').map_or(rest.len(), |end| end + 1);
                words.push(&rest[1..end]);
                (end + 1).min(rest.len())
            }
            '\'' | '"' => literal_length(rest, first),
            first if is_word(first) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                words.push(&rest[..end]);
                end
            }
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    words
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

fn literal_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (place, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            end if end == quote => return place + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, kind: ObjectKind, ddl: &str) -> ManifestObject {
        ManifestObject {
            name: name.parse().unwrap(),
            kind,
            ddl: ddl.into(),
            skipped_reason: None,
        }
    }

    fn order(objects: &[ManifestObject]) -> Vec<String> {
        creation_order(objects)
            .into_iter()
            .map(|index| objects[index].name.to_string())
            .collect()
    }

    #[test]
    fn what_is_named_comes_first() {
        let objects = [
            object("a", ObjectKind::View, "CREATE VIEW `a` AS SELECT x FROM b"),
            object(
                "b",
                ObjectKind::View,
                "CREATE VIEW `b` AS SELECT f(x) FROM `c`",
            ),
            object("c", ObjectKind::MaterializedView, "... FROM t"),
            object("f(INT)", ObjectKind::Function, "CREATE FUNCTION f(INT)"),
        ];
        assert_eq!(order(&objects), ["f(INT)", "c", "b", "a"]);
    }

    #[test]
    fn literals_and_parts_of_words_are_no_names() {
        let objects = [
            object(
                "a",
                ObjectKind::View,
                "SELECT 'b', \"it\\\"s b\", bb FROM t",
            ),
            object("b", ObjectKind::View, "SELECT x FROM a"),
        ];
        assert_eq!(order(&objects), ["a", "b"]);
    }

    #[test]
    fn a_circle_ends() {
        let objects = [
            object("a", ObjectKind::View, "SELECT b FROM t"),
            object("b", ObjectKind::View, "SELECT a FROM t"),
        ];
        assert_eq!(order(&objects), ["a", "b"]);
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for text in ["`", "'", "\"\\", "`a", "é`ü`中", ""] {
            let _ = words(text);
        }
        assert_eq!(words("é`ü`中"), ["é", "ü", "中"]);
    }
}
