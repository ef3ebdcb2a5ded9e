//! The Lambda function `start-backup`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::BootstrapError> {
    shared::lambda::run(start_backup::handle).await
}
