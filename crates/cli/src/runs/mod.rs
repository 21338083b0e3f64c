//! `flambeau runs`: what trainings have left behind.

mod compare;
mod delete;
mod list;
mod plot;
mod read;
mod settings;
mod show;

use clap::{Args, Subcommand};
use flambeau::Result;
use std::path::PathBuf;

/// What is done with run folders.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    List(ListArgs),
    Show(ShowArgs),
    Compare(CompareArgs),
    Plot(PlotArgs),
    Delete(DeleteArgs),
}

/// List the runs of a folder: data, status, best and test values, time
///
/// A run is `running` while a process has its folder, `ended` if that process is gone and left no result, and `damaged` if
/// a file of it cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  flambeau runs list\n  flambeau runs list ~/experiments")]
pub(crate) struct ListArgs {
    /// The folder that holds run folders
    #[arg(value_name = "DIR", default_value = "runs")]
    pub(crate) dir: PathBuf,
}

/// Show what is known of a run: status, values, settings, and its last evaluations
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  flambeau runs show runs/mlp\n  flambeau runs show mlp")]
pub(crate) struct ShowArgs {
    /// The run folder, or its name in `runs`
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
}

/// Show the settings in which runs differ, and their results side by side
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  flambeau runs compare runs/mlp runs/lenet\n  flambeau runs compare runs/*"
)]
pub(crate) struct CompareArgs {
    /// The run folders, or their names in `runs`; at least 2
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    pub(crate) runs: Vec<PathBuf>,
}

/// Draw the losses and monitored values of runs into one picture
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flambeau runs plot runs/mlp --out mlp.svg
  flambeau runs plot mlp lenet resnet --out curves.png")]
pub(crate) struct PlotArgs {
    /// The run folders, or their names in `runs`
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<PathBuf>,

    /// The picture to write: .svg or .png
    #[arg(long, value_name = "FILE", value_parser = crate::picture::file)]
    pub(crate) out: PathBuf,
}

/// Delete run folders
///
/// Asks first. A folder is left alone if it is not a run's, if it holds a file that no run writes, or if a process has it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  flambeau runs delete runs/mlp\n  flambeau runs delete --yes mlp lenet")]
pub(crate) struct DeleteArgs {
    /// The run folders, or their names in `runs`
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<PathBuf>,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

pub(crate) fn run(command: RunsCommand) -> Result<()> {
    match command {
        RunsCommand::List(args) => list::run(&args),
        RunsCommand::Show(args) => show::run(&args),
        RunsCommand::Compare(args) => compare::run(&args),
        RunsCommand::Plot(args) => plot::run(&args),
        RunsCommand::Delete(args) => delete::run(&args),
    }
}
