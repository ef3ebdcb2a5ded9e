//! EXPLAIN: enough of a plan to see that a statement is understood and what it reads and writes.

use crate::{
    engine::Engine,
    parse::{
        Statement,
        dml::{Dml, Source},
        parse,
    },
    privileges::Privilege,
    reply::{Column, Reply, ResultSet, SqlResult},
    session::Session,
};

impl Engine {
    pub(super) fn explain(&mut self, session: &Session, sql: &str) -> SqlResult {
        let lines = match parse(sql, self.profile)? {
            Statement::Dml(Dml::Insert(insert)) => {
                let target = self.load_target(session, &insert.table, Privilege::Insert)?;
                let places = self.target_columns(&target, insert.columns.as_deref())?;
                let mut lines = vec!["PLAN FRAGMENT 0".to_owned()];
                let outputs: Vec<String> = (0..places.len())
                    .map(|at| format!("{}: column_{at}", at + 1))
                    .collect();
                lines.push(format!(" OUTPUT EXPRS:{}", outputs.join(" | ")));
                lines.extend(
                    [
                        "  PARTITION: UNPARTITIONED",
                        "",
                        "  OLAP TABLE SINK",
                        &format!("    TABLE: {}", target.name()),
                        "    TUPLE ID: 1",
                        "    RANDOM",
                        "",
                        "  0:UNION",
                    ]
                    .map(str::to_owned),
                );
                match &insert.source {
                    Source::Values(values) => {
                        lines.push("     constant exprs: ".to_owned());
                        for row in &values.rows {
                            let values: Vec<String> =
                                row.iter().map(|literal| literal.to_string()).collect();
                            lines.push(format!("         {}", values.join(" | ")));
                        }
                    }
                    Source::Query(query) => {
                        self.query_outputs(session, query)?;
                        lines.push(format!("     query: {query}"));
                    }
                }
                lines
            }
            Statement::Dml(Dml::Query(query)) => {
                let outputs: Vec<String> = self
                    .query_outputs(session, &query)?
                    .iter()
                    .enumerate()
                    .map(|(at, output)| format!("{}: {}", at + 1, output.name))
                    .collect();
                vec![
                    "PLAN FRAGMENT 0".to_owned(),
                    format!(" OUTPUT EXPRS:{}", outputs.join(" | ")),
                    "  PARTITION: UNPARTITIONED".to_owned(),
                    String::new(),
                    "  RESULT SINK".to_owned(),
                ]
            }
            _ => {
                return Err(crate::reply::SqlError::plain(format!(
                    "The emulator does not explain this statement: {sql}"
                )));
            }
        };
        Ok(Reply::Rows(ResultSet {
            columns: vec![Column::varchar("Explain String", 20)],
            rows: lines.into_iter().map(|line| vec![Some(line)]).collect(),
        }))
    }
}
