//! A yes or no before something is done that cannot be taken back in silence.

use shared::error::{Error, ErrorName};

use super::Session;
use crate::{Done, execution};

impl Session<'_> {
    /// `look`: how to see beforehand what is being asked about.
    pub(super) async fn ask(&mut self, yes: bool, question: &str, look: &str) -> Done {
        if yes {
            return Ok(());
        }
        if !self.terminal.is_interactive() {
            return Err(Error::invalid_input(
                "nobody is there to confirm this: nothing was changed",
            )
            .hint(format!("add --yes, after looking at {look}")));
        }
        match self
            .terminal
            .confirm(question, execution::asked_to_end())
            .await
        {
            Some(true) => Ok(()),
            Some(false) => Err(Error::invalid_input("not confirmed: nothing was changed")
                .hint("answer y or yes to go on")),
            None => Err(
                Error::new(ErrorName::Interrupted, "not confirmed: nothing was changed")
                    .hint("run the command again"),
            ),
        }
    }
}
