//! The Lambda function `poll-status`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::BootstrapError> {
    shared::lambda::run(poll_status::handle).await
}
