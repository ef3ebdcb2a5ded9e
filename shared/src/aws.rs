//! The services of AWS that the program itself talks to.
//!
//! Region, credentials and endpoint come from where the AWS SDK looks for them: the environment, a
//! profile, a web identity, or the metadata of the container or instance. In a Lambda function they come
//! from its environment and from nowhere else.

mod http;
mod secrets;

pub use secrets::{Secrets, Stage};
