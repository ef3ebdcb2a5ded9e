//! INSERT.

use super::{
    commit::{Change, Prepared, Work},
    target::Target,
};
use crate::{
    catalog::{KeyModel, Partitioning},
    engine::Engine,
    parse::dml::{Insert, Source},
    privileges::Privilege,
    profile::Profile,
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub(super) fn insert(&mut self, session: &mut Session, insert: Insert) -> SqlResult {
        if let Source::Values(values) = &insert.source {
            let limit = self.config.number("expr_children_limit");
            values.check_limit(usize::try_from(limit).unwrap_or(0))?;
        }
        let target = self.load_target(session, &insert.table, Privilege::Insert)?;
        self.check_in_transaction(session, &target, insert.overwrite)?;
        let label = match &insert.label {
            Some(label) => label.clone(),
            None => format!("insert_{}", self.next_uuid()),
        };
        let explicit = session.transaction.is_some();
        let transaction = if explicit {
            // All loads of an explicit transaction share its label and id.
            0
        } else {
            self.begin_load(session, &target, &label)?
        };
        let overwrite = insert.overwrite;
        let partitions = insert.partitions.clone();
        let committed = self
            .prepare_insert(session, &target, insert, transaction)
            .and_then(|prepared| {
                if explicit {
                    return Ok(self.keep_for_commit(session, &target, prepared));
                }
                if overwrite {
                    self.overwrite(&target, partitions.as_ref(), transaction, &label, prepared)
                } else {
                    self.commit(target.database_id, transaction, &label, vec![prepared])
                }
            });
        match committed {
            Ok(reply) => Ok(Reply::Ok(reply)),
            Err(error) => {
                if !explicit {
                    let now = self.clock.now();
                    self.loads
                        .abort(target.database_id, transaction, &error, now);
                }
                Err(error)
            }
        }
    }

    fn prepare_insert(
        &mut self,
        session: &Session,
        target: &Target,
        insert: Insert,
        transaction: i64,
    ) -> SqlResult<Prepared> {
        self.check_partitions(target, insert.partitions.as_ref())?;
        if insert.overwrite
            && insert.partitions.is_some()
            && self.profile < Profile::V3_5
            && matches!(target.table.partitioning, Partitioning::Expression { .. })
        {
            return Err(SqlError::plain(
                "Specify the partition name, and automatically create partition names. Currently, \
                 only List partitions are supported.",
            ));
        }
        let places = self.target_columns(target, insert.columns.as_deref())?;
        let filled = match insert.source {
            Source::Values(values) => self.fill_literals(session, target, &places, values.rows)?,
            Source::Query(sql) => {
                let typeset = self.query(session, &sql)?;
                if typeset.outputs.len() != places.len() {
                    return Err(self.wrong_count(places.len(), typeset.outputs.len()));
                }
                self.fill_values(session, target, &places, typeset.rows)?
            }
        };
        let routed = self.route(target, insert.partitions.as_ref(), filled.rows)?;
        // The stand-in backend of the recordings holds no rows, so that all of them fit.
        let filtered = if self.stand_in_backend {
            0
        } else {
            filled.rejected.count + routed.rejected.count
        };
        let loaded = routed.rows();
        if let Some(record) = self.loads.record_mut(target.database_id, transaction) {
            record.filtered = filtered;
            record.rejected = filled.rejected.reasons;
            record.rejected.extend(routed.rejected.reasons);
        }
        self.check_filtered(session, target, transaction, loaded, filtered)?;

        let is_partial = places.len()
            < target
                .table
                .columns
                .iter()
                .filter(|column| column.generated.is_none())
                .count();
        let assigned = (is_partial
            && target.table.key_model == KeyModel::Primary
            && self.updates_partially(session))
        .then_some(places);
        let received = routed.parts.iter().map(|(id, _)| *id).collect();
        let touched = self.touched(target, received, |name| match &insert.partitions {
            Some(wanted) => wanted
                .names
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(name)),
            None => true,
        })?;
        Ok(Prepared {
            change: Change {
                table_id: target.table.id,
                work: Work::Write {
                    parts: routed.parts,
                    assigned,
                },
                touched,
            },
            loaded,
            filtered,
        })
    }

    /// In strict mode one row that does not fit fails the load; else it fails if nothing fits.
    fn check_filtered(
        &mut self,
        session: &Session,
        target: &Target,
        transaction: i64,
        loaded: u64,
        filtered: u64,
    ) -> SqlResult<()> {
        if filtered == 0 {
            return Ok(());
        }
        let (_, strict) = self.variable(session, "enable_insert_strict")?;
        if strict != "1" && loaded > 0 {
            return Ok(());
        }
        let record = self.loads.record_mut(target.database_id, transaction);
        let job_id = record.map_or(0, |record| record.job_id);
        Err(self.has_filtered_data(transaction, job_id))
    }
}
