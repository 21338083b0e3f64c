//! Files as inputs of a trained model.

use super::super::Config;
use super::Facts;
use flambeau_data::transforms::Transform;
use flambeau_data::transforms::functional::{ResizeOptions, resize};
use flambeau_data::{CsvOptions, ImageReadMode, read_csv, read_image};
use flambeau_tensor::{DType, Error, Result, Tensor, no_grad, try_call};
use std::path::Path;

impl Config {
    /// A PNG, JPEG, WebP or BMP file as the model takes it: in a batch of one, of the channels and the size of the training
    /// images, transformed as their validation images were. `invert` swaps light and dark first.
    ///
    /// # Errors
    /// [`Error::File`] if it is no such image, or the model was not trained on images; [`Error::Config`] without
    /// [`Facts`].
    pub fn read_image(&self, path: impl AsRef<Path>, invert: bool) -> Result<Tensor> {
        let path = path.as_ref();
        let facts = self.facts()?;
        let (true, &[_, height, width]) = (self.data.name.holds_images(), &facts.input[..]) else {
            let columns = facts.features.join(", ");
            let message = format!(
                "cannot be used: this model learnt from tables; give a CSV file with the columns {columns}"
            );
            return Err(Error::file(path, message));
        };
        let mode = if self.data.name.is_colour() { ImageReadMode::Rgb } else { ImageReadMode::Gray };
        let bytes = read_image(path, mode)?;
        let transform = self.data.eval_transform()?;
        let made = try_call(|| {
            no_grad(|| {
                let mut x = bytes.to_dtype(DType::F32) / 255.0;
                if invert {
                    x = 1.0 - x;
                }
                if let &[_, height, width] = &facts.item[..] {
                    x = fitted(x, [height, width]);
                }
                let x = transform.map_or_else(|| x.clone(), |transform| transform.call(&x));
                fitted(x, [height, width]).unsqueeze(0)
            })
        });
        let x = made.map_err(|error| Error::file(path, error.to_string()))?;
        match x.shape()[1..] == facts.input {
            true => Ok(x),
            false => Err(Error::file(path, format!("becomes {:?}, not {:?}", &x.shape()[1..], facts.input))),
        }
    }

    /// The rows of a CSV file as the model takes them: the columns that it learnt from, by their names.
    ///
    /// # Errors
    /// [`Error::File`] if it is no such table or lacks a column, or the model was not trained on a table;
    /// [`Error::Config`] without [`Facts`].
    pub fn read_table(&self, path: impl AsRef<Path>) -> Result<Tensor> {
        let path = path.as_ref();
        let facts = self.facts()?;
        if self.data.name.holds_images() || facts.features.is_empty() {
            let message =
                "cannot be used: this model learnt from images; give it PNG, JPEG, WebP or BMP files";
            return Err(Error::file(path, message));
        }
        let names: Vec<&str> = facts.features.iter().map(String::as_str).collect();
        let table = read_csv(path, CsvOptions::default())?;
        if table.is_empty() {
            return Err(Error::file(path, "holds no rows below its head"));
        }
        table.numbers(&names)
    }

    fn facts(&self) -> Result<&Facts> {
        let missing = || {
            Error::config(
                "data.facts",
                "are missing; take the config.toml of a run folder, where a training writes them",
            )
        };
        self.data.facts.as_ref().ok_or_else(missing)
    }
}

/// An image in another size. Where it shrinks, the mean over the pixels that fall together, as the small digits were made
/// from large ones.
fn fitted(x: Tensor, [height, width]: [usize; 2]) -> Tensor {
    let (h, w) = (x.shape()[1], x.shape()[2]);
    if [h, w] == [height, width] {
        x
    } else if h >= height && w >= width {
        x.adaptive_avg_pool2d([height, width])
    } else {
        resize(&x, [height, width], &ResizeOptions::default())
    }
}
