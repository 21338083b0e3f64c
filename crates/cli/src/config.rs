//! `config.toml` of a run: what was trained, on what, and how; enough to build the network again.

use flambeau::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use crate::datasets::DatasetName;

/// No image or layer of this program comes near; keeps a damaged file from asking for all memory.
pub(crate) const MAX_SIZE: usize = 4096;
/// Pixels an image, for the same reason.
pub(crate) const MAX_PIXELS: usize = 1 << 20;

/// A run's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The version of flambeau that wrote this.
    pub(crate) flambeau: String,
    pub(crate) dataset: DatasetName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) lr: f64,
    pub(crate) momentum: f64,
    pub(crate) weight_decay: f64,
    pub(crate) seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threads: Option<usize>,
    pub(crate) model: ModelConfig,
}

/// The network's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelConfig {
    /// Channels, height and width of an image.
    pub(crate) input: [usize; 3],
    /// Units of the two hidden layers.
    pub(crate) hidden: [usize; 2],
    /// Mean and standard deviation of the training pixels; the network scales its input by them.
    pub(crate) mean: f64,
    pub(crate) std: f64,
    /// What the outputs stand for.
    pub(crate) classes: Vec<String>,
}

impl Config {
    /// Reads and checks a run's `config.toml`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, cannot_read(&e)))?;
        let config: Self = toml::from_str(&text)
            .map_err(|e| Error::file(path, format!("not a run's configuration: {}", one_line(&e, &text))))?;
        config.model.check().map_err(|message| Error::file(path, message))?;
        Ok(config)
    }

    pub(crate) fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::config("config.toml", e.to_string()))
    }
}

impl ModelConfig {
    fn check(&self) -> Result<(), String> {
        let sizes = self
            .input
            .iter()
            .chain(&self.hidden)
            .chain(std::iter::once(&0).filter(|_| self.classes.is_empty()));
        if let Some(size) = sizes.copied().find(|size| !(1..=MAX_SIZE).contains(size)) {
            return Err(format!("[model] has a size of {size}; each must lie between 1 and {MAX_SIZE}"));
        }
        if !self.mean.is_finite() || !self.std.is_normal() {
            return Err(format!(
                "[model] has mean {} and std {}; both must be finite and std not 0",
                self.mean, self.std
            ));
        }
        match self.input {
            [1 | 3, height, width] if height * width > MAX_PIXELS => Err(format!(
                "[model] takes images of {height}×{width}; at most {MAX_PIXELS} pixels are possible"
            )),
            [1 | 3, _, _] => Ok(()),
            [channels, _, _] => {
                Err(format!("[model] takes {channels} channels; images have 1 (grey) or 3 (colour)"))
            }
        }
    }
}

/// TOML's complaints draw the place on several lines; here is one.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
    let message = error.message().replace('\n', " ");
    line.map_or(message.clone(), |line| format!("line {line}: {message}"))
}

fn cannot_read(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file; name a run folder that `flambeau train` wrote".into(),
        _ => format!("cannot be read ({error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            flambeau: "0.1.0".into(),
            dataset: DatasetName::FashionMnist,
            data_dir: Some("some/where".into()),
            epochs: 3,
            batch_size: 32,
            lr: 0.02,
            momentum: 0.9,
            weight_decay: 1e-4,
            seed: i64::MAX as u64,
            threads: None,
            model: ModelConfig {
                input: [1, 28, 28],
                hidden: [200, 200],
                mean: 0.3,
                std: 0.35,
                classes: vec!["a".into(), "b".into()],
            },
        }
    }

    fn read(text: &str) -> Result<Config> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).unwrap();
        Config::read(file.path())
    }

    #[test]
    fn comes_back_as_written() {
        assert_eq!(read(&config().to_toml().unwrap()).unwrap(), config());
    }

    #[test]
    fn damage_is_named_with_its_line() {
        let good = config().to_toml().unwrap();
        for (bad, part) in [
            (good.replace("epochs = 3", "epochs = \"three\""), "line 4"),
            (good.replace("lr =", "learning ="), "learning"),
            (good.replace("fashion-mnist", "cifar"), "cifar"),
            (good.replace("28", "99999999"), "99999999"),
            (good.replace("[1, 28", "[2, 28").replace("1,\n    28", "2,\n    28"), "2 channels"),
            ("¤".into(), "not a run's configuration"),
        ] {
            let message = read(&bad).unwrap_err().to_string();
            assert!(message.contains(part) && !message.contains('\n'), "{part}: {message}");
        }
    }
}
