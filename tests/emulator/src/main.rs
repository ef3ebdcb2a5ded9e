//! A stand-alone emulator for people with a MySQL client.

use std::process::ExitCode;

fn main() -> ExitCode {
    starrocks_emulator::program::main(None)
}
