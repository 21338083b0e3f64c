//! Resizing images, signals and volumes.

use crate::door::{Args, Calls, FromValue, Value};
use crate::op::{ensure, raise};
use crate::resample::{Rule, along};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Error, Result, Tensor};
use flambeau_kernels::resample::Taps;

/// How [`Tensor::interpolate`] finds the values between those given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InterpolateMode {
    /// The element at ⌊i · scale⌋, PyTorch's default; for (N, C, L), (N, C, H, W) and (N, C, D, H, W).
    #[default]
    Nearest,
    /// The element whose centre is nearest; for the same shapes.
    NearestExact,
    /// Straight lines, for (N, C, L).
    Linear,
    /// Straight lines along each dimension, for (N, C, H, W).
    Bilinear,
    /// Cubic convolution along each dimension (a = −0.75, or −0.5 with antialias), for (N, C, H, W).
    Bicubic,
    /// Straight lines along each dimension, for (N, C, D, H, W).
    Trilinear,
    /// Means over windows, as adaptive average pooling takes them; for the same shapes as `Nearest`.
    Area,
}

const MODES: [(&str, InterpolateMode); 7] = [
    ("nearest", InterpolateMode::Nearest),
    ("nearest-exact", InterpolateMode::NearestExact),
    ("linear", InterpolateMode::Linear),
    ("bilinear", InterpolateMode::Bilinear),
    ("bicubic", InterpolateMode::Bicubic),
    ("trilinear", InterpolateMode::Trilinear),
    ("area", InterpolateMode::Area),
];

impl InterpolateMode {
    /// PyTorch's name, such as "nearest-exact".
    pub fn name(self) -> &'static str {
        MODES.iter().find(|(_, mode)| *mode == self).map_or("nearest", |(name, _)| name)
    }

    /// How many dimensions are resized, where the mode says it.
    fn spatial(self) -> Option<usize> {
        match self {
            InterpolateMode::Linear => Some(1),
            InterpolateMode::Bilinear | InterpolateMode::Bicubic => Some(2),
            InterpolateMode::Trilinear => Some(3),
            _ => None,
        }
    }

    /// Whether values are copied and not computed.
    fn copies(self) -> bool {
        matches!(self, InterpolateMode::Nearest | InterpolateMode::NearestExact)
    }
}

/// The options of [`Tensor::interpolate`]: a size or a scale factor, and how.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InterpolateOptions {
    /// The sizes to come, one for each dimension behind (N, C), or one for all.
    pub size: Option<Vec<usize>>,
    /// By what the sizes are multiplied, in the same form; ⌊size · factor⌋ is the result's.
    pub scale_factor: Option<Vec<f64>>,
    /// How. Default: nearest.
    pub mode: InterpolateMode,
    /// Whether the centres of the corner elements stay where they are, and not the corners themselves. For the linear
    /// and cubic modes. Default: false.
    pub align_corners: bool,
    /// Whether positions follow from the resulting sizes, and not from the scale factor. Default: false.
    pub recompute_scale_factor: bool,
    /// Whether each value is a mean over all that it covers where sizes shrink; for bilinear and bicubic. Default:
    /// false.
    pub antialias: bool,
}

/// The map along one dimension.
#[derive(Clone, Copy)]
struct Interpolation {
    mode: InterpolateMode,
    align_corners: bool,
    antialias: bool,
    /// The scale factor that positions are computed with; without it they follow from the sizes.
    scale: Option<f64>,
}

impl Rule for Interpolation {
    const NAME: &'static str = "interpolate";

