//! `starrocks-br`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(
        std::env::args_os(),
        &mut cli::terminal::Terminal::of_process(),
    )
    .await
}
