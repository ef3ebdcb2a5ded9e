//! Logs: JSON lines in Lambda, text on stderr elsewhere. Messages read alone; identifiers are fields.

use std::io::IsTerminal;

use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How much is logged where nothing else is asked for: in Lambda the log is all there is, on a terminal
/// the program speaks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Text { verbose: bool },
}

/// Installs the subscriber of this process. A second call, as in tests, changes nothing.
pub fn init(format: Format, filter: Option<&str>) {
    let default = match format {
        Format::Json => "info",
        Format::Text { verbose: true } => "debug",
        Format::Text { verbose: false } => "error",
    };
    // What was done is logged at every level, but not to a person who sees it done. A filter that names it
    // itself comes later, and wins.
    let watched = format == Format::Text { verbose: false } && std::io::stderr().is_terminal();
    let audit = if watched { "audit=off" } else { "audit=info" };
    // Levels by target are all that is promised, and EnvFilter is more program for every function.
    let filter: Targets = filter
        .and_then(|filter| format!("{audit},{filter}").parse().ok())
        .unwrap_or_else(|| {
            let filter = format!("{audit},{default}");
            filter.parse().expect("a level is a filter")
        });
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    // A subscriber that is already there stays: the only way this can fail.
    let _ = match format {
        Format::Json => registry
            // The innermost span says what a call is about; the runtime's own would say it again.
            .with(layer.json().flatten_event(true).with_span_list(false))
            .try_init(),
        Format::Text { .. } => registry.with(layer.without_time()).try_init(),
    };
}
