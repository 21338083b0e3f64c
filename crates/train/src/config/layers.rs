//! Layers by name.

use super::{Config, LossConfig};
use flambeau_nn::init::{self, FanMode, Nonlinearity};
use flambeau_nn::{self as nn, Forward, Layer, Module, Sequential};
use flambeau_tensor::{Error, Result, Tensor, no_grad, random::fork_rng, try_call};
use serde::{Deserialize, Serialize};

/// A number for height and width, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "it takes a whole number, or two in brackets")]
pub enum Size {
    /// For both.
    One(usize),
    /// Height and width.
    Two([usize; 2]),
}

impl From<Size> for [usize; 2] {
    fn from(size: Size) -> Self {
        match size {
            Size::One(size) => [size; 2],
            Size::Two(sizes) => sizes,
        }
    }
}

/// How weights are drawn: by the functions of [`init`] of the same names, for a network of ReLUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are those of the functions of the same names")]
pub enum InitConfig {
    KaimingNormal,
    KaimingUniform,
    XavierNormal,
    XavierUniform,
}

impl InitConfig {
    /// Draws the weights of two dimensions and more, and sets the biases to 0.
    fn draw(self, model: &Sequential) {
        let (mode, relu) = (FanMode::FanIn, Nonlinearity::ReLU);
        for (name, parameter) in model.named_parameters() {
            if name.ends_with("bias") {
                init::zeros_(&parameter);
            } else if parameter.ndim() >= 2 {
                match self {
                    Self::KaimingNormal => init::kaiming_normal_(&parameter, mode, relu),
                    Self::KaimingUniform => init::kaiming_uniform_(&parameter, mode, relu),
                    Self::XavierNormal => init::xavier_normal_(&parameter, init::calculate_gain(relu)),
                    Self::XavierUniform => init::xavier_uniform_(&parameter, init::calculate_gain(relu)),
                };
            }
        }
    }
}

/// A layer with its arguments, under PyTorch's names and with PyTorch's defaults; the number of features or channels that
/// come in is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "layer", deny_unknown_fields)]
#[allow(missing_docs, reason = "they are those of the layers of the same names")]
pub enum LayerConfig {
    Flatten {},
    Linear {
        out_features: usize,
        #[serde(default = "yes")]
        bias: bool,
    },
    Conv2d {
        out_channels: usize,
        kernel_size: Size,
        #[serde(default = "size_1")]
        stride: Size,
        #[serde(default = "size_0")]
        padding: Size,
        #[serde(default = "size_1")]
        dilation: Size,
        #[serde(default = "super::one")]
        groups: usize,
        #[serde(default = "yes")]
        bias: bool,
    },
    MaxPool2d {
        kernel_size: Size,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Size>,
        #[serde(default = "size_0")]
        padding: Size,
    },
    AvgPool2d {
        kernel_size: Size,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<Size>,
        #[serde(default = "size_0")]
        padding: Size,
    },
    AdaptiveAvgPool2d {
        output_size: Size,
    },
    BatchNorm1d {},
    BatchNorm2d {},
    LayerNorm {},
    GroupNorm {
        num_groups: usize,
    },
    Dropout {
        #[serde(default = "half")]
        p: f64,
    },
    Dropout2d {
        #[serde(default = "half")]
        p: f64,
    },
    ReLU {},
    LeakyReLU {
        #[serde(default = "hundredth")]
        negative_slope: f64,
    },
    ELU {
        #[serde(default = "float_1")]
        alpha: f64,
    },
    GELU {},
    SiLU {},
    Sigmoid {},
    Tanh {},
    /// `layers(x) + shortcut(x)`: a block of a ResNet. Without layers of its own the shortcut is x.
    Residual {
        layers: Vec<LayerConfig>,
        #[serde(default)]
        shortcut: Vec<LayerConfig>,
    },
}

fn yes() -> bool {
    true
}
fn half() -> f64 {
    0.5
}
fn hundredth() -> f64 {
    0.01
}
fn float_1() -> f64 {
    1.0
}
fn size_0() -> Size {
    Size::One(0)
}
fn size_1() -> Size {
    Size::One(1)
}

/// A block of a residual network: `layers(x) + shortcut(x)`; He, Zhang, Ren and Sun, [Deep Residual Learning for Image
/// Recognition](https://arxiv.org/abs/1512.03385), 2015.
#[derive(Module)]
#[module(crate = flambeau_nn)]
pub struct Residual {
    layers: Sequential,
    shortcut: Sequential,
}

