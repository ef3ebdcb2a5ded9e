//! Logs: JSON lines in Lambda, text on stderr elsewhere. Messages read alone; identifiers are fields.

use tracing_subscriber::{EnvFilter, fmt};

/// How much is logged where nothing else is asked for: in Lambda the log is all there is, on a terminal
/// the program speaks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Text { verbose: bool },
}

const AUDIT: &str = "audit=info";

/// Installs the subscriber of this process. A second call, as in tests, changes nothing.
pub fn init(format: Format, filter: Option<&str>) {
    let default = match format {
        Format::Json => "info",
        Format::Text { verbose: true } => "debug",
        Format::Text { verbose: false } => "error",
    };
    // What was done is logged at every level; a filter that names it itself comes later, and wins.
    let filter = EnvFilter::new(format!("{AUDIT},{}", filter.unwrap_or(default)));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A subscriber that is already there stays: the only way this can fail.
    let _ = match format {
        Format::Json => builder
            .json()
            .flatten_event(true)
            // The innermost span says what a call is about; the runtime's own would say it again.
            .with_span_list(false)
            .with_target(false)
            .try_init(),
        Format::Text { .. } => builder.with_target(false).without_time().try_init(),
    };
}
