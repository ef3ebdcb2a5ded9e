//! A restored table held against its recorded definition.

use shared::{
    ddl::Ddl,
    error::{Error, ErrorName},
    facts::TableFacts,
    ident::QualifiedTable,
    plan::restore::{
        Slot, Source, TableRef,
        properties::{self, Handling, Lost},
        source::table_of,
    },
    sql::restore::set_properties,
    version::EngineLine,
};

use crate::work::Work;

impl Work<'_> {
    /// A table with other columns or keys than recorded is not the table that was backed up. What it
    /// lost besides is returned to be said; `whole` is false for a table that is only copied from.
    pub(crate) fn check_shape(
        &self,
        table: &TableRef,
        staged: &TableFacts,
        whole: bool,
    ) -> Result<Vec<String>, Error> {
        let (source, manifest) = table_of(&self.sources, table)?;
        if source.origin.is_foreign() {
            // No definition is on record, as the plan says.
            return Ok(Vec::new());
        }
        let unreadable = |error| {
            Error::new(
                ErrorName::VerificationFailed,
                format!(
                    "the definition of '{}' cannot be read: {error}",
                    staged.table
                ),
            )
        };
        let recorded = Ddl::parse(&manifest.ddl).map_err(unreadable)?;
        let restored = Ddl::parse(&staged.ddl).map_err(unreadable)?;
        let mut notes = Vec::new();
        if let Some(what) = properties::shape_difference(&recorded, &restored) {
            if self.made_by_this_line(source) {
                return Err(Error::new(
                    ErrorName::VerificationFailed,
                    format!(
                        "'{}' is not the table of label {}: {what} differ",
                        staged.table, table.label
                    ),
                )
                .hint(format!("recorded: {}", manifest.ddl))
                .hint(format!("restored: {}", staged.ddl)));
            }
            // Another version may print the same definition differently.
            notes.push(format!(
                "{what} of '{}' are printed differently than on the StarRocks that made the backup: \
                 compare SHOW CREATE TABLE with starrocks-br show {} --ddl",
                staged.table, table.label
            ));
        }
        if whole {
            let database = self.database_of(table)?;
            let same = database == source.manifest.database;
            let live = QualifiedTable::new(&database, &self.name_of(table, Slot::Live)?);
            let lost = properties::compare(&recorded, &restored, same);
            notes.extend(lost.iter().map(|lost| said(lost, &live)));
        }
        Ok(notes)
    }

    /// Whether every snapshot of a source was made by the line that restores it.
    fn made_by_this_line(&self, source: &Source) -> bool {
        source.snapshots.values().all(|snapshot| {
            let version = snapshot.engine_version.as_deref();
            let line = version.and_then(|version| version.parse::<EngineLine>().ok());
            line == Some(self.line)
        })
    }
}

fn said(lost: &Lost, live: &QualifiedTable) -> String {
    let found = match &lost.found {
        Some(found) => format!("{} = '{found}'", lost.property),
        None => format!("no {}", lost.property),
    };
    let why = match lost.handling {
        Handling::Reapply => "could not be set again",
        Handling::Report => "does not travel with a backup",
    };
    let pair = (lost.property.as_str(), lost.recorded.as_str());
    format!(
        "{live} has {found} where the label has '{}', which {why}: {}",
        lost.recorded,
        set_properties(live, [pair])
    )
}
