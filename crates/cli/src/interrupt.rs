//! Ctrl-C: the first asks the training to end, the second ends the program.

use flambeau::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a program ended by SIGINT, as shells give it.
pub(crate) const EXIT_CODE: u8 = 130;

/// Whether the user has asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From here on, Ctrl-C (and SIGTERM, SIGHUP) sets the flag instead of ending the program.
    pub(crate) fn listen() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&flag);
        ctrlc::set_handler(move || {
            if seen.swap(true, Ordering::Relaxed) {
                #[allow(
                    clippy::disallowed_methods,
                    clippy::exit,
                    reason = "the user insists, and files are written atomically"
                )]
                std::process::exit(EXIT_CODE.into());
            }
        })
        .map_err(|e| Error::config("Ctrl-C", format!("cannot be caught ({e})")))?;
        Ok(Self(flag))
    }

    /// What is set then.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}
