//! The errors of the library: what was wrong, with the values, and the likely fix.

use std::path::{Path, PathBuf};

/// What a fallible call of flambeau returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that a user, a file or a network can make go wrong.
///
/// Mistakes in arithmetic on tensors (shapes that do not fit, say) panic with the same message that
/// [`Error::Op`] carries; every operation's fallible form ([`try_apply`](crate::try_apply)) returns it instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation was called with shapes, dtypes or values that it does not take.
    #[error("{op}: {message}")]
    Op {
        /// The operation's name, as PyTorch spells it.
        op: &'static str,
        /// What was wrong, with the values, and the likely fix.
        message: String,
    },
    /// A file or folder could not be read, written or understood.
    #[error("{}: {message}", path.display())]
    File {
        /// The file or folder at fault.
        path: PathBuf,
        /// What was wrong with it and the likely fix.
        message: String,
    },
    /// A setting has a value that makes no sense.
    #[error("{field}: {message}")]
    Config {
        /// The setting at fault, as the user writes it.
        field: String,
        /// What was wrong with its value and the likely fix.
        message: String,
    },
    /// A `state_dict` does not fit the module that it was loaded into.
    #[error("state_dict does not fit: {0}")]
    StateDict(String),
    /// A training met numbers that are not finite.
    #[error("the training diverged {0}")]
    Diverged(String),
}

impl Error {
    /// An [`Error::Op`].
    pub fn op(op: &'static str, message: impl Into<String>) -> Self {
        Error::Op { op, message: message.into() }
    }

    /// The same error as one of the operation that called the one at fault.
    pub(crate) fn within(self, outer: &'static str) -> Self {
        match self {
            Error::Op { op, message } if op != outer => Error::op(outer, format!("{op}: {message}")),
            error => error,
        }
    }

    /// An [`Error::File`].
    pub fn file(path: impl AsRef<Path>, message: impl ToString) -> Self {
        Error::File { path: path.as_ref().to_path_buf(), message: message.to_string() }
    }

    /// An [`Error::Config`].
    pub fn config(field: impl Into<String>, message: impl Into<String>) -> Self {
        Error::Config { field: field.into(), message: message.into() }
    }
}
