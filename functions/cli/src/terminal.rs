//! Where a command reads and writes: data on one side, everything said to a person on the other.

use std::{
    fmt,
    io::{self, BufRead, IsTerminal, Write},
};

use tokio::sync::oneshot;

pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    interactive: bool,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Terminal")
            .field("interactive", &self.interactive)
            .finish_non_exhaustive()
    }
}

impl Terminal {
    pub fn of_process() -> Terminal {
        Terminal {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
        }
    }

    /// For tests: nobody is there to ask, unless `input` says what they answer.
    pub fn new(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        input: Option<&str>,
    ) -> Terminal {
        Terminal {
            out: Box::new(out),
            err: Box::new(err),
            input: Box::new(io::Cursor::new(
                input.unwrap_or_default().to_owned().into_bytes(),
            )),
            interactive: input.is_some(),
        }
    }

    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Data. A reader that has gone away is no error: there is nobody left to tell.
    pub(crate) fn print(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    /// Everything else.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
        let _ = self.err.flush();
    }

    /// `Some(true)` only after an explicit yes; an empty answer is no. `None` if the process was asked
    /// to end meanwhile: once signals are listened to, nothing else ends it at a prompt.
    pub(crate) async fn confirm(
        &mut self,
        question: &str,
        asked_to_end: impl Future<Output = ()>,
    ) -> Option<bool> {
        let _ = write!(self.err, "{question} [y/N] ");
        let _ = self.err.flush();
        let mut input = std::mem::replace(&mut self.input, Box::new(io::empty()));
        let (sender, answered) = oneshot::channel();
        // Not a task of the runtime, which would wait for it at the end.
        std::thread::spawn(move || {
            let mut answer = String::new();
            let read = input.read_line(&mut answer);
            let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
            // Nobody waits for it any more: the process ends.
            let _ = sender.send((input, read.is_ok() && yes));
        });
        tokio::select! {
            answer = answered => {
                let (input, yes) = answer.ok()?;
                self.input = input;
                Some(yes)
            }
            () = asked_to_end => {
                let _ = writeln!(self.err);
                None
            }
        }
    }
}
