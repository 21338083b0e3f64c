//! What a training must know of its data afterwards.

use super::{Config, Splits};
use flambeau_data::Subset;
use flambeau_tensor::{Error, Result, Tensor, no_grad};
use serde::{Deserialize, Serialize};

/// What the model was built for and its numbers were scaled by, so that it can be used without the training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The shape of an input, without the batch's dimension.
    pub input: Vec<usize>,
    /// Its shape before the transforms; empty if there may be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub item: Vec<usize>,
    /// What the outputs stand for; none where they are numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The columns of a table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// Of each channel or column of the training inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Moments>,
    /// Of the training targets, where they are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Moments>,
}

/// Means and standard deviations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// The means.
    pub mean: Vec<f64>,
    /// The deviations; 1 where nothing varies.
    pub std: Vec<f64>,
}

/// Numbers of an input beyond which a file is damaged, and not of a model that was trained.
const MAX_NUMBERS: usize = 1 << 24;

impl Facts {
    pub(in super::super) fn check(&self) -> Result<(), String> {
        let numbers = self.input.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if !numbers.is_some_and(|n| (1..=MAX_NUMBERS).contains(&n)) {
            return Err(format!(
                "data.facts: input is {:?}; at most {MAX_NUMBERS} numbers are possible",
                self.input
            ));
        }
        let channels = self.input.first().copied().unwrap_or(1);
        for (name, moments, n) in [("inputs", &self.inputs, channels), ("targets", &self.targets, 1)] {
            let Some(Moments { mean, std }) = moments else { continue };
            let right = mean.len() == n && std.len() == n;
            if !right || mean.iter().any(|m| !m.is_finite()) || std.iter().any(|s| !s.is_normal()) {
                return Err(format!(
                    "data.facts: {name} have mean {mean:?} and std {std:?}; both must be {n} finite numbers, and std not 0"
                ));
            }
        }
        Ok(())
    }
}

impl Config {
    /// Writes down what is to be known of these data, the moments of the training items among it, unless that has been
    /// done: then the data must still be those.
    ///
    /// # Errors
    /// [`Error::Config`] if they are no longer those, or are none for this loss; what the data raise.
    pub fn measure(&mut self, splits: &Splits) -> Result<()> {
        let Splits { input, item, classes, features, .. } = splits;
        if self.data.facts.is_none() {
            self.data.facts = Some(Facts {
                input: input.clone(),
                item: item.clone(),
                classes: classes.clone(),
                features: features.clone(),
                inputs: None,
                targets: None,
            });
            self.measure_again(&splits.train)?;
        }
        let facts = self.data.facts.as_ref();
        if facts.is_none_or(|f| (&f.input, &f.classes, &f.features) != (input, classes, features)) {
            let message = format!(
                "{} are no longer those of the training: inputs of shape {input:?} in {} classes",
                self.data.name.name(),
                classes.len()
            );
            return Err(Error::config("data", message));
        }
        if classes.is_empty() && self.loss.is_for_classes() {
            let message = "is one of classes, and the targets are numbers; take MSELoss, L1Loss or HuberLoss";
            return Err(Error::config("loss", message));
        }
        if !classes.is_empty() && !self.loss.is_for_classes() {
            let message = "is one of numbers, and the targets are classes; take CrossEntropyLoss";
            return Err(Error::config("loss", message));
        }
        Ok(())
    }

    /// Takes the moments of these training items in place of those that [`measure`](Self::measure) has written: those of a
    /// fold, in cross-validation, so that nothing is known of the items that it holds back.
    ///
    /// # Errors
    /// What the data raise.
    pub fn measure_again(&mut self, train: &Subset) -> Result<()> {
        let loader = self.eval_loader(train.clone())?;
        let Some(facts) = self.data.facts.as_mut().filter(|_| self.data.normalize) else { return Ok(()) };
        let numbers = facts.classes.is_empty();
        let (mut inputs, mut targets) = (Sums::default(), Sums::default());
        let mut batches = loader.iter();
        while let Some((x, y)) = batches.try_next()? {
            inputs.add(&x);
            if numbers {
                targets.add(&y);
            }
        }
        facts.inputs = Some(inputs.moments());
        facts.targets = numbers.then(|| targets.moments());
        Ok(())
    }
}

