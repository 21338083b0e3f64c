//! Where measured numbers go.

mod json_lines;
#[cfg(feature = "tensorboard")]
mod tensorboard;

pub use json_lines::{JsonLines, read_json_lines};
#[cfg(feature = "tensorboard")]
pub use tensorboard::TensorBoard;

use flambeau_tensor::{Result, Tensor};

/// Takes the numbers of a training, and texts and histograms where it can show them.
///
/// Names with a slash, such as `val/loss`, are grouped by what stands before it.
///
/// # Examples
/// One of your own:
/// ```
/// use flambeau_tensor::Result;
/// use flambeau_train::Logger;
///
/// /// Remembers the last value of a name.
/// struct Last(&'static str, Option<f64>);
///
/// impl Logger for Last {
///     fn scalars(&mut self, _step: u64, values: &[(&str, f64)]) -> Result<()> {
///         self.1 = values.iter().find(|(name, _)| *name == self.0).map(|(_, value)| *value).or(self.1);
///         Ok(())
///     }
/// }
///
/// let mut last = Last("val/loss", None);
/// last.scalars(1, &[("train/loss", 2.0), ("val/loss", 2.5)])?;
/// assert_eq!(last.1, Some(2.5));
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub trait Logger: Send {
    /// Numbers that belong to a step of the training.
    ///
    /// # Errors
    /// If they cannot be written.
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()>;

    /// The distribution of a tensor's values. Does nothing by default.
    ///
    /// # Errors
    /// If it cannot be written.
    fn histogram(&mut self, step: u64, name: &str, values: &Tensor) -> Result<()> {
        let _ = (step, name, values);
        Ok(())
    }

    /// A text. Does nothing by default.
    ///
    /// # Errors
    /// If it cannot be written.
    fn text(&mut self, step: u64, name: &str, text: &str) -> Result<()> {
        let _ = (step, name, text);
        Ok(())
    }

    /// Forgets what was logged after this step: a training goes on from a checkpoint that is older than the end of the
    /// log. Does nothing by default.
    ///
    /// # Errors
    /// If the log cannot be read or written.
    fn resume(&mut self, step: u64) -> Result<()> {
        let _ = step;
        Ok(())
    }
}
