use super::group::Groups;
use super::{batch, group};
use crate::pool;

fn numbers(n: usize, offset: f64) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 % 1013) as f64 / 100.0 + offset) as f32).collect()
}

/// Mean and variance of the elements at these places, by the definition.
fn plain(x: &[f32], places: impl Iterator<Item = usize> + Clone) -> (f64, f64) {
    let n = places.clone().count() as f64;
    let mean = places.clone().map(|i| f64::from(x[i])).sum::<f64>() / n;
    (mean, places.map(|i| (f64::from(x[i]) - mean).powi(2)).sum::<f64>() / n)
}

#[test]
fn statistics_agree_with_the_definition_far_from_zero_too() {
    for block in [[130, 70, 1], [3, 5, 49], [9, 150, 7], [40, 2, 1000], [2, 3, 9000], [1, 1, 2], [200, 1, 1]]
    {
        let [outer, channels, inner] = block;
        let x = numbers(outer * channels * inner, 1e4);
        let close =
            |got: f64, expected: f64| assert!((got / expected - 1.0).abs() < 1e-9, "{got} {expected}");
        for (c, m) in batch::statistics(&x, block).into_iter().enumerate() {
            let places = (0..outer).flat_map(|o| (0..inner).map(move |i| (o * channels + c) * inner + i));
            let (mean, var) = plain(&x, places);
            close(m.mean, mean);
            close(m.squares / m.count, var);
        }
        let groups = Groups { block, per: channels, centered: true, eps: 0.0 };
        let (ones, zeros, mut out) = (vec![1.0; channels], vec![0.0; channels], vec![0.0; x.len()]);
        let len = channels * inner;
        for (s, m) in group::forward(&x, groups, &ones, &zeros, &mut out).into_iter().enumerate() {
            if len > 1 {
                let (mean, var) = plain(&x, s * len..(s + 1) * len);
                close(m.mean, mean);
                close(m.squares / m.count, var);
            }
        }
    }
}

#[test]
fn gradients_of_groups_agree_with_the_definition() {
    for (block, per) in
        [([19, 37, 1], 37), ([150, 60, 1], 20), ([9, 40, 3], 8), ([2, 6, 700], 6), ([5, 16, 33], 1)]
    {
        let [_, channels, inner] = block;
        let x = numbers(block.iter().product(), 3.0);
        let g: Vec<f32> = x.iter().rev().map(|v| v.sin()).collect();
        let w: Vec<f32> = (0..channels).map(|c| 1.0 + c as f32 / 50.0).collect();
        for centered in [true, false] {
            let groups = Groups { block, per, centered, eps: 1e-5 };
            let mut out = vec![0.0; x.len()];
            let statistics = group::forward(&x, groups, &w, &w, &mut out);
            let [of_weight, of_bias] = group::backward([&x, &g], groups, &statistics, &w, &mut out);
            let len = per * inner;
            let (mut wanted, mut bias) = (vec![0.0; channels], vec![0.0; channels]);
            for set in 0..x.len() / len {
                let channel = |i: usize| (set * len + i) / inner % channels;
                let [x, g] = [&x, &g].map(|v| v[set * len..].iter().take(len).map(|&v| f64::from(v)));
                let (n, mean) =
                    (len as f64, if centered { x.clone().sum::<f64>() / len as f64 } else { 0.0 });
                let rstd = 1.0 / (x.clone().map(|x| (x - mean).powi(2)).sum::<f64>() / n + 1e-5).sqrt();
                let normal: Vec<f64> = x.map(|x| (x - mean) * rstd).collect();
                let weighted: Vec<f64> =
                    g.clone().enumerate().map(|(i, g)| g * f64::from(w[channel(i)])).collect();
                let plain = if centered { weighted.iter().sum::<f64>() / n } else { 0.0 };
                let product = normal.iter().zip(&weighted).map(|(a, b)| a * b).sum::<f64>() / n;
                for (i, g) in g.enumerate() {
                    wanted[channel(i)] += g * normal[i];
                    bias[channel(i)] += g;
                    let (got, want) =
                        (f64::from(out[set * len + i]), (weighted[i] - plain - normal[i] * product) * rstd);
                    assert!((got - want).abs() < 1e-5, "{block:?} {per} {centered}: {got} for {want}");
                }
            }
            for (got, want) in of_weight.iter().chain(&of_bias).zip(wanted.iter().chain(&bias)) {
                assert!(
                    (f64::from(*got) - want).abs() < 1e-3,
                    "{block:?} {per} {centered}: {got} for {want}"
                );
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for block in [[300, 70, 1], [40, 6, 1000], [64, 40, 18]] {
        let [_, channels, _] = block;
        let x = numbers(block.iter().product(), 3.0);
        let g: Vec<f32> = x.iter().rev().map(|v| v.sin()).collect();
        let w = vec![1.5; channels];
        let run = |threads| {
            pool::with_num_threads(threads, || {
                let mut bits = Vec::new();
                let mut out = vec![0.0; x.len()];
                let mut keep = |values: &[f32]| bits.extend(values.iter().map(|v| v.to_bits()));
                let statistics = batch::statistics(&x, block);
                batch::forward(&x, block, &statistics, 1e-5, [&w, &w], true, &mut out);
                let plain = out.clone();
                assert_eq!(batch::train(&x, block, 1e-5, [&w, &w], true, &mut out), statistics);
                assert_eq!(out, plain);
                keep(&out);
                let [a, b] = batch::backward([&x, &g], block, &statistics, 1e-5, false, &w, &mut out);
                [&out, &a, &b].into_iter().for_each(|v| keep(v));
                let groups = Groups { block, per: channels / 2, centered: true, eps: 1e-5 };
                let statistics = group::forward(&x, groups, &w, &w, &mut out);
                keep(&out);
                let [a, b] = group::backward([&x, &g], groups, &statistics, &w, &mut out);
                [&out, &a, &b].into_iter().for_each(|v| keep(v));
                bits
            })
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(5));
    }
}