/// Sums of the differences from the first batch's means, which lose nothing where these are large.
/// Source: Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983.
#[derive(Default)]
struct Sums {
    shift: Option<Tensor>,
    count: f64,
    sum: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    /// Adds a batch `[n, channels, …]`.
    fn add(&mut self, x: &Tensor) {
        let dims: Vec<isize> = (0..x.ndim() as isize).filter(|&dim| dim != 1).collect();
        let shift = self.shift.get_or_insert_with(|| x.mean_dim(dims.clone(), true));
        let x = x - &*shift;
        let [sum, squares] = [x.sum_dim(dims.clone(), false), (&x * &x).sum_dim(dims, false)];
        let [sum, squares] = [sum, squares].map(|s| s.to_vec::<f32>());
        self.sum.resize(sum.len(), 0.0);
        self.squares.resize(sum.len(), 0.0);
        for c in 0..sum.len() {
            self.sum[c] += f64::from(sum[c]);
            self.squares[c] += f64::from(squares[c]);
        }
        self.count += (x.numel() / sum.len().max(1)) as f64;
    }

    fn moments(&self) -> Moments {
        let shift = self.shift.as_ref().map(|s| s.to_vec::<f32>()).unwrap_or_default();
        let of = |c: usize| {
            let rest = self.sum[c] / self.count;
            let mean = f64::from(shift[c]) + rest;
            let std = (self.squares[c] / self.count - rest * rest).max(0.0).sqrt();
            // Nothing varies: nothing to learn, but nothing to divide by 0 either.
            (mean, if std > 1e-6 * mean.abs().max(1e-3) { std } else { 1.0 })
        };
        let (mean, std) = (0..self.sum.len()).map(of).unzip();
        Moments { mean, std }
    }
}

/// Shifts and scales what comes in and what goes out.
pub(in super::super) struct Scaling {
    inputs: Option<Affine>,
    targets: Option<Affine>,
}

/// `(x − mean) / std`.
enum Affine {
    One(f64, f64),
    Each(Tensor, Tensor),
}

impl Affine {
    fn new(moments: &Moments, dimensions: usize) -> Self {
        match (&moments.mean[..], &moments.std[..]) {
            (&[mean], &[std]) => Affine::One(mean, std),
            (mean, std) => {
                let shape: Vec<usize> =
                    (0..dimensions.max(1)).map(|dim| if dim == 0 { mean.len() } else { 1 }).collect();
                let tensor = |values: &[f64]| {
                    Tensor::from_vec(values.iter().map(|v| *v as f32).collect(), shape.clone())
                };
                Affine::Each(tensor(mean), tensor(std))
            }
        }
    }

    fn there(&self, x: &Tensor) -> Tensor {
        match self {
            Affine::One(mean, std) => (x - *mean) / *std,
            Affine::Each(mean, std) => (x - mean) / std,
        }
    }

    fn back(&self, x: &Tensor) -> Tensor {
        match self {
            Affine::One(mean, std) => x * *std + *mean,
            Affine::Each(mean, std) => x * std + mean,
        }
    }
}

impl Scaling {
    pub(in super::super) fn of(facts: Option<&Facts>) -> Self {
        let affine = |moments: Option<&Moments>, n: usize| moments.map(|moments| Affine::new(moments, n));
        Scaling {
            inputs: facts.and_then(|facts| affine(facts.inputs.as_ref(), facts.input.len())),
            targets: facts.and_then(|facts| affine(facts.targets.as_ref(), 1)),
        }
    }

    /// As the model takes it.
    pub(in super::super) fn input(&self, x: &Tensor) -> Tensor {
        self.inputs.as_ref().map_or_else(|| x.clone(), |affine| no_grad(|| affine.there(x)))
    }

    /// As the loss takes it.
    pub(in super::super) fn target(&self, y: &Tensor) -> Tensor {
        self.targets.as_ref().map_or_else(|| y.clone(), |affine| affine.there(y))
    }

    /// What the model gave, in the unit of the targets.
    pub(in super::super) fn output(&self, output: &Tensor) -> Tensor {
        self.targets.as_ref().map_or_else(|| output.clone(), |affine| affine.back(&output.detach()))
    }
}
