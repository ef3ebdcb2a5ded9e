//! The Lambda function `record-history`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::BootstrapError> {
    shared::lambda::run(record_history::handle).await
}
