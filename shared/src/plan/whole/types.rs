//! Column types that INSERT ... SELECT copies bit by bit. A list of what is known to be, because a
//! type that a newer engine adds must not be taken for one.

const SCALARS: [&str; 21] = [
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "largeint",
    "float",
    "double",
    "decimal",
    "decimalv2",
    "decimal32",
    "decimal64",
    "decimal128",
    "decimal256",
    "char",
    "varchar",
    "string",
    "date",
    "datetime",
    "json",
    "varbinary",
];

pub(super) fn is_copied_exactly(sql_type: &str) -> bool {
    let text = sql_type.trim();
    let head_length = text
        .find(|character: char| !character.is_ascii_alphanumeric())
        .unwrap_or(text.len());
    let (head, rest) = text.split_at(head_length);
    let head = head.to_ascii_lowercase();
    let inner = rest
        .strip_prefix('<')
        .and_then(|inner| inner.strip_suffix('>'));
    match (head.as_str(), inner) {
        ("array" | "map", Some(inner)) => elements(inner).into_iter().all(is_copied_exactly),
        ("struct", Some(inner)) => elements(inner).into_iter().all(|field| {
            let field = field.trim();
            let name_length = match field.strip_prefix('`') {
                Some(quoted) => quoted.find('`').map(|end| end + 2),
                None => field.find([' ', ':']),
            };
            name_length.is_some_and(|length| {
                is_copied_exactly(field[length..].trim_start_matches([' ', ':']))
            })
        }),
        (scalar, None) => SCALARS.contains(&scalar) && is_length(rest),
        _ => false,
    }
}

/// Nothing, or `(20)`, or `(18, 2)`.
fn is_length(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix('(')
            .and_then(|inner| inner.strip_suffix(')'))
            .is_some_and(|inner| {
                inner
                    .chars()
                    .all(|character| character.is_ascii_digit() || ", ".contains(character))
            })
}

/// Split at commas that are in no bracket and in no quoted name.
fn elements(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    for (at, character) in text.char_indices() {
        match character {
            '`' => quoted = !quoted,
            '<' | '(' if !quoted => depth += 1,
            '>' | ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::is_copied_exactly;

    #[test]
    fn only_known_types_are_copied() {
        for (text, expected) in [
            ("int(11)", true),
            ("decimal(18, 2)", true),
            ("DECIMAL64(18,2)", true),
            ("varchar(65533)", true),
            ("json", true),
            ("array<int(11)>", true),
            ("map<varchar(10),array<decimal(9, 2)>>", true),
            ("struct<a int(11), `b, <c` array<json>>", true),
            ("struct<a: int(11)>", true),
            ("hll", false),
            ("bitmap", false),
            ("percentile", false),
            ("variant", false),
            ("array<hll>", false),
            ("map<int(11),bitmap>", false),
            ("struct<int bitmap>", false),
            ("struct<a int(11), b percentile>", false),
            ("int(11) unheard", false),
            ("", false),
        ] {
            assert_eq!(is_copied_exactly(text), expected, "{text}");
        }
    }
}
