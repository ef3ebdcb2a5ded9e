//! Small hand-made inputs for tests.

use super::request::RestoreRequest;
use crate::flow::{RestoreScope, SwapMode};

pub(crate) fn request() -> RestoreRequest {
    RestoreRequest {
        id: "01J0000000000000000000000".parse().unwrap(),
        stamp: "20260301_040000".parse().unwrap(),
        labels: vec!["shop_20260301_inc".parse().unwrap()],
        scope: RestoreScope::default(),
        rename_suffix: "_restored".parse().unwrap(),
        into_database: None,
        swap: SwapMode::Auto,
        checksum: false,
        row_counts: true,
        timeout_seconds: 86_400,
    }
}
