//! Names looked up as Hadoop's file systems do it.

/// One part of a Hadoop pattern: `*`, `?`, `[abc]`, `{a,b}` and `\x`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    matches_from(&pattern, &name)
}

fn matches_from(pattern: &[char], name: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return name.is_empty();
    };
    match first {
        '*' => (0..=name.len()).any(|skip| matches_from(rest, &name[skip..])),
        '?' => !name.is_empty() && matches_from(rest, &name[1..]),
        '[' if rest.contains(&']') => {
            let end = rest.iter().position(|c| *c == ']').unwrap_or_default();
            let (set, inverted) = match rest[..end].split_first() {
                Some(('^' | '!', set)) => (set, true),
                _ => (&rest[..end], false),
            };
            name.first().is_some_and(|c| {
                in_set(set, *c) != inverted && matches_from(&rest[end + 1..], &name[1..])
            })
        }
        '{' if rest.contains(&'}') => {
            let end = rest.iter().position(|c| *c == '}').unwrap_or_default();
            rest[..end].split(|c| *c == ',').any(|choice| {
                let tail: Vec<char> = choice.iter().chain(&rest[end + 1..]).copied().collect();
                matches_from(&tail, name)
            })
        }
        '\\' if !rest.is_empty() => {
            name.first() == rest.first() && matches_from(&rest[1..], &name[1..])
        }
        literal => name.first() == Some(literal) && matches_from(rest, &name[1..]),
    }
}

fn in_set(set: &[char], character: char) -> bool {
    let mut at = 0;
    while at < set.len() {
        if let [low, '-', high, ..] = set[at..] {
            if (low..=high).contains(&character) {
                return true;
            }
            at += 3;
        } else {
            if set[at] == character {
                return true;
            }
            at += 1;
        }
    }
    false
}

/// Whether the part stands for itself only.
pub(super) fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '[', '{', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_hadoop() {
        for (pattern, name, expected) in [
            ("__ss_*", "__ss_", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[ab-d]x", "cx", true),
            ("[^a]x", "ax", false),
            ("{ab,c}d", "cd", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("we ird", "we ird", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
