//! Transforms by name.

use super::super::layers::Size;
use super::super::text::clear;
use flambeau_data::transforms::{
    self as t, Borders, Compose, InterpolationMode, PaddingMode, Range, Transform,
};
use flambeau_tensor::{Error, Result, try_call};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::Arc;

/// A transform of images with its arguments, under torchvision's names and with torchvision's defaults.
///
/// In a text it is `NAME` or `NAME:key=value,key=value`, with values as TOML has them.
///
/// ```
/// use flambeau_train::config::TransformConfig;
///
/// let crop: TransformConfig = "RandomCrop:size=28,padding=[2, 4]".parse()?;
/// assert!(crop.is_random() && !"Grayscale".parse::<TransformConfig>()?.is_random());
/// let error = "RandomCrop:sizes=28".parse::<TransformConfig>().unwrap_err();
/// assert_eq!(error, "RandomCrop: unknown field `sizes`; did you mean `size`?");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", deny_unknown_fields)]
#[allow(missing_docs, reason = "they are those of the transforms of the same names")]
pub enum TransformConfig {
    CenterCrop {
        size: Size,
    },
    ColorJitter {
        #[serde(default)]
        brightness: RangeConfig,
        #[serde(default)]
        contrast: RangeConfig,
        #[serde(default)]
        saturation: RangeConfig,
        #[serde(default)]
        hue: RangeConfig,
    },
    GaussianBlur {
        kernel_size: Size,
        #[serde(default = "sigma")]
        sigma: RangeConfig,
    },
    Grayscale {
        #[serde(default = "one")]
        num_output_channels: usize,
    },
    Pad {
        padding: Padding,
        #[serde(default)]
        fill: f64,
        #[serde(default)]
        padding_mode: PaddingModeName,
    },
    RandomAffine {
        degrees: RangeConfig,
        /// The largest parts of the width and of the height.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        translate: Option<[f64; 2]>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scale: Option<[f64; 2]>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shear: Option<RangeConfig>,
        #[serde(default = "nearest")]
        interpolation: Interpolation,
        #[serde(default)]
        fill: f64,
    },
    RandomCrop {
        size: Size,
        #[serde(default)]
        padding: Padding,
        #[serde(default)]
        pad_if_needed: bool,
        #[serde(default)]
        fill: f64,
        #[serde(default)]
        padding_mode: PaddingModeName,
    },
    /// After the normalisation in torchvision's examples, before it here: `value` is on the scale of the pixels.
    RandomErasing {
        #[serde(default = "half")]
        p: f64,
        #[serde(default = "erased_scale")]
        scale: [f64; 2],
        #[serde(default = "erased_ratio")]
        ratio: [f64; 2],
        #[serde(default)]
        value: f64,
    },
    RandomGrayscale {
        #[serde(default = "tenth")]
        p: f64,
    },
    RandomHorizontalFlip {
        #[serde(default = "half")]
        p: f64,
    },
    RandomResizedCrop {
        size: Size,
        #[serde(default = "crop_scale")]
        scale: [f64; 2],
        #[serde(default = "crop_ratio")]
        ratio: [f64; 2],
        #[serde(default)]
        interpolation: Interpolation,
    },
    RandomRotation {
        degrees: RangeConfig,
        #[serde(default = "nearest")]
        interpolation: Interpolation,
        #[serde(default)]
        fill: f64,
    },
    RandomVerticalFlip {
        #[serde(default = "half")]
        p: f64,
    },
    Resize {
        size: Size,
        #[serde(default)]
        interpolation: Interpolation,
    },
}

fn half() -> f64 {
    0.5
}
fn tenth() -> f64 {
    0.1
}
fn one() -> usize {
    1
}
fn sigma() -> RangeConfig {
    RangeConfig::Between([0.1, 2.0])
}
fn erased_scale() -> [f64; 2] {
    [0.02, 0.33]
}
fn erased_ratio() -> [f64; 2] {
    [0.3, 3.3]
}
fn crop_scale() -> [f64; 2] {
    [0.08, 1.0]
}
fn crop_ratio() -> [f64; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}
fn nearest() -> Interpolation {
    Interpolation::Nearest
}

/// So much to either side of where nothing changes, or from one number to another: see [`Range`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "it takes a number, or two in brackets")]
pub enum RangeConfig {
    /// To either side.
    Around(f64),
    /// From the first to the second.
    Between([f64; 2]),
}

impl Default for RangeConfig {
    fn default() -> Self {
        RangeConfig::Around(0.0)
    }
}

impl From<RangeConfig> for Range {
    fn from(range: RangeConfig) -> Self {
        match range {
            RangeConfig::Around(by) => by.into(),
            RangeConfig::Between(ends) => ends.into(),
        }
    }
}

/// Pixels added to all sides, to `[left and right, top and bottom]`, or to `[left, top, right, bottom]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "it takes a whole number, or two or four in brackets")]
pub enum Padding {
    /// To all sides.
    All(usize),
    /// To left and right, top and bottom.
    Two([usize; 2]),
    /// To left, top, right and bottom.
    Four([usize; 4]),
}

impl Default for Padding {
    fn default() -> Self {
        Padding::All(0)
    }
}

impl From<Padding> for Borders {
    fn from(padding: Padding) -> Self {
        match padding {
            Padding::All(n) => n.into(),
            Padding::Two(sides) => sides.into(),
            Padding::Four(sides) => sides.into(),
        }
    }
}

/// See [`PaddingMode`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "they are those of PaddingMode")]
pub enum PaddingModeName {
    #[default]
    Constant,
    Edge,
    Reflect,
    Symmetric,
}

