//! Lines for the user.

use std::fmt::Display;
use std::io::Write;

/// A line on stdout. A reader that has gone away (`flambeau | head`) does not end a training.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on stderr.
pub(crate) fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "error: {line}");
}
