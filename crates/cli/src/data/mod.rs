//! `flambeau data`: what there is to learn from, and whether it is sound.

mod check;
mod download;
mod list;
mod show;
mod stats;

use clap::{Args, Subcommand};
use flambeau::data::KnownDataset;
use flambeau::train::config::{DataConfig, DataName, TransformConfig};
use flambeau::{Error, Result};
use std::path::PathBuf;

use crate::args::{count, seed};

/// What is done with the data.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// List the data sets: sizes, licences, and where they are on this machine
    List,
    Download(DownloadArgs),
    Show(ShowArgs),
    /// Print the class balance and the mean and deviation of each channel of the training images
    Stats(SetArgs),
    /// Look for images that occur twice, within and across training, validation and test images
    ///
    /// Exit code 1 if an image is in more than one part, or cannot be read.
    Check(CheckArgs),
}

/// Fetch a data set to where the other commands look for it
///
/// What is there already, whole and right, is not fetched again; what an interrupted download left is gone on with. Every
/// file is checked against its known checksum. Proxies are taken from HTTPS_PROXY and HTTP_PROXY.
#[derive(Debug, Args)]
#[command(after_help = DOWNLOAD_EXAMPLES)]
pub(crate) struct DownloadArgs {
    /// The data set
    #[arg(value_name = "NAME", value_parser = download::names())]
    pub(crate) dataset: KnownDataset,

    /// Folder for data sets; the set gets a folder of its name in it [default: $FLAMBEAU_DATA, or the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Address of a folder with the set's files, to be used instead of their own addresses; several are tried in turn
    #[arg(long = "mirror", value_name = "URL", value_parser = download::mirror)]
    pub(crate) mirrors: Vec<String>,

    /// File of SHA-256 checksums, as `sha256sum` prints them, of a mirror that has packed the files anew
    #[arg(long, value_name = "FILE", requires = "mirrors")]
    pub(crate) checksums: Option<PathBuf>,
}

const DOWNLOAD_EXAMPLES: &str = "\
Examples:
  flambeau data download fashion-mnist
  flambeau data download cifar10 --data-dir /srv/data
  flambeau data download mnist --mirror https://mirror.example.org/mnist
  flambeau data download mnist --mirror http://10.0.0.7/mnist --checksums mnist.sha256";

/// Which data.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The data set: a name that `flambeau data list` gives, or folder:PATH for a folder of images
    #[arg(value_name = "NAME")]
    pub(crate) dataset: DataName,

    /// Folder with the data set's files, or with a folder of the set's name that holds them; where it is looked for
    /// otherwise, `flambeau data list` says
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Draw a contact sheet of what transforms do to ten training images
///
/// A row an image: first as it is, then as it comes in each of the epochs to come. Without --transform, images are turned
/// by up to 10 degrees and moved by up to a twelfth of their height.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) set: SetArgs,

    /// A transform, NAME or NAME:key=value,…, as in a configuration's [[data.transforms]]; several are applied in their order
    #[arg(long = "transform", value_name = "NAME:ARGUMENTS")]
    pub(crate) transforms: Vec<TransformConfig>,

    /// The picture to write
    #[arg(long, value_name = "FILE", default_value = "sheet.png")]
    pub(crate) out: PathBuf,

    /// How many epochs to show
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = count)]
    pub(crate) epochs: usize,

    /// The first image to show, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) first: usize,

    /// Decides what is drawn
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed)]
    pub(crate) seed: u64,
}

const SHOW_EXAMPLES: &str = "\
Transforms have torchvision's names and arguments: CenterCrop, ColorJitter, GaussianBlur, Grayscale, Pad, RandomAffine,
RandomCrop, RandomErasing, RandomGrayscale, RandomHorizontalFlip, RandomResizedCrop, RandomRotation, RandomVerticalFlip,
Resize.

Examples:
  flambeau data show digits
  flambeau data show fashion-mnist --transform RandomRotation:degrees=15 --transform RandomCrop:size=28,padding=3";

/// Which data, and how they are split.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) set: SetArgs,

    /// The seed of the split, as in `flambeau train`
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed)]
    pub(crate) seed: u64,
}

/// Whether the data are sound.
pub(crate) fn run(command: DataCommand) -> Result<bool> {
    match command {
        DataCommand::List => list::run(),
        DataCommand::Download(args) => download::run(&args)?,
        DataCommand::Show(args) => show::run(&args)?,
        DataCommand::Stats(args) => stats::run(&args)?,
        DataCommand::Check(args) => return check::run(&args),
    }
    Ok(true)
}

impl SetArgs {
    /// Images, with no transforms.
    fn config(&self) -> Result<DataConfig> {
        let mut config = DataConfig::new(self.dataset.clone());
        config.dir.clone_from(&self.data_dir);
        match self.dataset.holds_images() {
            true => Ok(config),
            false => Err(Error::config(self.dataset.name(), "holds no images; this command looks at images")),
        }
    }
}
