use std::time::Duration;

use shared::{
    secret::Secret,
    sql::show,
    starrocks::{Client, ClientError, FailureKind, FrontendAddress},
};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
    nodes::{Frontend, FrontendRole},
};

use crate::support::{Cluster, Value, address, read, run_all, settings, within, write};

#[tokio::test]
async fn every_profile_is_spoken_to_in_utc() {
    within(60, async {
        for profile in Profile::ALL {
            let cluster = Cluster::start(profile);
            cluster.emulator.with_engine(|_| ());
            let mut client = cluster.client().await;
            let zone = client.fetch(&show::variable("time_zone")).await.unwrap();
            assert_eq!(zone[0].value, "+00:00", "{profile:?}");
            let version = client.fetch(&show::version()).await.unwrap();
            assert_eq!(version[0].value, profile.version_comment());
            client.close().await;
        }
    })
    .await;
}

/// A refused account is not tried at the next frontend: that could only lock it.
#[tokio::test]
async fn a_wrong_password_is_access_denied_at_once() {
    within(20, async {
        let cluster = Cluster::start_with(Profile::V3_5, |options| {
            options.root_password = "right".into();
        });
        let mut settings = settings([cluster.address(), cluster.address()]);
        settings.password = Secret::new("wrong");
        let error = Client::connect(&settings).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::AccessDenied);
        let shown = format!("{error:?}") + &shared::error::Error::from(error).to_string();
        assert!(!shown.contains("wrong"), "{shown}");
        settings.password = Secret::new("right");
        assert!(Client::connect(&settings).await.is_ok());
    })
    .await;
}

fn closed_port() -> FrontendAddress {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    address(listener.local_addr().unwrap().port())
}

#[tokio::test]
async fn the_next_frontend_is_tried() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let settings = settings([closed_port(), cluster.address()]);
        let client = Client::connect(&settings).await.unwrap();
        assert_eq!(client.frontend(), Some(&cluster.address()));
    })
    .await;
}

#[tokio::test]
async fn unreachable_names_every_frontend() {
    within(20, async {
        let (first, second) = (closed_port(), closed_port());
        let error = Client::connect(&settings([first.clone(), second.clone()]))
            .await
            .unwrap_err();
        let error = shared::error::Error::from(error);
        assert_eq!(error.name, shared::error::ErrorName::Unreachable);
        let text = error.to_string();
        assert!(
            text.contains(&first.to_string()) && text.contains(&second.to_string()),
            "{text}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_reads_is_repeated() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        let faults = cluster.emulator.faults();
        faults.once(When::Contains("SHOW BACKENDS".into()), Fault::DropBefore);
        faults.once(When::Contains("SHOW BACKENDS".into()), Fault::DropAfter);
        let backends = client.fetch(&show::backends()).await.unwrap();
        assert_eq!(backends.len(), 1);
        assert_eq!(cluster.arrived("SHOW BACKENDS"), 3);
        assert_eq!(faults.pending(), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn rows_of_an_answer_that_breaks_off_are_not_read_twice() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        let faults = cluster.emulator.faults();
        faults.once(When::Contains("SHOW BACKENDS".into()), Fault::DropInAnswer);
        let backends = client.fetch(&show::backends()).await.unwrap();
        assert_eq!(backends.len(), 1);
        assert_eq!(cluster.arrived("SHOW BACKENDS"), 2);
    })
    .await;
}

#[tokio::test]
async fn what_writes_is_sent_once() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        let faults = cluster.emulator.faults();
        faults.once(When::Contains("CREATE DATABASE".into()), Fault::DropAfter);
        let create = write("CREATE DATABASE d1");
        let error = client.run(&create).await.unwrap_err();
        assert!(
            matches!(error, ClientError::ConnectionLost { .. }),
            "{error:?}"
        );
        assert_eq!(cluster.arrived("CREATE DATABASE"), 1);
        // The next statement finds a new connection, and sees what became of the first.
        let error = client.run(&create).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::AlreadyExists);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_broke_is_set_up_again() {
    within(20, async {
        let cluster = Cluster::start(Profile::V4_1);
        let mut client = cluster.client().await;
        let faults = cluster.emulator.faults();
        faults.once(When::Contains("SELECT 1".into()), Fault::DropBefore);
        let one = client.fetch(&read::<Value>("SELECT 1 AS v")).await.unwrap();
        assert_eq!(one, [Value(Some("1".into()))]);
        let zone = client.fetch(&show::variable("time_zone")).await.unwrap();
        assert_eq!(zone[0].value, "+00:00");
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_hangs_is_given_up() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut settings = cluster.settings();
        settings.query_timeout = Duration::from_millis(100);
        let mut client = Client::connect(&settings).await.unwrap();
        let faults = cluster.emulator.faults();
        let slow = Fault::Delay(Duration::from_secs(5));
        faults.once(When::Contains("SHOW BACKENDS".into()), slow);
        let error = client.fetch(&show::backends()).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Timeout);
        // The late answer is never taken for that of the next statement.
        let databases = client.fetch(&show::databases()).await.unwrap();
        assert!(
            databases
                .iter()
                .any(|row| row.0.as_str() == "information_schema")
        );
    })
    .await;
}

