//! From arguments to a configuration.

use flambeau::train::config::{Config, LayerConfig, Splits};
use flambeau::{Error, Result};
use std::path::Path;

use crate::args::TrainArgs;
use crate::cv::FOLDS;
use crate::run_folder::CONFIG;

const DEFAULT: &str = include_str!("default.toml");

/// What is to be trained: what a run folder says, or a file, or the program; and over it what the flags say.
pub(crate) fn config(args: &TrainArgs) -> Result<Config> {
    if let Some(folder) = &args.resume {
        if folder.join(FOLDS).is_file() {
            let message = "is a cross-validation's, which keeps no checkpoints; run `flambeau cv` again";
            return Err(Error::file(folder, message));
        }
        let mut config = of_run(folder)?;
        config.epochs = args.epochs.map_or(config.epochs, |epochs| epochs as u64);
        return Ok(config);
    }
    let mut config = match &args.config {
        Some(file) => Config::read(file)?,
        None => digits()?,
    };
    if let Some(name) = args.dataset.clone().filter(|name| *name != config.data.name) {
        // What another set needs.
        config.data.name = name;
        (config.data.dir, config.data.target, config.data.features) = (None, None, None);
        if args.config.is_none() {
            config.epochs = 10;
        }
    }
    config.data.dir = args.data_dir.clone().or(config.data.dir);
    config.epochs = args.epochs.map_or(config.epochs, |epochs| epochs as u64);
    config.seed = args.seed.unwrap_or(config.seed);
    config.batch_size = args.batch_size.unwrap_or(config.batch_size);

    let flags = [
        ("--lr", "optimizer.lr", args.lr),
        ("--momentum", "optimizer.momentum", args.momentum),
        ("--weight-decay", "optimizer.weight_decay", args.weight_decay),
    ];
    for (flag, key, value) in flags {
        let Some(value) = value else { continue };
        config.set(&[(key, &format!("{value:?}"))]).map_err(|error| renamed(error, flag))?;
    }
    let pairs: Vec<(&str, &str)> = args.set.iter().map(|(key, value)| (&**key, &**value)).collect();
    if !pairs.is_empty() {
        config.set(&pairs).map_err(|error| renamed(error, "--set"))?;
    }
    Ok(config)
}

/// What is trained without a file.
pub(crate) fn digits() -> Result<Config> {
    Config::parse(DEFAULT)
}

/// The error of a setting, under the name that the user knows.
fn renamed(error: Error, flag: &str) -> Error {
    match error {
        Error::Config { message, .. } => Error::config(flag, message),
        other => other,
    }
}

/// The configuration in a run folder.
pub(crate) fn of_run(folder: &Path) -> Result<Config> {
    if !folder.is_dir() {
        let message = if folder.exists() { "is not a folder" } else { "no such folder" };
        return Err(Error::file(folder, format!("{message}; name a run folder that `flambeau train` wrote")));
    }
    let path = folder.join(CONFIG);
    if !path.is_file() {
        return Err(Error::file(path, "no such file; name a run folder that `flambeau train` wrote"));
    }
    Config::read(path)
}

/// As many outputs as there are classes, in the network of the program's own.
pub(crate) fn fit_outputs(config: &mut Config, splits: &Splits) {
    if let Some(LayerConfig::Linear { out_features, .. }) = config.model.last_mut() {
        *out_features = splits.classes.len().max(1);
    }
}