impl Forward for Residual {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.layers.call(x) + self.shortcut.call(x)
    }
}

impl Config {
    /// The model for inputs of this shape, without the batch's dimension. Each layer is tried on two items of zeros.
    ///
    /// Its weights are drawn from the [`seed`](Config::seed), whatever was drawn before.
    ///
    /// # Errors
    /// [`Error::Config`] with the layer, the shape that came, and what it takes.
    pub fn build(&self, input: &[usize]) -> Result<Sequential> {
        // Zeros of two items: batch norm wants more than one.
        let shape: Vec<usize> = [2].into_iter().chain(input.iter().copied()).collect();
        let zeros = try_call(|| Tensor::zeros(shape))?;
        let (model, output) = fork_rng(self.seed, || {
            let built = sequence(&self.model, "model", zeros)?;
            self.init.iter().for_each(|init| init.draw(&built.0));
            Ok(built)
        })?;
        self.check_output(&output.shape()[1..])?;
        Ok(model)
    }

    /// That there is an output for each class, where the data are known.
    fn check_output(&self, gives: &[usize]) -> Result<()> {
        let Some(facts) = &self.data.facts else { return Ok(()) };
        let classes = facts.classes.len();
        let fits = match self.loss {
            LossConfig::CrossEntropyLoss { .. } => gives == [classes],
            LossConfig::BCEWithLogitsLoss {} => classes == 2 && matches!(gives, [] | [1]),
            _ => matches!(gives, [] | [1]),
        };
        if fits {
            return Ok(());
        }
        let name = self.data.name.name();
        Err(Error::config(
            "model",
            match self.loss {
                LossConfig::BCEWithLogitsLoss {} if classes != 2 => {
                    format!("has a loss for two classes, and {name} has {classes}; take CrossEntropyLoss")
                }
                LossConfig::CrossEntropyLoss { .. } => format!(
                    "gives {gives:?}, and {name} has {classes} classes; end it with a Linear of out_features = {classes}"
                ),
                _ => format!(
                    "gives {gives:?}, and the loss takes one number; end it with a Linear of out_features = 1"
                ),
            },
        ))
    }
}

/// Layers one after another, and what comes out of them.
fn sequence(layers: &[LayerConfig], path: &str, mut x: Tensor) -> Result<(Sequential, Tensor)> {
    let mut model: Vec<Box<dyn Layer>> = Vec::with_capacity(layers.len());
    for (i, layer) in layers.iter().enumerate() {
        let place = format!("{path}, layer {i} ({})", layer.name());
        let (layer, y) = match layer {
            LayerConfig::Residual { layers, shortcut } => residual(layers, shortcut, &place, x)?,
            layer => tried(layer, place, &x)?,
        };
        model.push(layer);
        x = y;
    }
    Ok((Sequential::new(model), x))
}

fn residual(
    layers: &[LayerConfig],
    shortcut: &[LayerConfig],
    place: &str,
    x: Tensor,
) -> Result<(Box<dyn Layer>, Tensor)> {
    let (layers, y) = sequence(layers, &format!("{place}, layers"), x.clone())?;
    let (shortcut, z) = sequence(shortcut, &format!("{place}, shortcut"), x)?;
    if y.shape() != z.shape() {
        let (y, z) = (&y.shape()[1..], &z.shape()[1..]);
        let message = format!(
            "its layers give {y:?} and its shortcut {z:?}; give the shortcut a Conv2d of kernel_size 1, say"
        );
        return Err(Error::config(place, message));
    }
    Ok((Box::new(Residual { layers, shortcut }), y))
}

/// The layer and what it makes of x.
fn tried(layer: &LayerConfig, place: String, x: &Tensor) -> Result<(Box<dyn Layer>, Tensor)> {
    let came = &x.shape()[1..];
    let wrong = |message: String| {
        Error::config(place, format!("{came:?} came, and it takes {}: {message}", layer.takes()))
    };
    let tried = try_call(|| {
        let layer = layer.build(came)?;
        layer.eval();
        let y = no_grad(|| layer.call(x));
        layer.train();
        Ok((layer, y))
    });
    match tried {
        Ok(Ok(tried)) => Ok(tried),
        Ok(Err(message)) => Err(wrong(message)),
        Err(error) => Err(wrong(error.to_string())),
    }
}

