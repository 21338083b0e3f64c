//! The command line: what it takes, its defaults, and its one-line complaints.

mod train;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::bench::BenchArgs;
use crate::completions::CompletionsArgs;
use crate::cv::CvArgs;
use crate::data::DataCommand;
use crate::runs::RunsCommand;

pub(crate) use train::{EvalArgs, EvalSplit, PredictArgs, TrainArgs, threads};

/// Train and use neural networks.
#[derive(Debug, Parser)]
#[command(name = "flambeau", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Without a command, flambeau trains: `flambeau --epochs 5` means `flambeau train --epochs 5`.

Examples:
  flambeau
  flambeau data download fashion-mnist
  flambeau train --dataset fashion-mnist --out runs/fashion
  flambeau predict runs/fashion boot.png
  flambeau data check fashion-mnist
  flambeau cv --folds 5
  flambeau runs list";

/// What the program is asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Train(TrainArgs),
    Eval(EvalArgs),
    Predict(PredictArgs),
    /// List, fetch, show and check the data sets
    #[command(subcommand)]
    Data(DataCommand),
    /// Write a commented configuration to begin with
    #[command(subcommand)]
    Config(ConfigCommand),
    Summary(SummaryArgs),
    Cv(CvArgs),
    /// List, show, compare, plot and delete run folders
    #[command(subcommand)]
    Runs(RunsCommand),
    Bench(BenchArgs),
    Completions(CompletionsArgs),
}

/// What is done with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    New(NewConfigArgs),
}

/// Print a commented configuration, or write it to a file
#[derive(Debug, Args)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct NewConfigArgs {
    /// logistic-regression, mlp, lenet, resnet, fashion-mlp, fashion-cnn or tabular-regression
    pub(crate) name: String,

    /// The file to write, which must not be there yet [default: to the terminal]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

const NEW_EXAMPLES: &str = "\
Examples:
  flambeau config new mlp
  flambeau config new lenet --out lenet.toml";

/// Show the layers of a configuration, their shapes and parameters
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  flambeau summary lenet.toml")]
pub(crate) struct SummaryArgs {
    /// The configuration
    #[arg(value_name = "FILE")]
    pub(crate) config: PathBuf,
}

/// Why parsing gave no command.
#[derive(Debug)]
pub(crate) enum NoCommand {
    /// Help or version, to be shown on stdout.
    Shown(String),
    /// A mistake, in one line.
    Wrong(String),
}

/// Parses a command line whose first entry is the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, NoCommand> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let about_itself = ["-h", "--help", "-V", "--version"];
    let train = match args.get(1) {
        None => true,
        Some(first) => {
            first.to_string_lossy().starts_with('-') && about_itself.iter().all(|flag| first != flag)
        }
    };
    if train {
        args.insert(1.min(args.len()), "train".into());
    }
    let group = args.get(1).map(|group| group.to_string_lossy().into_owned()).unwrap_or_default();
    match Cli::try_parse_from(args) {
        Ok(Cli { command: Some(command) }) => Ok(command),
        Ok(Cli { command: None }) => {
            Err(NoCommand::Wrong("no command; try `flambeau train` or --help".into()))
        }
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Err(NoCommand::Shown(e.render().to_string()))
        }
        Err(e) if e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err(NoCommand::Wrong(no_command(&group)))
        }
        Err(e) => Err(NoCommand::Wrong(one_line(&e.to_string()))),
    }
}

/// What can be asked for.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// The complaint about a group of commands, such as `flambeau data`, without one.
fn no_command(group: &str) -> String {
    let command = command();
    let first = command.find_subcommand(group).and_then(|group| group.get_subcommands().next());
    let first = first.map_or("help", clap::Command::get_name);
    format!("no command; try `flambeau {group} {first}` or `flambeau {group} --help`")
}

/// Clap explains on several lines; scripts and logs want one.
fn one_line(message: &str) -> String {
    let mut line = String::new();
    for part in message.lines().map(str::trim).take_while(|part| !part.starts_with("Usage:")) {
        let part = part.trim_start_matches("error: ");
        let (separator, part) = match part {
            "" => continue,
            _ if part.starts_with("For more information") => continue,
            _ if part.starts_with("tip: ") => ("; ", &part["tip: ".len()..]),
            _ if part.starts_with('[') => ("; ", part.trim_matches(['[', ']'])),
            _ => (" ", part),
        };
        line += if line.is_empty() { "" } else { separator };
        line += part;
    }
    line
}