impl From<PaddingModeName> for PaddingMode {
    fn from(mode: PaddingModeName) -> Self {
        match mode {
            PaddingModeName::Constant => PaddingMode::Constant,
            PaddingModeName::Edge => PaddingMode::Edge,
            PaddingModeName::Reflect => PaddingMode::Reflect,
            PaddingModeName::Symmetric => PaddingMode::Symmetric,
        }
    }
}

/// See [`InterpolationMode`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "they are those of InterpolationMode")]
pub enum Interpolation {
    Nearest,
    NearestExact,
    #[default]
    Bilinear,
    Bicubic,
}

impl From<Interpolation> for InterpolationMode {
    fn from(mode: Interpolation) -> Self {
        match mode {
            Interpolation::Nearest => InterpolationMode::Nearest,
            Interpolation::NearestExact => InterpolationMode::NearestExact,
            Interpolation::Bilinear => InterpolationMode::Bilinear,
            Interpolation::Bicubic => InterpolationMode::Bicubic,
        }
    }
}

impl FromStr for TransformConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, arguments) = text.split_once(':').unwrap_or((text, ""));
        let table: toml::Table = toml::from_str(&format!("t = {{ {arguments} }}"))
            .map_err(|_| format!("{text:?} is not of the form NAME:key=value,key=value"))?;
        let mut table = table.get("t").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        table.insert("name".into(), name.into());
        let transform = Self::deserialize(table).map_err(|e| {
            let message = clear(e.message());
            if message.contains("variant") { message } else { format!("{name}: {message}") }
        })?;
        transform.build().map_err(|e| e.to_string())?;
        Ok(transform)
    }
}

impl TransformConfig {
    /// Whether it draws anything; then it is for training images alone.
    pub fn is_random(&self) -> bool {
        !matches!(
            self,
            Self::CenterCrop { .. } | Self::Grayscale { .. } | Self::Pad { .. } | Self::Resize { .. }
        )
    }

    /// Whether images of different sizes come out with one.
    pub(super) fn sets_size(&self) -> bool {
        match self {
            Self::Resize { size, .. } => matches!(size, Size::Two(_)),
            _ => matches!(
                self,
                Self::CenterCrop { .. } | Self::RandomCrop { .. } | Self::RandomResizedCrop { .. }
            ),
        }
    }

    /// The transform.
    ///
    /// # Errors
    /// [`Error::Op`] if an argument makes no sense.
    pub fn build(&self) -> Result<Box<dyn Transform>> {
        try_call(|| self.make())
    }

    fn make(&self) -> Box<dyn Transform> {
        let two = |[low, high]: [f64; 2]| (low, high);
        let sizes = <[usize; 2]>::from;
        match *self {
            Self::CenterCrop { size } => Box::new(t::CenterCrop::new(sizes(size))),
            Self::ColorJitter { brightness, contrast, saturation, hue } => {
                let jitter = t::ColorJitter::new().brightness(brightness).contrast(contrast);
                Box::new(jitter.saturation(saturation).hue(hue))
            }
            Self::GaussianBlur { kernel_size, sigma } => {
                Box::new(t::GaussianBlur::new(sizes(kernel_size)).sigma(sigma))
            }
            Self::Grayscale { num_output_channels } => Box::new(t::Grayscale::new(num_output_channels)),
            Self::Pad { padding, fill, padding_mode } => {
                Box::new(t::Pad::new(padding).fill(fill).padding_mode(padding_mode.into()))
            }
            Self::RandomAffine { degrees, translate, scale, shear, interpolation, fill } => {
                let mut affine = t::RandomAffine::new(degrees).interpolation(interpolation.into()).fill(fill);
                if let Some([x, y]) = translate {
                    affine = affine.translate(x, y);
                }
                if let Some(scale) = scale {
                    affine = affine.scale(two(scale));
                }
                if let Some(shear) = shear {
                    affine = affine.shear_x(shear);
                }
                Box::new(affine)
            }
            Self::RandomCrop { size, padding, pad_if_needed, fill, padding_mode } => {
                let crop = t::RandomCrop::new(sizes(size)).padding(padding).pad_if_needed(pad_if_needed);
                Box::new(crop.fill(fill).padding_mode(padding_mode.into()))
            }
            Self::RandomErasing { p, scale, ratio, value } => {
                Box::new(t::RandomErasing::new(p).scale(two(scale)).ratio(two(ratio)).value(value))
            }
            Self::RandomGrayscale { p } => Box::new(t::RandomGrayscale::new(p)),
            Self::RandomHorizontalFlip { p } => Box::new(t::RandomHorizontalFlip::new(p)),
            Self::RandomResizedCrop { size, scale, ratio, interpolation } => {
                let crop = t::RandomResizedCrop::new(sizes(size)).scale(two(scale)).ratio(two(ratio));
                Box::new(crop.interpolation(interpolation.into()))
            }
            Self::RandomRotation { degrees, interpolation, fill } => {
                Box::new(t::RandomRotation::new(degrees).interpolation(interpolation.into()).fill(fill))
            }
            Self::RandomVerticalFlip { p } => Box::new(t::RandomVerticalFlip::new(p)),
            Self::Resize { size, interpolation } => {
                let resize = match size {
                    Size::One(edge) => t::Resize::new(edge),
                    Size::Two(sizes) => t::Resize::new(sizes),
                };
                Box::new(resize.interpolation(interpolation.into()))
            }
        }
    }
}

/// One after another; none if there are none.
pub(super) fn compose<'a>(
    place: &str,
    list: impl Iterator<Item = &'a TransformConfig>,
) -> Result<Option<Arc<Compose>>> {
    let made = list.map(|transform| transform.build().map_err(|e| Error::config(place, e.to_string())));
    let made = made.collect::<Result<Vec<_>>>()?;
    Ok((!made.is_empty()).then(|| Arc::new(Compose::new(made))))
}