impl LayerConfig {
    /// As a file has it.
    fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
    }

    /// The shape of an item, for messages.
    fn takes(&self) -> &'static str {
        use LayerConfig::*;
        match self {
            Linear { .. } => "[features] (a Flatten gives them)",
            Conv2d { .. }
            | MaxPool2d { .. }
            | AvgPool2d { .. }
            | AdaptiveAvgPool2d { .. }
            | BatchNorm2d {}
            | Dropout2d { .. } => "[channels, height, width]",
            BatchNorm1d {} => "[features]",
            GroupNorm { .. } => "[channels, …]",
            LayerNorm {} => "[…, features]",
            _ => "any shape",
        }
    }

    /// For items of this shape.
    fn build(&self, came: &[usize]) -> Result<Box<dyn Layer>, String> {
        use LayerConfig::*;
        let first = || came.first().copied().ok_or("an item has no dimension");
        let last = || came.last().copied().ok_or("an item has no dimension");
        let dimensions = |n: usize| match came.len() {
            own if own == n => Ok(()),
            own => Err(format!("an item has {own} dimensions")),
        };
        let divides = |groups: usize, channels: [usize; 2]| match groups {
            0 => Err("the number of groups is 0; it must be at least 1".to_owned()),
            _ if channels.iter().all(|channels| channels.is_multiple_of(groups)) => Ok(groups),
            _ => Err(format!("{groups} groups must divide the channels, {channels:?}")),
        };
        let share = |p: f64| {
            if (0.0..=1.0).contains(&p) { Ok(p) } else { Err(format!("p is {p}; it must lie in 0..=1")) }
        };
        Ok(match *self {
            Flatten {} => Box::new(nn::Flatten::default()),
            Linear { out_features, bias } => {
                dimensions(1)?;
                Box::new(nn::Linear::new(last()?, out_features).bias(bias))
            }
            Conv2d { out_channels, kernel_size, stride, padding, dilation, groups, bias } => {
                dimensions(3)?;
                let sizes = <[usize; 2]>::from;
                let layer = nn::Conv2d::new(first()?, out_channels, sizes(kernel_size));
                let layer = layer.stride(sizes(stride)).padding(sizes(padding)).dilation(sizes(dilation));
                Box::new(layer.groups(divides(groups, [first()?, out_channels])?).bias(bias))
            }
            MaxPool2d { kernel_size, stride, padding } => {
                dimensions(3)?;
                let layer = nn::MaxPool2d::new(<[usize; 2]>::from(kernel_size));
                Box::new(
                    layer
                        .stride(<[usize; 2]>::from(stride.unwrap_or(kernel_size)))
                        .padding(<[usize; 2]>::from(padding)),
                )
            }
            AvgPool2d { kernel_size, stride, padding } => {
                dimensions(3)?;
                let layer = nn::AvgPool2d::new(<[usize; 2]>::from(kernel_size));
                Box::new(
                    layer
                        .stride(<[usize; 2]>::from(stride.unwrap_or(kernel_size)))
                        .padding(<[usize; 2]>::from(padding)),
                )
            }
            AdaptiveAvgPool2d { output_size } => {
                dimensions(3)?;
                Box::new(nn::AdaptiveAvgPool2d::new(<[usize; 2]>::from(output_size)))
            }
            BatchNorm1d {} => {
                dimensions(1)?;
                Box::new(nn::BatchNorm1d::new(first()?))
            }
            BatchNorm2d {} => {
                dimensions(3)?;
                Box::new(nn::BatchNorm2d::new(first()?))
            }
            LayerNorm {} => Box::new(nn::LayerNorm::new([last()?])),
            GroupNorm { num_groups } => {
                Box::new(nn::GroupNorm::new(divides(num_groups, [first()?; 2])?, first()?))
            }
            Dropout { p } => Box::new(nn::Dropout::new(share(p)?)),
            Dropout2d { p } => {
                dimensions(3)?;
                Box::new(nn::Dropout2d::new(share(p)?))
            }
            ReLU {} => Box::new(nn::ReLU::default()),
            LeakyReLU { negative_slope } => Box::new(nn::LeakyReLU::new(negative_slope)),
            ELU { alpha } => Box::new(nn::ELU::new(alpha)),
            GELU {} => Box::new(nn::GELU::default()),
            SiLU {} => Box::new(nn::SiLU::default()),
            Sigmoid {} => Box::new(nn::Sigmoid::default()),
            Tanh {} => Box::new(nn::Tanh::default()),
            // Its parts are built one by one.
            Residual { .. } => Box::new(Sequential::default()),
        })
    }
}