fn whole_number<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>, need: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|v| range.contains(v)).and_then(|v| T::try_from(v).ok());
    number.ok_or_else(|| format!("needs a whole number {need}"))
}

/// A run's config.toml keeps the numbers, and TOML's integers end here.
const MAX: u64 = i64::MAX as u64;

pub(crate) fn count(text: &str) -> Result<usize, String> {
    whole_number(text, 1..=MAX, "from 1 up")
}

pub(crate) fn seed(text: &str) -> Result<u64, String> {
    whole_number(text, 0..=MAX, &format!("from 0 to {MAX}"))
}

fn number(text: &str, good: impl Fn(f64) -> bool, need: &str) -> Result<f64, String> {
    text.parse().ok().filter(|&v: &f64| v.is_finite() && good(v)).ok_or_else(|| format!("needs {need}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Command, NoCommand> {
        parse(std::iter::once("flambeau").chain(line.split_whitespace()).map(OsString::from))
    }

    fn complaint(line: &str) -> String {
        match run(line) {
            Err(NoCommand::Wrong(message)) => message,
            other => panic!("{line}: expected a complaint, got {other:?}"),
        }
    }

    #[test]
    fn nothing_means_train_the_digits() {
        let Ok(Command::Train(args)) = run("") else { panic!("no training") };
        assert!((args.dataset, args.seed, args.epochs, args.config) == (None, None, None, None));
        let Ok(Command::Train(args)) = run("--seed 3 --epochs 5") else { panic!("no training") };
        assert_eq!((args.seed, args.epochs), (Some(3), Some(5)));
    }

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn complaints_are_one_line_with_value_and_fix() {
        for (line, parts) in [
            ("train --dataset cifar", ["cifar", "fashion-mnist"]),
            ("train --batch-size 0", ["--batch-size", "whole number from 1 up"]),
            ("train --epochs 0", ["--epochs", "whole number from 1 up"]),
            ("train --threads 0", ["--threads", "from 1 to 1024"]),
            ("train --lr NaN", ["NaN", "a number above 0"]),
            ("train --lr 0", ["--lr", "a number above 0"]),
            ("train --lr -0.1", ["-0.1", "a number above 0"]),
            ("train --lr fast", ["fast", "a number above 0"]),
            ("train --momentum 1", ["--momentum", "from 0 to below 1"]),
            ("train --momentum -0.5", ["-0.5", "from 0 to below 1"]),
            ("train --weight-decay -1", ["--weight-decay", "from 0 up"]),
            ("train --seed -1", ["-1", "from 0 to"]),
            ("train --dataset", ["--dataset", "value is required"]),
            ("train --epohcs 3", ["--epohcs", "--epochs"]),
            ("predict runs/x", ["FILE", "required"]),
            ("data", ["no command", "data list"]),
            ("runs", ["no command", "runs list"]),
            ("config", ["no command", "config new"]),
            ("cv --folds 1", ["--folds", "from 2 up"]),
            ("cv --folds five", ["--folds", "from 2 up"]),
            ("runs plot a", ["--out", "required"]),
            ("runs compare a", ["RUN", "2"]),
            ("completions tcsh", ["tcsh", "bash"]),
            ("bench --threads 0", ["--threads", "from 1 to 1024"]),
            ("bench scaling --plot a.gif", ["--plot", ".svg or .png"]),
            ("bench scaling mlp", ["mlp", "mlp-batch"]),
            ("data show digits --transform Spin", ["Spin", "RandomRotation"]),
            ("data show digits --epochs 0", ["--epochs", "from 1 up"]),
            ("data stats cifar", ["cifar", "fashion-mnist"]),
            ("train --resume a --lr 1", ["--resume", "--lr"]),
            ("train --set lr", ["--set", "KEY=VALUE"]),
            ("train --again", ["--config", "required"]),
            ("tarin", ["tarin", "; a similar subcommand exists: 'train'"]),
        ] {
            let message = complaint(line);
            assert!(!message.contains('\n'), "{message}");
            for part in parts {
                assert!(message.contains(part), "{line}: {message}");
            }
        }
    }

    #[test]
    fn help_is_shown() {
        let Err(NoCommand::Shown(help)) = run("train --help") else { panic!("no help") };
        assert!(help.contains("Examples:") && help.contains("--weight-decay"));
    }
}
