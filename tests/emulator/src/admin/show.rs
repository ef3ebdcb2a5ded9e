//! SHOW statements about sessions, users, nodes and configuration.

use crate::{
    engine::Engine,
    parse::admin::Show,
    privileges::{Object, Privilege},
    profile::Profile,
    reply::{CHARSET_BINARY, Cell, Column, ResultSet, SqlError, SqlResult, WireType},
    session::Session,
};

impl Engine {
    pub(super) fn execute_admin_show(
        &mut self,
        session: &Session,
        show: Show,
    ) -> SqlResult<ResultSet> {
        let nodes = [Privilege::Operate, Privilege::Node];
        Ok(match show {
            Show::Variables => ResultSet {
                columns: name_and_value(),
                rows: self
                    .variables(session)
                    .into_iter()
                    .map(|(name, value)| vec![Some(name.to_owned()), Some(value)])
                    .collect(),
            },
            Show::Status => ResultSet {
                columns: name_and_value(),
                rows: Vec::new(),
            },
            Show::Warnings => narrow(&["Level", "Code", "Message"]),
            Show::ProcessList => self.show_processes(session),
            Show::Frontends => {
                self.require_any(session, &nodes, Object::System)?;
                self.show_frontends(session)
            }
            Show::Backends => {
                self.require_any(session, &nodes, Object::System)?;
                self.show_backends(session)
            }
            Show::ComputeNodes => {
                self.require_any(session, &nodes, Object::System)?;
                self.show_compute_nodes()
            }
            Show::Brokers => {
                self.require_any(session, &nodes, Object::System)?;
                empty(&[
                    "Name",
                    "IP",
                    "Port",
                    "Alive",
                    "LastStartTime",
                    "LastUpdateTime",
                    "ErrMsg",
                ])
            }
            Show::Users => {
                self.require(session, Privilege::Grant, Object::System)?;
                ResultSet {
                    columns: vec![Column::varchar("User", 50)],
                    rows: self
                        .privileges
                        .users
                        .keys()
                        .map(|user| vec![Some(user.to_string())])
                        .collect(),
                }
            }
            Show::Roles => {
                self.require(session, Privilege::Grant, Object::System)?;
                self.show_roles()
            }
            Show::Grants(grantee) => self.show_grants(session, grantee)?,
            Show::Config => {
                self.require(session, Privilege::Operate, Object::System)?;
                self.config.show()
            }
            Show::ReplicaStatus { database, table } => {
                self.require(session, Privilege::Operate, Object::System)?;
                self.show_replicas(session, database, &table)?
            }
            Show::RoutineLoads { database } => self.show_routine_loads(session, database)?,
            Show::Fixed(words) => self.show_fixed(words),
        })
    }

    /// Own sessions; with OPERATE those of everybody.
    fn show_processes(&mut self, session: &Session) -> ResultSet {
        let modern = !self.profile.is_3_3();
        let newest = self.profile == Profile::V4_1;
        let mut columns = vec![
            Column::bigint("Id"),
            Column::varchar("User", 16),
            Column::varchar("Host", 16),
            Column::varchar("Db", 16),
            Column::varchar("Command", 16),
            Column::varchar("ConnectionStartTime", 16),
            Column {
                name: "Time".to_owned(),
                wire_type: WireType::Long,
                length: 11,
                charset: CHARSET_BINARY,
                decimals: 0,
            },
            Column::varchar("State", 64),
            Column::varchar("Info", 32 * 1024),
            Column::varchar("IsPending", 16),
        ];
        if modern {
            columns.insert(0, Column::varchar("ServerName", 64));
            columns.push(Column::varchar("Warehouse", 20));
        }
        if newest {
            columns.push(Column::varchar("CNGroup", 64));
            columns.push(Column::varchar("Catalog", 64));
            columns.push(Column::varchar("QueryId", 64));
        }
        let sees_all = self
            .require(session, Privilege::Operate, Object::System)
            .is_ok();
        let server = self.nodes.leader().map(|leader| leader.name());
        let query_id = self.next_uuid();
        let now = self.clock.now();
        let text = |value: &str| -> Cell { Some(value.to_owned()) };
        let rows = self
            .sessions
            .iter()
            .filter(|(_, info)| sees_all || info.user == session.identity.user)
            .map(|(id, info)| {
                let since = info.running_since.unwrap_or(info.opened);
                let mut row = vec![
                    Some(id.to_string()),
                    text(&info.user),
                    text(&info.peer),
                    text(info.database.as_deref().unwrap_or_default()),
                    text(if info.running.is_some() {
                        "Query"
                    } else {
                        "Sleep"
                    }),
                    self.cluster_time(session, info.opened),
                    Some(now.duration_since(since).as_secs().to_string()),
                    text("OK"),
                    text(info.running.as_deref().unwrap_or_default()),
                    text("false"),
                ];
                if modern {
                    row.insert(0, server.clone());
                    row.push(text("default_warehouse"));
                }
                if newest {
                    row.push(text(""));
                    row.push(text("default_catalog"));
                    row.push(Some(query_id.clone()));
                }
                row
            })
            .collect();
        ResultSet { columns, rows }
    }