/// As by the caller's own deadline: nobody reads the answer then.
#[tokio::test]
async fn the_answer_to_a_call_that_was_dropped_is_not_taken_for_that_of_the_next() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        let slow = Fault::Delay(Duration::from_millis(500));
        let faults = cluster.emulator.faults();
        faults.once(When::Contains("SHOW BACKENDS".into()), slow);
        let deadline = Duration::from_millis(100);
        let dropped = tokio::time::timeout(deadline, client.fetch(&show::backends())).await;
        assert!(dropped.is_err());
        let databases = client.fetch(&show::databases()).await.unwrap();
        let known = "information_schema";
        assert!(databases.iter().any(|row| row.0.as_str() == known));
    })
    .await;
}

fn frontend(id: i64, port: u16, role: FrontendRole) -> Frontend {
    Frontend {
        id,
        host: "127.0.0.1".into(),
        query_port: port,
        edit_log_port: 9010,
        role,
        alive: true,
        started: "2026-01-01T00:00:00Z".parse().unwrap(),
        version: "3.5.0".into(),
        error: String::new(),
    }
}

/// Two emulators that say of each other who leads: what the client sees of a cluster of two.
fn set_leader(clusters: [&Cluster; 2], leader: usize) {
    let ports = clusters.map(|cluster| cluster.emulator.port());
    for cluster in clusters {
        cluster.emulator.with_engine(|engine| {
            engine.nodes.frontends = [0, 1]
                .map(|index| {
                    let role = match index == leader {
                        true => FrontendRole::Leader,
                        false => FrontendRole::Follower,
                    };
                    frontend(index as i64 + 1, ports[index], role)
                })
                .into();
        });
    }
}

#[tokio::test]
async fn the_leader_is_followed_when_it_moves() {
    within(30, async {
        let (one, two) = (Cluster::start(Profile::V3_5), Cluster::start(Profile::V3_5));
        set_leader([&one, &two], 1);
        let mut client = Client::connect(&one.settings()).await.unwrap();
        assert_eq!(client.frontend(), Some(&two.address()));

        set_leader([&one, &two], 0);
        let refused =
            starrocks_emulator::reply::SqlError::new(1064, "HY000", "Cannot open null host.");
        two.emulator.faults().once(
            When::Contains("SHOW BACKENDS".into()),
            Fault::Refuse(refused),
        );
        client.fetch(&show::backends()).await.unwrap();
        assert_eq!(client.frontend(), Some(&one.address()));
    })
    .await;
}

#[tokio::test]
async fn a_leader_that_cannot_be_reached_is_done_without() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let here = frontend(1, cluster.emulator.port(), FrontendRole::Follower);
        let gone = frontend(2, closed_port().port, FrontendRole::Leader);
        cluster
            .emulator
            .with_engine(|engine| engine.nodes.frontends = vec![here, gone]);
        let mut client = cluster.client().await;
        assert_eq!(client.frontend(), Some(&cluster.address()));
        assert_eq!(client.fetch(&show::frontends()).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_user_without_operate_stays_where_it_is() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut root = cluster.client().await;
        run_all(&mut root, &["CREATE USER 'br'@'%' IDENTIFIED BY 'pw'"]).await;
        let mut settings = cluster.settings();
        settings.user = "br".into();
        settings.password = Secret::new("pw");
        let mut client = Client::connect(&settings).await.unwrap();
        assert_eq!(client.frontend(), Some(&cluster.address()));
        let error = client.fetch(&show::frontends()).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::AccessDenied);
    })
    .await;
}

/// The frontend restarts, and later another one leads: jobs and sessions go through it.
#[tokio::test]
async fn a_restart_and_a_change_of_leader_are_survived() {
    within(30, async {
        let cluster = Cluster::start_with(Profile::V3_5, |options| options.follower = true);
        let mut client = cluster.client().await;
        assert_eq!(client.frontend(), Some(&cluster.address()));
        cluster.emulator.restart_frontend();
        assert!(!client.fetch(&show::backends()).await.unwrap().is_empty());

        cluster.emulator.change_leader().unwrap();
        assert!(!client.fetch(&show::backends()).await.unwrap().is_empty());
        let leader = address(cluster.emulator.follower_addr().unwrap().port());
        assert_eq!(client.frontend(), Some(&leader));
    })
    .await;
}

#[tokio::test]
async fn a_follower_that_is_configured_leads_to_the_leader() {
    within(20, async {
        let cluster = Cluster::start_with(Profile::V4_1, |options| options.follower = true);
        let follower = address(cluster.emulator.follower_addr().unwrap().port());
        let client = Client::connect(&settings([follower])).await.unwrap();
        assert_eq!(client.frontend(), Some(&cluster.address()));
    })
    .await;
}
