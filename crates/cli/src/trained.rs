//! The model in a run folder.

use flambeau::prelude::*;
use flambeau::train::config::Config;
use flambeau::{Error, Result};
use std::path::Path;

use crate::run_folder::WEIGHTS;
use crate::settings;

/// The configuration and the model with its best weights.
pub(crate) fn open(folder: &Path) -> Result<(Config, Sequential)> {
    let config = settings::of_run(folder)?;
    let weights = folder.join(WEIGHTS);
    if !weights.is_file() {
        return Err(Error::file(
            weights,
            "no such file; the run ended before its first weights, train again",
        ));
    }
    let Some(facts) = &config.data.facts else {
        return Err(Error::config(
            "data.facts",
            "are missing in config.toml; was it written by `flambeau train`?",
        ));
    };
    let model = config.build(&facts.input)?;
    model.load(weights)?;
    Ok((config, model))
}
