//! Random items, some more likely than others.

use flambeau_tensor::random::fork_rng;
use flambeau_tensor::{Error, Result, Tensor};

use super::Sampler;
use crate::item::mix;

/// Keeps these draws apart from other samplers' of the same seed.
const STREAM: u64 = 0x3e16_4700_0000_0000;

/// Draws items with probabilities in proportion to `weights`, to balance rare classes, say.
///
/// Source: [`torch.utils.data.WeightedRandomSampler`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.WeightedRandomSampler).
///
/// ```
/// use flambeau_data::{Sampler, WeightedRandomSampler};
///
/// let sampler = WeightedRandomSampler::new(&[0.0, 3.0, 1.0], 1000)?;
/// let drawn = sampler.sample(0);
/// assert!(!drawn.contains(&0));
/// assert!((700..800).contains(&drawn.iter().filter(|&&i| i == 1).count()));
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct WeightedRandomSampler {
    weights: Tensor,
    num_samples: usize,
    replacement: bool,
    seed: u64,
}

impl WeightedRandomSampler {
    /// `num_samples` draws an epoch, one weight an item.
    ///
    /// # Errors
    /// [`Error::Config`] if a weight is negative or not finite, all are 0, or `num_samples` is 0.
    pub fn new(weights: &[f64], num_samples: usize) -> Result<Self> {
        if let Some((i, w)) = weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w >= 0.0)) {
            return Err(Error::config(
                "weights",
                format!("weight {i} is {w}; weights are finite and not negative"),
            ));
        }
        let sum: f64 = weights.iter().sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(Error::config(
                "weights",
                format!("add up to {sum}; their sum must be finite and above 0"),
            ));
        }
        if num_samples == 0 {
            return Err(Error::config("num_samples", "is 0; an epoch needs at least 1 item"));
        }
        let weights = Tensor::from_vec(weights.to_vec(), [weights.len()]);
        Ok(Self { weights, num_samples, replacement: true, seed: 0 })
    }

    /// Whether an item may be drawn more than once in an epoch (default: yes).
    ///
    /// # Errors
    /// [`Error::Config`] if not, and fewer weights than the samples are above 0.
    pub fn replacement(mut self, replacement: bool) -> Result<Self> {
        let possible = self.weights.view::<f64>().iter().filter(|&&w| w > 0.0).count();
        if !replacement && possible < self.num_samples {
            return Err(Error::config(
                "num_samples",
                format!(
                    "{} items without replacement, but only {possible} weights are above 0",
                    self.num_samples
                ),
            ));
        }
        self.replacement = replacement;
        Ok(self)
    }

    /// The seed of the draws (default: 0).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl Sampler for WeightedRandomSampler {
    fn len(&self) -> usize {
        self.num_samples
    }

    fn sample(&self, epoch: u64) -> Vec<usize> {
        let draw = || self.weights.multinomial(self.num_samples, self.replacement).to_vec::<i64>();
        fork_rng(mix(&[self.seed, STREAM, epoch]), draw).into_iter().map(|i| i as usize).collect()
    }
}
