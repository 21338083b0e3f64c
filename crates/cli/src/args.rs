//! The command line: what it takes, its defaults, and its one-line complaints.

use clap::error::ErrorKind;
use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::completions::CompletionsArgs;
use crate::cv::CvArgs;
use crate::data::DataCommand;
use crate::datasets::DatasetName;
use crate::runs::RunsCommand;

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
    /// logistic-regression, mlp, lenet or resnet
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

/// Train the three-layer network on labelled images and write a run folder
///
/// The data are split into training, validation and test images. After each epoch, the weights with the best
/// validation accuracy so far are kept; the test images are looked at once, at the end, with those weights. Ctrl-C ends
/// after the current batch, keeps what there is, and leaves the test images alone; a second one ends at once.
#[derive(Debug, Args)]
// A negative value is to be told from an option, so that the complaint is about the value.
#[command(after_help = TRAIN_EXAMPLES, allow_negative_numbers = true)]
#[command(group(ArgGroup::new("from_file").args(["config", "resume"])))]
pub(crate) struct TrainArgs {
    /// The images to learn: a name that `flambeau data list` gives, or folder:PATH for a folder with a folder of images for
    /// each class (or with two of these, `train` and `test`)
    #[arg(long, value_name = "NAME", default_value = "digits", value_parser = DatasetName::parse)]
    pub(crate) dataset: DatasetName,

    /// Folder with the data set's files, or with a folder of the set's name that holds them [default: where `flambeau data
    /// download` puts them]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// How often to go through the training images [default: 30 for digits, 10 for the others]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) epochs: Option<usize>,

    /// Images a step
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = count)]
    pub(crate) batch_size: usize,

    /// Learning rate of SGD at the start; it falls to 0 along half a cosine
    #[arg(long, value_name = "RATE", default_value_t = 0.02, value_parser = learning_rate)]
    pub(crate) lr: f64,

    /// Share of the last step's direction that the next one keeps, from 0 to below 1
    #[arg(long, value_name = "M", default_value_t = 0.9, value_parser = momentum)]
    pub(crate) momentum: f64,

    /// L2 penalty on the weights
    #[arg(long, value_name = "W", default_value_t = 1e-4, value_parser = weight_decay)]
    pub(crate) weight_decay: f64,

    /// Decides the split, the first weights and the order of the images; the same seed gives the same network [default: 0]
    #[arg(long, value_name = "N", value_parser = seed)]
    pub(crate) seed: Option<u64>,

    /// Threads to compute with [default: one a core]; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,

    /// Folder for the results, new or empty [default: runs/DATASET-TIME]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(crate) out: Option<PathBuf>,

    /// Train what this file says; see `flambeau config new`. --epochs and --seed are taken instead of the file's
    #[arg(long, value_name = "FILE", conflicts_with_all = FLAGS)]
    pub(crate) config: Option<PathBuf>,

    /// Go on with an interrupted training of a --config: the same weights, to the bit, as without the interruption
    #[arg(long, value_name = "DIR", conflicts_with_all = FLAGS, conflicts_with_all = ["config", "seed"])]
    pub(crate) resume: Option<PathBuf>,

    /// Open the test set of a run folder once more, which makes its result optimistic and is said beside it
    #[arg(long, requires = "from_file")]
    pub(crate) again: bool,
}

/// What a configuration says instead.
const FLAGS: [&str; 6] = ["dataset", "data_dir", "batch_size", "lr", "momentum", "weight_decay"];

const TRAIN_EXAMPLES: &str = "\
The run folder holds config.toml, metrics.jsonl (a line an epoch), best.safetensors, curves.svg and result.json.
Exit codes: 0 done, 2 wrong input or diverged, 130 ended by Ctrl-C.

Examples:
  flambeau train
  flambeau train --epochs 50 --lr 0.05 --seed 3 --out runs/slow
  flambeau train --dataset mnist --data-dir ~/mnist --batch-size 64
  flambeau train --dataset folder:pets
  flambeau train --config mlp.toml --out runs/mlp
  flambeau train --resume runs/mlp";

/// Classify a PNG image with a trained network
///
/// The image is turned to grey if the network learnt from grey images, resized to what the network takes and printed with its three likeliest classes.
#[derive(Debug, Args)]
#[command(after_help = PREDICT_EXAMPLES)]
pub(crate) struct PredictArgs {
    /// Run folder that `flambeau train` wrote
    pub(crate) run: PathBuf,

    /// PNG image of one thing, light on dark as the training images are
    pub(crate) image: PathBuf,

    /// Swap light and dark first, for ink on paper
    #[arg(long)]
    pub(crate) invert: bool,
}

const PREDICT_EXAMPLES: &str = "\
Examples:
  flambeau predict runs/digits-20250131T120000Z three.png
  flambeau predict runs/fashion photo.png --invert";

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

pub(crate) fn threads(text: &str) -> Result<usize, String> {
    whole_number(text, 1..=1024, "from 1 to 1024")
}

pub(crate) fn seed(text: &str) -> Result<u64, String> {
    whole_number(text, 0..=MAX, &format!("from 0 to {MAX}"))
}

fn number(text: &str, good: impl Fn(f64) -> bool, need: &str) -> Result<f64, String> {
    text.parse().ok().filter(|&v: &f64| v.is_finite() && good(v)).ok_or_else(|| format!("needs {need}"))
}

fn learning_rate(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0, "a number above 0, such as 0.02")
}

fn momentum(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..1.0).contains(&v), "a number from 0 to below 1, such as 0.9")
}

fn weight_decay(text: &str) -> Result<f64, String> {
    number(text, |v| v >= 0.0, "a number from 0 up, such as 0.0001")
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
        assert_eq!((args.dataset, args.seed, args.epochs), (DatasetName::Digits, None, None));
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
            ("predict runs/x", ["IMAGE", "required"]),
            ("data", ["no command", "data list"]),
            ("runs", ["no command", "runs list"]),
            ("config", ["no command", "config new"]),
            ("cv --folds 1", ["--folds", "from 2 up"]),
            ("cv --folds five", ["--folds", "from 2 up"]),
            ("runs plot a", ["--out", "required"]),
            ("runs compare a", ["RUN", "2"]),
            ("completions tcsh", ["tcsh", "bash"]),
            ("data show digits --transform spin=3", ["spin", "rotation"]),
            ("data show digits --epochs 0", ["--epochs", "from 1 up"]),
            ("data stats cifar", ["cifar", "fashion-mnist"]),
            ("train --config a.toml --lr 1", ["--config", "--lr"]),
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