    fn taps(self, inputs: usize, outputs: usize, single: bool) -> Taps {
        let mut taps = Taps::new(inputs);
        let last = inputs - 1;
        if self.mode == InterpolateMode::Area {
            for i in 0..outputs {
                // In u128, where the product of two sizes has room.
                let bound = |i: usize| (i as u128 * inputs as u128, outputs as u128);
                let ((from, n), (to, _)) = (bound(i), bound(i + 1));
                let (from, to) = ((from / n) as usize, to.div_ceil(n) as usize);
                taps.push((from..to).map(|p| (p, 1.0 / (to - from) as f64)));
            }
            return taps;
        }
        let round = |v: f64| if single { f64::from(v as f32) } else { v };
        let scale = round(match self.scale {
            _ if self.align_corners && outputs > 1 => last as f64 / (outputs - 1) as f64,
            _ if self.align_corners => 0.0,
            Some(scale) if scale > 0.0 => 1.0 / scale,
            _ => inputs as f64 / outputs as f64,
        });
        // Where output i lies among the inputs.
        let source = |i: usize| match self.align_corners {
            true => round(scale * i as f64),
            false => round(round(scale * round(i as f64 + 0.5)) - 0.5),
        };
        let cubic = self.mode == InterpolateMode::Bicubic;
        for i in 0..outputs {
            match self.mode {
                InterpolateMode::Nearest => {
                    // PyTorch rounds to f32 here in f64 too.
                    let at = f64::from(round(scale * i as f64) as f32).floor();
                    taps.push([((at as usize).min(last), 1.0)]);
                }
                InterpolateMode::NearestExact => {
                    let at = f64::from(round(source(i).max(0.0) + 0.5) as f32).floor();
                    taps.push([((at as usize).min(last), 1.0)]);
                }
                // Whatever the scale factor, PyTorch leaves a dimension whose size stays alone here.
                _ if self.antialias && inputs == outputs => taps.push([(i, 1.0)]),
                _ if self.antialias => taps.push(window(scale, i, inputs, cubic)),
                InterpolateMode::Bicubic => {
                    let at = source(i);
                    let first = at.floor().min(last as f64);
                    let t = (at - first).clamp(0.0, 1.0);
                    let position = |k: usize| (first + k as f64 - 1.0).clamp(0.0, last as f64) as usize;
                    let distances = [1.0 + t, t, 1.0 - t, 2.0 - t];
                    taps.push((0..4).map(|k| (position(k), keys(distances[k], -0.75))));
                }
                _ if inputs == outputs => taps.push([(i, 1.0)]),
                _ => {
                    let at = source(i).max(0.0);
                    let first = (at as usize).min(last);
                    let t = (at - first as f64).clamp(0.0, 1.0);
                    taps.push([(first, 1.0 - t), ((first + 1).min(last), t)]);
                }
            }
        }
        taps
    }
}

/// The cubic convolution kernel of Keys (1981) at distance x ≥ 0.
fn keys(x: f64, a: f64) -> f64 {
    match x {
        x if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
        x if x < 2.0 => ((x - 5.0) * x + 8.0) * a * x - 4.0 * a,
        _ => 0.0,
    }
}

/// The antialiased row of output `i`: the filter stretched over `scale` inputs, its weights adding up to 1.
fn window(scale: f64, i: usize, inputs: usize, cubic: bool) -> impl Iterator<Item = (usize, f64)> {
    let stretch = scale.max(1.0);
    let support = if cubic { 2.0 } else { 1.0 } * stretch;
    let center = scale * (i as f64 + 0.5);
    let from = ((center - support + 0.5) as usize).min(inputs);
    let to = ((center + support + 0.5) as usize).clamp(from, inputs);
    let weight = move |p: usize| {
        let x = ((p as f64 - center + 0.5) / stretch).abs();
        if cubic { keys(x, -0.5) } else { (1.0 - x).max(0.0) }
    };
    let total: f64 = (from..to).map(weight).sum();
    let total = if total == 0.0 { 1.0 } else { total };
    (from..to).map(move |p| (p, weight(p) / total))
}

/// One value for each dimension, from as many or from one for all.
#[track_caller]
fn each<T: Copy + std::fmt::Debug>(what: &str, given: &[T], x: &Tensor) -> Vec<T> {
    let n = x.ndim() - 2;
    ensure!(
        given.len() == n || given.len() == 1,
        "interpolate",
        "{what} {given:?} for an input of shape {:?}; give {n} values, one for each dimension behind (N, C), or one for all",
        x.shape()
    );
    if given.len() == n { given.to_vec() } else { vec![given[0]; n] }
}

