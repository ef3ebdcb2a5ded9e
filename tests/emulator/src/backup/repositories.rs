//! CREATE and DROP REPOSITORY.

use super::refused;
use crate::{
    clock::Clock,
    engine::Engine,
    parse::backup::CreateRepository,
    privileges::{Object, Privilege},
    profile::Profile,
    reply::{Reply, SqlError, SqlResult},
    repository::{ObjectStore, Repository},
    session::Session,
};

impl Engine {
    pub(super) fn create_repository(
        &mut self,
        session: &Session,
        statement: CreateRepository,
    ) -> SqlResult {
        let name = statement.name;
        if !is_common_name(&name) {
            return Err(SqlError::new(
                5063,
                "42000",
                SqlError::analyzing(format!("Incorrect repository name '{name}'")).message,
            ));
        }
        if statement.location.is_empty() {
            return Err(SqlError::analyzing(
                "You must specify a location on the repository",
            ));
        }
        self.require(session, Privilege::Repository, Object::System)?;
        if self.repositories.get(&name).is_some() {
            return Err(not_created(&format!(
                "repository with same name already exist: {name}"
            )));
        }
        // Only 4.1 strips a trailing slash; before, it is shown and doubles the one of the keys.
        let location = match self.profile {
            Profile::V4_1 => statement.location.trim_end_matches('/').to_owned(),
            _ => statement.location,
        };
        let bucket = match &self.object_stores {
            Some(service) => service
                .open(&location, &statement.properties)
                .map_err(|message| {
                    not_created(&format!(
                        "failed to list remote path: {location}. msg: {message}"
                    ))
                })?,
            None => None,
        };
        let repository = Repository {
            id: self.catalog.next_id(),
            name,
            created: self.clock.now(),
            read_only: statement.read_only,
            location,
            broker: statement.broker,
            error_message: None,
            bucket,
        };
        let created = Clock::format(repository.created, &self.show_time_zone(session));
        initialize(&repository.store(&self.store), &repository, &created)
            .map_err(|message| not_created(&message))?;
        self.repositories.insert(repository);
        Ok(Reply::ok())
    }

    pub(super) fn drop_repository(&mut self, session: &Session, name: &str) -> SqlResult {
        let Some(repository) = self.repositories.get(name) else {
            return Err(refused("Repository does not exist"));
        };
        let id = repository.id;
        self.require(session, Privilege::Repository, Object::System)?;
        if self.jobs.uses_repository(id) {
            return Err(SqlError::ddl(
                "Backup or restore job is running on this repository. Can not drop it",
            ));
        }
        self.repositories.remove(name);
        Ok(Reply::ok())
    }
}

fn not_created(message: &str) -> SqlError {
    SqlError::ddl(format!("Failed to create repository: {message}"))
}

/// Reads `__repo_info`, or writes it where the repository is new.
fn initialize(store: &ObjectStore, repository: &Repository, created: &str) -> Result<(), String> {
    let url = format!("{}/__repo_info", repository.base());
    let found = store.glob(&url).map_err(|error| error.0)?;
    if found.is_empty() {
        let info = serde_json::json!({"create_time": created, "name": repository.name});
        return store
            .put(&url, info.to_string().as_bytes())
            .map_err(|error| error.0);
    }
    let bytes = store.get(&url).map_err(|error| error.0)?;
    let info: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| format!("failed to read repo info file: {error}"))?;
    if info["name"] != repository.name.as_str() {
        return Err(format!(
            "Invalid repository {} with name {}",
            repository.name, info["name"]
        ));
    }
    Ok(())
}

/// `^[a-zA-Z]\w{0,63}$|^_[a-zA-Z0-9]\w{0,62}$`
fn is_common_name(name: &str) -> bool {
    let mut characters = name.chars();
    let starts_well = match (characters.next(), characters.next()) {
        (Some(first), _) if first.is_ascii_alphabetic() => true,
        (Some('_'), Some(second)) => second.is_ascii_alphanumeric(),
        _ => false,
    };
    starts_well
        && name.len() <= 64
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_common_rule() {
        for (name, expected) in [
            ("r1", true),
            ("_1", true),
            ("__a", false),
            ("1r", false),
            ("bad-name", false),
            ("", false),
        ] {
            assert_eq!(is_common_name(name), expected, "{name}");
        }
        assert!(is_common_name(&"a".repeat(64)));
        assert!(!is_common_name(&"a".repeat(65)));
    }
}
