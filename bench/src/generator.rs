//! The numbers that every program of a comparison computes with, from one generator: equal inputs give losses that
//! can be compared.

use flambeau::Tensor;
use flambeau::nn::Module;

/// Number `index` of SplitMix64 seeded with `seed`: the state moves in equal steps, so any number can be had directly.
/// Steele, Lea and Flood, 2014.
pub(crate) fn mix(seed: u64, index: u64) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let state = seed.wrapping_add(STEP.wrapping_mul(index + 1));
    let state = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ state >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ state >> 31
}

/// Uniform in [0, 1): the upper 24 bits, which an f32 holds exactly.
fn uniform(seed: u64, index: u64) -> f32 {
    const SCALE: f32 = 1.0 / (1 << 24) as f32;
    (mix(seed, index) >> 40) as f32 * SCALE
}

/// A tensor uniform in [low, high).
pub(crate) fn tensor(seed: u64, shape: &[usize], low: f32, high: f32) -> Tensor {
    let count = shape.iter().product::<usize>() as u64;
    Tensor::from_vec((0..count).map(|i| uniform(seed, i) * (high - low) + low).collect(), shape)
}

/// `count` class numbers.
pub(crate) fn classes(seed: u64, count: usize, classes: u64) -> Tensor {
    Tensor::from_vec((0..count as u64).map(|i| (mix(seed, i) % classes) as i64).collect(), count)
}

/// Ready batches of an artificial data set of ten classes. Half of a class's prototype is blank, the rest is mixed
/// with noise; a fifth of the labels is drawn, so that the loss stays away from 0.
pub(crate) fn batches(samples: usize, width: usize, batch: usize) -> Vec<(Tensor, Tensor)> {
    let [noise, prototype, class_of, is_drawn, drawn] = [1, 2, 3, 4, 5];
    let width_u64 = width as u64;
    let pixel = |sample: u64, class: u64, at: u64| match uniform(prototype, class * width_u64 + at) {
        blank if blank < 0.5 => 0.0,
        value => 0.5 * value + 0.5 * uniform(noise, sample * width_u64 + at),
    };
    let one = |first: usize| {
        let (mut x, mut y) = (Vec::with_capacity(batch * width), Vec::with_capacity(batch));
        for sample in first as u64..(first + batch) as u64 {
            let class = mix(class_of, sample) % 10;
            x.extend((0..width_u64).map(|at| pixel(sample, class, at)));
            let label = if mix(is_drawn, sample).is_multiple_of(5) { mix(drawn, sample) % 10 } else { class };
            y.push(label as i64);
        }
        (Tensor::from_vec(x, [batch, width]), Tensor::from_vec(y, batch))
    };
    (0..samples).step_by(batch).map(one).collect()
}

/// Fills a model of linear and convolutional layers with bias: parameter k comes from seed 100 + k, uniform in
/// ±1/√inputs of its layer. Norms count, but stay as they are.
pub(crate) fn fill_parameters(model: &impl Module) {
    let (mut bound, mut bias) = (0.0, false);
    for (seed, parameter) in (100..).zip(model.parameters()) {
        // A weight is (outputs, inputs, …); the bias after it has the same bound.
        if let [_, inputs @ ..] = parameter.shape()
            && !inputs.is_empty()
        {
            bound = (1.0 / (inputs.iter().product::<usize>() as f64).sqrt()) as f32;
            bias = true;
        } else if !std::mem::take(&mut bias) {
            continue;
        }
        parameter.modify(|values: &mut [f32]| {
            for (i, value) in (0..).zip(values) {
                *value = (uniform(seed, i) * 2.0 - 1.0) * bound;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{batches, mix, tensor};

    #[test]
    fn is_splitmix64() {
        assert_eq!(mix(0, 0), 0xE220_A839_7B1D_CDAF);
        let first: Vec<u64> = (0..3).map(|i| mix(1_234_567, i)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn values_lie_in_their_range() {
        let values = tensor(11, &[50, 20], -1.0, 1.0).to_vec::<f32>();
        assert!(values.iter().all(|v| (-1.0..1.0).contains(v)));
        assert!(values.iter().sum::<f32>().abs() < 100.0);
    }

    #[test]
    fn batches_cut_the_same_samples_anywhere() {
        let (whole, halves) = (batches(8, 6, 8), batches(8, 6, 4));
        assert_eq!((whole.len(), halves.len()), (1, 2));
        assert_eq!(whole[0].0.i(4..).to_vec::<f32>(), halves[1].0.to_vec::<f32>());
        assert_eq!(whole[0].1.i(4..).to_vec::<i64>(), halves[1].1.to_vec::<i64>());
    }
}