impl Tensor {
    /// Resizes the dimensions behind (N, C) to a size, or by a scale factor, with values computed from those nearby:
    /// (N, C, d₁, …) gives (N, C, s₁, …), where sᵢ is the size given or ⌊dᵢ · factor⌋. Each mode works along one
    /// dimension after the other. `Nearest` and `NearestExact` take every dtype, the others floating-point ones.
    /// [`torch.nn.functional.interpolate`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html).
    /// Keys 1981, [Cubic convolution interpolation](https://doi.org/10.1109/TASSP.1981.1163711).
    ///
    /// # Panics
    /// If not exactly one of `size` and `scale_factor` is given, a size is 0, the mode does not take as many dimensions
    /// or the dtype, or an option is not one of the mode's.
    ///
    /// ```
    /// use flambeau_tensor::{InterpolateMode, InterpolateOptions, tensor};
    /// let x = tensor![[[1.0, 3.0]]];
    /// let twice = InterpolateOptions { scale_factor: Some(vec![2.0]), ..Default::default() };
    /// assert_eq!(x.interpolate(twice).to_vec::<f32>(), [1.0, 1.0, 3.0, 3.0]);
    /// let linear = InterpolateOptions {
    ///     size: Some(vec![3]),
    ///     mode: InterpolateMode::Linear,
    ///     align_corners: true,
    ///     ..Default::default()
    /// };
    /// assert_eq!(x.interpolate(linear).to_vec::<f32>(), [1.0, 2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn interpolate(&self, options: InterpolateOptions) -> Tensor {
        let InterpolateOptions { mode, align_corners, antialias, .. } = options;
        let (shape, name) = (self.shape(), mode.name());
        ensure!(
            (3..=5).contains(&self.ndim()) && mode.spatial().is_none_or(|n| n == self.ndim() - 2),
            "interpolate",
            "mode {name} of an input of shape {shape:?}; linear takes (N, C, L), bilinear and bicubic (N, C, H, W), \
             trilinear (N, C, D, H, W), the others any of these"
        );
        ensure!(
            !shape[1..].contains(&0),
            "interpolate",
            "an input of shape {shape:?}; only the first size may be 0"
        );
        ensure!(
            mode.copies() || self.dtype().is_float(),
            "interpolate",
            "mode {name} of a tensor of shape {shape:?} and {}; convert it with to_dtype",
            self.dtype()
        );
        ensure!(
            !align_corners || mode.spatial().is_some(),
            "interpolate",
            "align_corners with mode {name}; it is for linear, bilinear, bicubic and trilinear"
        );
        ensure!(
            !antialias || mode.spatial() == Some(2),
            "interpolate",
            "antialias with mode {name}; it is for bilinear and bicubic"
        );
        let (sizes, scales) = match (&options.size, &options.scale_factor) {
            (Some(size), None) => {
                ensure!(
                    !options.recompute_scale_factor,
                    "interpolate",
                    "recompute_scale_factor with a size; it is for a scale_factor"
                );
                (each("size", size, self), None)
            }
            (None, Some(scale)) => {
                let scales = each("scale_factor", scale, self);
                let sizes = shape[2..].iter().zip(&scales).map(|(&d, s)| (d as f64 * s) as usize).collect();
                (sizes, Some(scales).filter(|_| !options.recompute_scale_factor))
            }
            (size, scale) => raise(Error::op(
                "interpolate",
                format!("size {size:?} and scale_factor {scale:?}; give one of them"),
            )),
        };
        ensure!(
            !sizes.contains(&0),
            "interpolate",
            "an input of shape {shape:?} to sizes {sizes:?}, which must be at least 1 (size or scale_factor)"
        );
        let one = |x: Tensor, i: usize| {
            let scale = scales.as_ref().map(|s| s[i]);
            along(&x, i + 2, sizes[i], Interpolation { mode, align_corners, antialias, scale })
        };
        // From the last dimension on: what grows there costs a gather, whereas earlier ones work on whole rows.
        (0..sizes.len()).rev().fold(self.clone(), one)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.interpolate", call)];

fn call(a: &mut Args<'_>) -> Result<Vec<Tensor>> {
    let x: Tensor = a.get("input")?;
    let (size, scale_factor) = (list(a, "size")?, list(a, "scale_factor")?);
    let name = a.or("mode", "nearest")?;
    let mode = MODES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode).ok_or_else(|| {
        let known = MODES.map(|(known, _)| known);
        Error::op("interpolate", format!("mode {name:?}; it is one of {known:?}"))
    })?;
    let align_corners = a.or("align_corners", false)?;
    let (recompute_scale_factor, antialias) =
        (a.or("recompute_scale_factor", false)?, a.or("antialias", false)?);
    a.done(x.interpolate(InterpolateOptions {
        size,
        scale_factor,
        mode,
        align_corners,
        recompute_scale_factor,
        antialias,
    }))
}

/// A number or a list of them.
fn list<'a, T: FromValue<'a>>(a: &mut Args<'a>, name: &str) -> Result<Option<Vec<T>>> {
    let Some(value) = a.opt::<&Value>(name)? else { return Ok(None) };
    match Vec::from_value(value).or_else(|| T::from_value(value).map(|one| vec![one])) {
        Some(values) => Ok(Some(values)),
        None => Err(Error::op("interpolate", format!("{name} is {value:?}; it takes {} or a list", T::KIND))),
    }
}

