//! How large the state of a backup's execution becomes. AWS Step Functions end one of more than 262,144
//! bytes with an error that nothing catches, whatever StarRocks does meanwhile. So a group that might come
//! near is refused before anything is begun, and errors get no more room than there is.

use crate::{
    error::{Error, ErrorName},
    ident::DatabaseName,
};

pub const LIMIT: usize = 262_144;
/// What is said of a job or its end is no longer, however few databases there are.
pub const MOST_WORDS: usize = 1_000;
/// Room for what failed in the error that an execution ends with, which Step Functions take up to 32,768
/// characters of. The names of the databases come on top, and the function's answer around all of it.
pub const OF_CAUSES: usize = 20_000;
/// Kept free in the state for such words.
const OF_WORDS: usize = 100_000;
/// Texts that one database can have in the state at once: two of its job and one of its end. And a half
/// more, for as JSON quotes and line breaks take two bytes.
const TEXTS: usize = 4;
/// Everything that is there once.
const OF_EXECUTION: usize = 2_500;
/// Of one database, without its name: its job and its end, with two labels each the name and a date.
const OF_DATABASE: usize = 600;
/// How often a name is in the state: twice in a list, and in job and end, by itself and in the label.
const NAMES: usize = 6;

/// Of a job or its end, where each of so many has as much to say.
pub fn words(databases: usize) -> usize {
    MOST_WORDS.min(OF_WORDS / TEXTS / databases.max(1))
}

fn bytes_of(database: &DatabaseName) -> usize {
    OF_DATABASE + NAMES * database.as_str().len()
}

/// The largest that the state of a backup becomes while all goes well.
pub fn state_bytes(databases: &[DatabaseName]) -> usize {
    OF_EXECUTION + databases.iter().map(bytes_of).sum::<usize>()
}

/// Refuses a group whose databases the state has no room for.
pub fn check_databases(databases: &[DatabaseName]) -> Result<(), Error> {
    let bytes = state_bytes(databases);
    if bytes + OF_WORDS <= LIMIT {
        return Ok(());
    }
    let fitting = (LIMIT - OF_WORDS - OF_EXECUTION) * databases.len() / (bytes - OF_EXECUTION);
    Err(Error::new(
        ErrorName::InvalidConfig,
        format!(
            "a backup of {} databases does not fit into the state of one execution, which AWS Step Functions \
             end at {LIMIT} bytes",
            databases.len()
        ),
    )
    .hint(format!(
        "divide the databases among several groups of at most {fitting}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn databases(count: usize) -> Vec<DatabaseName> {
        let name = |number| format!("warehouse_{number:03}").parse().unwrap();
        (0..count).map(name).collect()
    }

    #[test]
    fn few_have_much_to_say_and_many_have_something() {
        assert_eq!((words(0), words(1), words(25)), (1_000, 1_000, 1_000));
        assert_eq!(words(100), 250);
        let most = (1..).find(|&count| check_databases(&databases(count)).is_err());
        assert!(words(most.unwrap()) > 90, "{most:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_does() {
        let error = check_databases(&databases(400)).unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidConfig);
        let fitting = error.hints[0].rsplit(' ').next().unwrap();
        let fitting = fitting.parse().unwrap();
        assert_eq!(check_databases(&databases(fitting)), Ok(()));
        assert!(check_databases(&databases(fitting + 1)).is_err());
    }
}
