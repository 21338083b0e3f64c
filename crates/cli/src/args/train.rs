//! What `flambeau train`, `eval` and `predict` take.

use clap::{ArgGroup, Args, ValueEnum};
use flambeau::train::config::DataName;
use std::path::PathBuf;

use super::{count, number, seed, whole_number};

/// Train a network and write a run folder
///
/// Without --config it is a network of three layers, on images. The data are split into training, validation and test items.
/// After each epoch, the weights with the best validation accuracy so far are kept; the test items are looked at once, at
/// the end, with those weights. Ctrl-C ends after the current batch, keeps what there is, and leaves the test items alone;
/// --resume then goes on. A second Ctrl-C ends at once.
#[derive(Debug, Args)]
// A negative value is to be told from an option, so that the complaint is about the value.
#[command(after_help = TRAIN_EXAMPLES, allow_negative_numbers = true)]
#[command(group(ArgGroup::new("from_file").args(["config", "resume"])))]
pub(crate) struct TrainArgs {
    /// Train what this file says; see `flambeau config new`. The flags below are taken instead of what it says
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Go on with an interrupted training: the same weights, to the bit, as without the interruption
    #[arg(long, value_name = "DIR", conflicts_with_all = FLAGS)]
    pub(crate) resume: Option<PathBuf>,

    /// The data to learn: a name that `flambeau data list` gives, such as folder:PATH for a folder with a folder of images
    /// for each class (or with two of these, `train` and `test`) [default: digits]
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<DataName>,

    /// Folder with the data set's files, or with a folder of the set's name that holds them [default: where `flambeau data
    /// download` puts them]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// How often to go through the training items [default: 30 for digits, 10 for the others]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) epochs: Option<usize>,

    /// Items a step [default: 32]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) batch_size: Option<usize>,

    /// Learning rate at the start; without --config it falls to 0 along half a cosine [default: 0.02]
    #[arg(long, value_name = "RATE", value_parser = learning_rate)]
    pub(crate) lr: Option<f64>,

    /// Share of the last step's direction that the next one keeps, from 0 to below 1 [default: 0.9]
    #[arg(long, value_name = "M", value_parser = momentum)]
    pub(crate) momentum: Option<f64>,

    /// L2 penalty on the weights [default: 0.0001]
    #[arg(long, value_name = "W", value_parser = weight_decay)]
    pub(crate) weight_decay: Option<f64>,

    /// Decides the split, the first weights and the order of the items; the same seed gives the same network [default: 0]
    #[arg(long, value_name = "N", value_parser = seed)]
    pub(crate) seed: Option<u64>,

    /// Any other key of a configuration, such as optimizer.name=Adam or model.1.out_features=100; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,

    /// Threads to compute with [default: one a core]; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,

    /// Folder for the results, new or empty [default: runs/NAME-TIME]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(crate) out: Option<PathBuf>,

    /// Open the test set of a run folder once more, which makes its result optimistic and is said beside it
    #[arg(long, requires = "from_file")]
    pub(crate) again: bool,
}

/// What a run folder says instead.
const FLAGS: [&str; 9] =
    ["config", "dataset", "data_dir", "batch_size", "lr", "momentum", "weight_decay", "seed", "set"];

const TRAIN_EXAMPLES: &str = "\
The run folder holds config.toml, metrics.jsonl (a line an epoch), best.safetensors, checkpoints, curves.svg and
result.json. Exit codes: 0 done, 2 wrong input or diverged, 130 ended by Ctrl-C.

Examples:
  flambeau train
  flambeau train --epochs 50 --lr 0.05 --seed 3 --out runs/slow
  flambeau train --dataset mnist --data-dir ~/mnist --batch-size 64
  flambeau train --dataset folder:pets
  flambeau train --config mlp.toml --out runs/mlp
  flambeau train --config mlp.toml --lr 0.01 --set model.3.p=0.5
  flambeau train --resume runs/mlp";

/// Measure the best weights of a run on its validation or test data
#[derive(Debug, Args)]
#[command(after_help = EVAL_EXAMPLES)]
pub(crate) struct EvalArgs {
    /// Run folder that `flambeau train` wrote
    pub(crate) run: PathBuf,

    /// Which data; each opening of the test set is recorded in the run folder
    #[arg(long, value_enum, default_value_t = EvalSplit::Val)]
    pub(crate) split: EvalSplit,

    /// Open the test set once more, which makes its result optimistic and is said beside it
    #[arg(long)]
    pub(crate) again: bool,

    /// Threads to compute with [default: one a core]; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
}

/// Data that were not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvalSplit {
    /// What the best weights were chosen by.
    Val,
    /// What is looked at once.
    Test,
}

const EVAL_EXAMPLES: &str = "\
Examples:
  flambeau eval runs/mlp
  flambeau eval runs/mlp --split test --again";

/// Use a trained network on images or tables
///
/// An image (PNG, JPEG, WebP or BMP) is turned to grey if the network learnt from grey images, brought to the size that the
/// network takes, and printed with its likeliest classes; so is each row of a table (a CSV file with the columns that the
/// network learnt from). A network that learnt numbers prints these.
#[derive(Debug, Args)]
#[command(after_help = PREDICT_EXAMPLES)]
pub(crate) struct PredictArgs {
    /// Run folder that `flambeau train` wrote
    pub(crate) run: PathBuf,

    /// Images of one thing each, light on dark if the training images are; or tables, whose names end in .csv
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Swap light and dark first, for ink on paper
    #[arg(long)]
    pub(crate) invert: bool,

    /// How many of the likeliest classes to print
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = count)]
    pub(crate) top_k: usize,
}

const PREDICT_EXAMPLES: &str = "\
Examples:
  flambeau predict runs/digits-20250131T120000Z three.png four.png
  flambeau predict runs/fashion photo.png --invert --top-k 5
  flambeau predict runs/houses houses.csv";

pub(crate) fn threads(text: &str) -> Result<usize, String> {
    whole_number(text, 1..=1024, "from 1 to 1024")
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

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let pair = pair.map(|(key, value)| (key.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "needs KEY=VALUE, such as optimizer.lr=0.01".into())
}