pub(crate) fn samples() -> Vec<Sample> {
    use InterpolateMode::*;
    let size =
        |mode, size: &[usize]| InterpolateOptions { size: Some(size.to_vec()), mode, ..Default::default() };
    let scale =
        |mode, by: &[f64]| InterpolateOptions { scale_factor: Some(by.to_vec()), mode, ..Default::default() };
    let corners = |options| InterpolateOptions { align_corners: true, ..options };
    let smooth = |options| InterpolateOptions { antialias: true, ..options };
    let case = |torch, shape: &[usize], options: InterpolateOptions| {
        sample(torch, [normal(shape.len() as u64, shape)], move |x| x[0].interpolate(options.clone()))
    };
    vec![
        case("F.interpolate(x0, 7)", &[2, 3, 4], size(Nearest, &[7])),
        case("F.interpolate(x0, scale_factor=2)", &[1, 2, 2, 3], scale(Nearest, &[2.0])),
        case("F.interpolate(x0, (3, 1, 5))", &[1, 2, 2, 3, 4], size(Nearest, &[3, 1, 5])),
        case("F.interpolate(x0, scale_factor=(1.7, 0.6))", &[1, 1, 5, 7], scale(Nearest, &[1.7, 0.6])),
        case(
            "F.interpolate(x0, scale_factor=1.7, recompute_scale_factor=True)",
            &[1, 2, 7],
            InterpolateOptions { recompute_scale_factor: true, ..scale(Nearest, &[1.7]) },
        ),
        case("F.interpolate(x0, (4, 3), mode='nearest-exact')", &[1, 2, 7, 5], size(NearestExact, &[4, 3])),
        case(
            "F.interpolate(x0, scale_factor=2.3, mode='nearest-exact')",
            &[1, 1, 5],
            scale(NearestExact, &[2.3]),
        ),
        case("F.interpolate(x0, 5, mode='linear')", &[2, 1, 3], size(Linear, &[5])),
        case(
            "F.interpolate(x0, 1, mode='linear', align_corners=True)",
            &[1, 2, 3],
            corners(size(Linear, &[1])),
        ),
        case("F.interpolate(x0, (5, 4), mode='bilinear')", &[1, 2, 3, 4], size(Bilinear, &[5, 4])),
        case(
            "F.interpolate(x0, (2, 6), mode='bilinear', align_corners=True)",
            &[2, 1, 3, 4],
            corners(size(Bilinear, &[2, 6])),
        ),
        case("F.interpolate(x0, scale_factor=1.4, mode='bilinear')", &[1, 1, 4, 3], scale(Bilinear, &[1.4])),
        case(
            "F.interpolate(x0, (3, 8), mode='bilinear', antialias=True)",
            &[1, 1, 8, 5],
            smooth(size(Bilinear, &[3, 8])),
        ),
        case("F.interpolate(x0, (7, 3), mode='bicubic')", &[1, 2, 4, 5], size(Bicubic, &[7, 3])),
        case(
            "F.interpolate(x0, scale_factor=1.6, mode='bicubic', align_corners=True)",
            &[1, 1, 4, 3],
            corners(scale(Bicubic, &[1.6])),
        ),
        case(
            "F.interpolate(x0, scale_factor=(0.4, 1.5), mode='bicubic', antialias=True)",
            &[1, 1, 8, 4],
            smooth(scale(Bicubic, &[0.4, 1.5])),
        ),
        case(
            "F.interpolate(x0, (5, 2), mode='bicubic', align_corners=True, antialias=True)",
            &[1, 1, 4, 6],
            corners(smooth(size(Bicubic, &[5, 2]))),
        ),
        case("F.interpolate(x0, (3, 2, 4), mode='trilinear')", &[1, 1, 2, 3, 3], size(Trilinear, &[3, 2, 4])),
        case("F.interpolate(x0, (3, 4), mode='area')", &[1, 2, 5, 3], size(Area, &[3, 4])),
        case("F.interpolate(x0, scale_factor=0.5, mode='area')", &[1, 1, 4, 5, 3], scale(Area, &[0.5])),
        sample("F.interpolate(x0.to(torch.uint8), 3)", [integers(8, 9, &[1, 2, 5])], |x| {
            x[0].to_dtype(DType::U8)
                .interpolate(InterpolateOptions { size: Some(vec![3]), ..Default::default() })
        }),
        sample("F.interpolate(x0.transpose(2, 3), 3, mode='bilinear')", [normal(9, &[1, 2, 2, 5])], |x| {
            let mode = Bilinear;
            x[0].transpose(2, 3).interpolate(InterpolateOptions {
                size: Some(vec![3]),
                mode,
                ..Default::default()
            })
        }),
    ]
}
