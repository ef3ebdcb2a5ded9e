//! The Lambda function `precheck`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::BootstrapError> {
    shared::lambda::run(precheck::handle).await
}
