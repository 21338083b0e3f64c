//! Image files to tensors.

use flambeau_tensor::{Error, Result, Tensor};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use crate::idx::unreadable;

/// Which channels [`decode_image`] gives.
/// [`torchvision.io.ImageReadMode`](https://docs.pytorch.org/vision/stable/generated/torchvision.io.ImageReadMode.html).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ImageReadMode {
    /// 1 channel. Colours are weighed as 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as PIL does.
    Gray,
    /// 3 channels. Grey ones are repeated; transparency is left out.
    #[default]
    Rgb,
}

/// Decodes a PNG, JPEG, WebP or BMP image, told apart by content.
///
/// The result is `u8` of shape `[channels, height, width]`, from 0 to 255: the pixels of the file, in which the channels
/// come last, are moved to channels first. For a network, go on with `to_dtype(F32) / 255`. 16 bits a channel are
/// rounded to 8. A note in the file that the camera was held upright (EXIF orientation) is not followed.
///
/// Source: [`torchvision.io.decode_image`](https://docs.pytorch.org/vision/stable/generated/torchvision.io.decode_image.html).
///
/// # Errors
/// [`Error::Config`] if the bytes are none of these formats, damaged or truncated, or need more than 512 MiB.
///
/// # Examples
/// ```
/// use flambeau_data::{ImageReadMode, decode_image};
///
/// // BMP: a header of 54 bytes, 1 pixel in blue, green, red, and filling.
/// let mut bytes = vec![0; 54];
/// bytes[..2].copy_from_slice(b"BM");
/// for (place, value) in [(2, 58), (10, 54), (14, 40), (18, 1), (22, 1), (26, 1), (28, 24), (34, 4)] {
///     bytes[place] = value;
/// }
/// bytes.extend([30, 20, 10, 0]);
///
/// let image = decode_image(&bytes, ImageReadMode::Rgb)?;
/// assert_eq!(image.shape(), [3, 1, 1]);
/// assert_eq!(image.to_vec::<u8>(), [10, 20, 30]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn decode_image(bytes: &[u8], mode: ImageReadMode) -> Result<Tensor> {
    decode(bytes, mode, false).map_err(|message| Error::config("image", message))
}

/// Reads and decodes an image file: [`decode_image`], with the path in its errors.
///
/// # Errors
/// [`Error::File`] if the file cannot be read, and where [`decode_image`] has one.
///
/// ```
/// use flambeau_data::{ImageReadMode, read_image};
/// let error = read_image("no/such.png", ImageReadMode::Rgb).unwrap_err();
/// assert!(error.to_string().starts_with("no/such.png: no such file"));
/// ```
pub fn read_image(path: impl AsRef<Path>, mode: ImageReadMode) -> Result<Tensor> {
    read(path.as_ref(), mode, false)
}

pub(super) fn read(path: &Path, mode: ImageReadMode, orient: bool) -> Result<Tensor> {
    let file = File::open(path).map_err(|error| Error::file(path, unreadable(&error)))?;
    decode_from(&mut BufReader::new(file), mode, orient).map_err(|message| Error::file(path, message))
}

/// Decodes an image, turned upright if `orient`. An error says what is wrong with it.
pub(crate) fn decode(bytes: &[u8], mode: ImageReadMode, orient: bool) -> Result<Tensor, String> {
    decode_from(&mut Cursor::new(bytes), mode, orient)
}

/// An object of this, so that the decoders are compiled once.
trait Source: BufRead + Seek {}
impl<S: BufRead + Seek> Source for S {}

fn decode_from(source: &mut dyn Source, mode: ImageReadMode, orient: bool) -> Result<Tensor, String> {
    if source.fill_buf().map_err(|error| unreadable(&error))?.is_empty() {
        return Err("is an empty file, not an image; remove it or get it again".into());
    }
    let image = load(source, orient).map_err(|error| match error {
        ImageError::Unsupported(_) => {
            format!("is no PNG, JPEG, WebP or BMP image that can be read ({error}); convert it or remove it")
        }
        ImageError::Limits(_) => format!("needs more than 512 MiB ({error}); make it smaller or remove it"),
        _ => format!("is a damaged image ({error}); get it again or remove it"),
    })?;
    Ok(match mode {
        ImageReadMode::Rgb => {
            let pixels = image.into_rgb8();
            planes(pixels.as_raw().as_chunks().0, pixels.dimensions(), |&pixel: &[u8; 3]| pixel)
        }
        ImageReadMode::Gray if image.color().has_color() => {
            let pixels = image.into_rgb8();
            planes(pixels.as_raw().as_chunks().0, pixels.dimensions(), |&pixel: &[u8; 3]| [luma(pixel)])
        }
        ImageReadMode::Gray => {
            let pixels = image.into_luma8();
            planes(pixels.as_raw(), pixels.dimensions(), |&value| [value])
        }
    })
}

fn load(source: &mut dyn Source, orient: bool) -> Result<DynamicImage, ImageError> {
    let mut decoder = ImageReader::new(source).with_guessed_format()?.into_decoder()?;
    let orientation = orient.then(|| decoder.orientation()).transpose()?;
    let mut limits = image::Limits::default();
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    orientation.into_iter().for_each(|orientation| image.apply_orientation(orientation));
    Ok(image)
}

/// 0.299 R + 0.587 G + 0.114 B in 65536ths, rounded, as PIL computes it.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    let sum = 19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + 0x8000;
    (sum >> 16) as u8
}

/// Pixels with channels last to a tensor with channels first.
fn planes<P, const C: usize>(
    pixels: &[P],
    (width, height): (u32, u32),
    channels: impl Fn(&P) -> [u8; C],
) -> Tensor {
    let mut values = vec![0; C * pixels.len()];
    for (index, pixel) in pixels.iter().enumerate() {
        for (channel, value) in channels(pixel).into_iter().enumerate() {
            values[channel * pixels.len() + index] = value;
        }
    }
    Tensor::from_vec(values, [C, height as usize, width as usize])
}
