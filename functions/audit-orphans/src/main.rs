//! The Lambda function `audit-orphans`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::BootstrapError> {
    shared::lambda::run(audit_orphans::handle).await
}
