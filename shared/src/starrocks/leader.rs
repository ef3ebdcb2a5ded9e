//! Which frontend to talk to. Loads and DDL are forwarded to the leader by any frontend, but SHOW
//! RESTORE, SHOW SNAPSHOT and SHOW REPOSITORIES answer what the asked one knows, and a follower's
//! metadata lags: so the leader is asked.

use std::net::IpAddr;

use super::settings::FrontendAddress;
use crate::sql::show::{Frontend, FrontendRole};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leader {
    /// The frontend that answered is it.
    Here,
    Elsewhere(FrontendAddress),
    /// None is elected, or it is not shown: some 3.3 versions show only followers.
    NotShown,
}

/// `here` is what was connected to, and the addresses that its name stands for.
pub(super) fn find(frontends: &[Frontend], here: &FrontendAddress, resolved: &[IpAddr]) -> Leader {
    let Some(leader) = frontends
        .iter()
        .find(|frontend| frontend.role == FrontendRole::Leader)
    else {
        return Leader::NotShown;
    };
    // A lone frontend may be reached through a tunnel, under an address of which it knows nothing.
    if frontends.len() == 1 {
        return Leader::Here;
    }
    let same_host = leader.host == here.host
        || leader
            .host
            .parse()
            .is_ok_and(|address: IpAddr| resolved.contains(&address));
    if same_host && leader.query_port == here.port {
        return Leader::Here;
    }
    Leader::Elsewhere(FrontendAddress {
        host: leader.host.clone(),
        port: leader.query_port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontend(host: &str, port: u16, role: FrontendRole) -> Frontend {
        Frontend {
            host: host.into(),
            query_port: port,
            role,
            cluster_id: "1".parse().unwrap(),
            alive: true,
            version: "3.5.7".into(),
        }
    }

    fn address(host: &str, port: u16) -> FrontendAddress {
        FrontendAddress {
            host: host.into(),
            port,
        }
    }

    #[test]
    fn the_leader_is_found() {
        use FrontendRole::{Leader as L, Other as O};
        let three = [
            frontend("10.0.0.1", 9030, O),
            frontend("10.0.0.2", 9030, L),
            frontend("10.0.0.3", 9030, O),
        ];
        let at_leader = find(&three, &address("10.0.0.2", 9030), &[]);
        assert_eq!(at_leader, Leader::Here);
        let by_name = find(
            &three,
            &address("fe2", 9030),
            &["10.0.0.2".parse().unwrap()],
        );
        assert_eq!(by_name, Leader::Here);
        let at_follower = find(
            &three,
            &address("fe1", 9030),
            &["10.0.0.1".parse().unwrap()],
        );
        assert_eq!(at_follower, Leader::Elsewhere(address("10.0.0.2", 9030)));
        let same_host_other_port = [
            frontend("127.0.0.1", 9030, O),
            frontend("127.0.0.1", 9031, L),
        ];
        assert_eq!(
            find(&same_host_other_port, &address("127.0.0.1", 9030), &[]),
            Leader::Elsewhere(address("127.0.0.1", 9031))
        );
    }

    #[test]
    fn a_lone_frontend_is_never_left() {
        let lone = [frontend("172.17.0.2", 9030, FrontendRole::Leader)];
        assert_eq!(find(&lone, &address("localhost", 19030), &[]), Leader::Here);
    }

    #[test]
    fn an_election_shows_no_leader() {
        let two = [
            frontend("10.0.0.1", 9030, FrontendRole::Other),
            frontend("10.0.0.2", 9030, FrontendRole::Other),
        ];
        assert_eq!(
            find(&two, &address("10.0.0.1", 9030), &[]),
            Leader::NotShown
        );
        assert_eq!(find(&[], &address("10.0.0.1", 9030), &[]), Leader::NotShown);
    }
}