    fn show_compute_nodes(&self) -> ResultSet {
        let mut names = vec![
            "ComputeNodeId",
            "IP",
            "HeartbeatPort",
            "BePort",
            "HttpPort",
            "BrpcPort",
            "LastStartTime",
            "LastHeartbeat",
            "Alive",
            "SystemDecommissioned",
            "ClusterDecommissioned",
            "ErrMsg",
            "Version",
            "CpuCores",
            "MemLimit",
            "NumRunningQueries",
            "MemUsedPct",
            "CpuUsedPct",
            "DataCacheMetrics",
            "HasStoragePath",
        ];
        if !self.profile.is_3_3() {
            names.push("StatusCode");
        }
        empty(&names)
    }

    fn show_roles(&self) -> ResultSet {
        let rows = self
            .privileges
            .roles
            .iter()
            .map(|(name, role)| {
                vec![
                    Some(name.clone()),
                    Some(role.builtin.to_string()),
                    Some(role.comment.clone()),
                ]
            })
            .collect();
        ResultSet {
            columns: vec![
                Column::varchar("Name", 100),
                Column::show("Builtin"),
                Column::varchar("Comment", 300),
            ],
            rows,
        }
    }

    /// One row a replica: tablets are on the first backends, as many as they have replicas.
    fn show_replicas(
        &self,
        session: &Session,
        database: Option<String>,
        table: &str,
    ) -> SqlResult<ResultSet> {
        let database = match database {
            Some(database) => database,
            None => self.current_database(session)?,
        };
        if self.catalog.database(&database).is_err() {
            let exist = if self.profile.is_3_3() {
                "exsit"
            } else {
                "exist"
            };
            return Err(SqlError::analyzing(format!(
                "Database {database} does not {exist}"
            )));
        }
        let table = self
            .catalog
            .find_table(&database, table)
            .ok_or_else(|| SqlError::analyzing(format!("Table {table} does not exist")))?;
        let mut set = empty(&[
            "TabletId",
            "ReplicaId",
            "BackendId",
            "Version",
            "LastFailedVersion",
            "LastSuccessVersion",
            "CommittedVersion",
            "SchemaHash",
            "VersionNum",
            "IsBad",
            "IsSetBadForce",
            "State",
            "Status",
        ]);
        let hash = table.indexes.first().map_or(0, |index| index.schema_hash);
        for partition in &table.partitions {
            for tablet in &partition.tablets {
                for (replica, backend) in (0..partition.replication_num).zip(&self.nodes.backends) {
                    let version = partition.visible_version.to_string();
                    set.rows.push(
                        [
                            tablet.to_string(),
                            (tablet + 1 + i64::from(replica)).to_string(),
                            backend.id.to_string(),
                            version.clone(),
                            "-1".to_owned(),
                            version.clone(),
                            version,
                            hash.to_string(),
                            "1".to_owned(),
                            "false".to_owned(),
                            "false".to_owned(),
                            "NORMAL".to_owned(),
                            if backend.alive { "OK" } else { "DEAD" }.to_owned(),
                        ]
                        .map(Some)
                        .to_vec(),
                    );
                }
            }
        }
        Ok(set)
    }
}

fn name_and_value() -> Vec<Column> {
    vec![
        Column::varchar("Variable_name", 20),
        Column::varchar("Value", 20),
    ]
}

fn narrow(names: &[&str]) -> ResultSet {
    ResultSet {
        columns: names
            .iter()
            .map(|name| Column::varchar(*name, 20))
            .collect(),
        rows: Vec::new(),
    }
}

fn empty(names: &[&str]) -> ResultSet {
    ResultSet {
        columns: names.iter().map(|name| Column::show(*name)).collect(),
        rows: Vec::new(),
    }
}
