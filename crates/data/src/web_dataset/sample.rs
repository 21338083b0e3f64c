//! One sample of a shard.

use flambeau_tensor::{Error, Result, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The entries of a shard that share a name up to the first dot.
#[derive(Clone, Debug)]
pub struct Sample {
    pub(super) shard: Arc<PathBuf>,
    pub(super) key: String,
    pub(super) fields: BTreeMap<String, Vec<u8>>,
}

impl Sample {
    /// The name that its entries share, folders included.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The shard that it comes from.
    pub fn shard(&self) -> &Path {
        &self.shard
    }

    /// The contents of its entries by what their names end in, in small letters.
    pub fn fields(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.fields
    }

    /// A field's contents. `names` may hold several, of which the first there is taken: `"jpg;jpeg;png"`.
    ///
    /// # Errors
    /// [`Error::Config`] if the sample has none of them.
    pub fn field(&self, names: &str) -> Result<&[u8]> {
        let field = names.split(';').find_map(|name| self.fields.get(name.trim()));
        field.map(Vec::as_slice).ok_or_else(|| {
            let has: Vec<_> = self.fields.keys().collect();
            Error::config(names, format!("is not there; the sample has {has:?}"))
        })
    }

    /// A field's contents as `u8` of shape `[bytes]`, as an input that is decoded by the loader's workers.
    ///
    /// # Errors
    /// As for [`field`](Self::field).
    pub fn bytes(&self, names: &str) -> Result<Tensor> {
        let bytes = self.field(names)?;
        Ok(Tensor::from_vec(bytes.to_vec(), [bytes.len()]))
    }

    /// A field that holds a class index in decimal digits, as `i64` without dimensions.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such field, or it holds no whole number from 0 to below `classes`.
    pub fn class(&self, names: &str, classes: usize) -> Result<Tensor> {
        let bytes = self.field(names)?;
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(32)]);
        match text.trim().parse::<usize>() {
            Ok(class) if class < classes => Ok(Tensor::from_vec(vec![class as i64], [])),
            _ => Err(Error::config(
                names,
                format!("holds {:?}, not a class from 0 to below {classes}", text.trim()),
            )),
        }
    }

    /// An image field, decoded and divided by 255: `f32` of shape `[channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such field, or where [`decode_image`](crate::decode_image) has one.
    #[cfg(feature = "image")]
    pub fn image(&self, names: &str, mode: crate::ImageReadMode) -> Result<Tensor> {
        let image = crate::vision::decode(self.field(names)?, mode, false);
        image.map(|image| crate::vision::scaled(&image)).map_err(|message| Error::config(names, message))
    }

    /// The same error, with the shard and the sample.
    pub(super) fn error(&self, error: Error) -> Error {
        Error::file(&*self.shard, format!("sample {:?}: {error}", self.key))
    }
}
