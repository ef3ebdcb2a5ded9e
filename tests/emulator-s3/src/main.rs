//! The stand-alone emulator, with the repositories of S3 in real buckets. Its options are those of
//! `starrocks-emulator`; what an instance profile would give it takes from the environment.

use std::{process::ExitCode, sync::Arc};

use starrocks_emulator_s3::S3;

#[expect(
    clippy::print_stderr,
    reason = "this is what a person at a terminal reads"
)]
fn main() -> ExitCode {
    match S3::from_environment() {
        Ok(s3) => starrocks_emulator::program::main(Some(Arc::new(s3))),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
