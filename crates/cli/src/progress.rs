//! Progress bars of trainings and downloads. On anything but a terminal there are none.

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;

use crate::console::say;

/// One bar over all epochs, so that "left" means until the end.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    epochs: usize,
    samples: usize,
}

impl Progress {
    /// A bar for `epochs` passes over `samples` images.
    pub(crate) fn new(epochs: usize, samples: usize) -> Self {
        let bar = ProgressBar::new((epochs as u64).saturating_mul(samples as u64));
        let style =
            ProgressStyle::with_template("{prefix} {bar:16} {percent:>3} %  {msg}  {rate}  {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                    let _ = write!(out, "{:.0} samples/s", state.per_sec());
                })
                .progress_chars("━╸─");
        bar.set_style(style);
        Self { bar, epochs, samples }
    }

    /// Begins after so many epochs.
    pub(crate) fn start(&self, epochs: u64) {
        self.bar.set_position(epochs.saturating_mul(self.samples as u64));
        self.bar.reset_eta();
    }

    /// Shows that `epoch`, counted from 1, begins.
    pub(crate) fn begin_epoch(&self, epoch: usize) {
        self.bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
    }

    /// Counts a batch that gave the mean `loss` so far.
    pub(crate) fn step(&self, samples: usize, loss: f64) {
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("loss {loss:.4}"));
        }
        self.bar.inc(samples as u64);
    }

    /// Prints a line above the bar.
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }
}

impl Drop for Progress {
    /// Takes the bar away, also when an error ends the training.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The bar of measurements, one after the other.
#[derive(Debug)]
pub(crate) struct Steps(ProgressBar);

impl Steps {
    /// Of so many.
    pub(crate) fn new(steps: usize) -> Self {
        let bar = ProgressBar::new(steps as u64);
        let style = ProgressStyle::with_template("{pos:>3}/{len} {bar:16} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
        Self(bar)
    }

    /// Shows what is done now. Drawn at once: between two measurements nothing should run.
    pub(crate) fn show(&self, what: &str) {
        self.0.set_message(what.to_owned());
        self.0.force_draw();
    }

    /// Counts it.
    pub(crate) fn done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The bar of a download: one file after another.
#[derive(Debug, Default)]
pub(crate) struct Transfer {
    file: Option<(String, ProgressBar)>,
}

impl Transfer {
    /// Shows that so many bytes of a file are here.
    pub(crate) fn show(&mut self, name: &str, done: u64, total: Option<u64>) {
        if self.file.as_ref().is_none_or(|(shown, _)| shown != name) {
            self.end();
            let bar = ProgressBar::no_length().with_prefix(name.to_owned());
            let style = ProgressStyle::with_template(
                "{prefix}  {bar:16} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
            // What an earlier attempt left says nothing of the speed.
            bar.set_position(done);
            bar.reset_eta();
            self.file = Some((name.to_owned(), bar));
        }
        if let Some((_, bar)) = &self.file {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
        }
    }

    fn end(&mut self) {
        if let Some((_, bar)) = self.file.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.end();
    }
}
