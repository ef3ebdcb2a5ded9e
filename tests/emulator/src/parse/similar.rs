//! The words that a syntax error offers instead of one that it does not know.

use crate::profile::Profile;

/// Words that a statement can start with, in the order of the real lexer as far as it shows.
const STARTS: [&str; 50] = [
    "ADMIN",
    "ALTER",
    "ANALYZE",
    "BACKUP",
    "BEGIN",
    "CALL",
    "CANCEL",
    "COMMIT",
    "CREATE",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DROP",
    "ENABLE",
    "EXECUTE",
    "DEALLOCATE",
    "EXPLAIN",
    "EXPORT",
    "GRANT",
    "HELP",
    "INSERT",
    "INSTALL",
    "KILL",
    "LOAD",
    "PAUSE",
    "PREPARE",
    "RECOVER",
    "REFRESH",
    "RESTORE",
    "RESUME",
    "REVOKE",
    "ROLLBACK",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "STOP",
    "SUBMIT",
    "SUSPEND",
    "SYNC",
    "TRACE",
    "TRANSLATE",
    "TRUNCATE",
    "UNINSTALL",
    "UNLOCK",
    "UPDATE",
    "USE",
    "VALUES",
    "WITH",
    "LOCK",
];

pub fn is_start(word: &str) -> bool {
    STARTS.iter().any(|start| word.eq_ignore_ascii_case(start))
}

/// The five most similar words by Jaro similarity. The real parser compares with the quotes that it
/// prints the words in, which is why long words win over short ones.
pub fn starts_like(word: &str, profile: Profile) -> Vec<String> {
    let typed: Vec<char> = word.chars().collect();
    let mut ranked: Vec<(f64, String)> = STARTS
        .iter()
        .filter(|start| **start != "ENABLE" || profile == Profile::V4_1)
        .map(|start| {
            let quoted = format!("'{start}'");
            let similarity = jaro(&typed, &quoted.chars().collect::<Vec<_>>());
            (similarity, quoted)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
        .into_iter()
        .take(5)
        .map(|(_, quoted)| quoted)
        .collect()
}

pub(crate) fn jaro(a: &[char], b: &[char]) -> f64 {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let window = (long.len() / 2).saturating_sub(1);
    let mut taken = vec![false; long.len()];
    let mut matched = Vec::new();
    for (index, character) in short.iter().enumerate() {
        let first = index.saturating_sub(window);
        let last = (index + window + 1).min(long.len());
        let found = (first..last).find(|at| !taken[*at] && long[*at] == *character);
        if let Some(at) = found {
            taken[at] = true;
            matched.push(*character);
        }
    }
    if matched.is_empty() {
        return 0.0;
    }
    let in_long = long.iter().zip(&taken).filter(|(_, taken)| **taken);
    let swapped = in_long
        .zip(&matched)
        .filter(|((left, _), right)| left != right)
        .count();
    let count = matched.len() as f64;
    let transpositions = (swapped / 2) as f64;
    (count / short.len() as f64 + count / long.len() as f64 + (count - transpositions) / count)
        / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_offered_as_recorded() {
        let check = |word: &str, profile, expected: &str| {
            assert_eq!(starts_like(word, profile).join(", "), expected);
        };
        check(
            "FOO",
            Profile::V4_1,
            "'DROP', 'LOAD', 'SHOW', 'STOP', 'LOCK'",
        );
        check(
            "SELEC",
            Profile::V4_1,
            "'SELECT', 'DELETE', 'ENABLE', 'EXECUTE', 'DEALLOCATE'",
        );
        check(
            "SELEC",
            Profile::V3_5,
            "'SELECT', 'DELETE', 'EXECUTE', 'DEALLOCATE', 'SET'",
        );
    }
}
