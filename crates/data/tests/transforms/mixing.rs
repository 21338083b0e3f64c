//! MixUp and CutMix.

use flambeau_data::transforms::{CutMix, MixUp};
use flambeau_data::{DataLoader, Dataset, default_collate, digits};
use flambeau_tensor::random::fork_rng;
use flambeau_tensor::{Tensor, ops, tensor};

const EDGE: usize = 10;
const PIXELS: usize = EDGE * EDGE;

/// A batch whose images are their number everywhere.
fn numbered(n: usize) -> Tensor {
    let pixels = (0..n).flat_map(|i| [i as f32; PIXELS]).collect();
    Tensor::from_vec(pixels, [n, 1, EDGE, EDGE])
}

#[test]
fn mix_up_mixes_images_and_targets_alike() {
    let (x, y) = (numbered(3), tensor![0, 2, 1]);
    for seed in 0..50 {
        let (mixed, targets) = fork_rng(seed, || MixUp::new().num_classes(3).call(&x, &y));
        let (mixed, targets) = (mixed.to_vec::<f32>(), targets.to_vec::<f32>());
        // Image 1 is λ · 1 + (1 − λ) · 0.
        let lambda = mixed[PIXELS];
        assert!((0.0..=1.0).contains(&lambda));
        let near = |a: f32, b: f32| (a - b).abs() < 1e-5;
        assert!(near(mixed[0], (1.0 - lambda) * 2.0) && near(mixed[2 * PIXELS], 2.0 * lambda + 1.0 - lambda));
        let expected = [lambda, 1.0 - lambda, 0.0, 1.0 - lambda, 0.0, lambda, 0.0, lambda, 1.0 - lambda];
        assert!(targets.iter().zip(expected).all(|(a, b)| near(*a, b)), "{targets:?}");
    }
}

#[test]
fn the_share_follows_the_beta_distribution() {
    let (x, y) = (numbered(2), tensor![0, 1]);
    for alpha in [0.2, 1.0, 4.0] {
        let draws: Vec<f64> = fork_rng(1, || {
            let mix_up = MixUp::new().alpha(alpha).num_classes(2);
            (0..4000).map(|_| f64::from(mix_up.call(&x, &y).1.to_vec::<f32>()[0])).collect()
        });
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let variance = draws.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        // Of Beta(α, α): 1/2 and 1 / (4 (2α + 1)).
        let expected = 0.25 / (2.0 * alpha + 1.0);
        assert!((mean - 0.5).abs() < 5.0 * (expected / n).sqrt(), "α {alpha}: mean {mean}");
        assert!((variance / expected - 1.0).abs() < 0.1, "α {alpha}: variance {variance}, not {expected}");
    }
    // So small that both of its gamma variates are 0 as floats.
    let share = fork_rng(1, || MixUp::new().alpha(1e-4).num_classes(2).call(&x, &y).1.to_vec::<f32>()[0]);
    assert!(share == 0.0 || share == 1.0, "{share}");
}

#[test]
fn cut_mix_pastes_one_rectangle_and_weighs_targets_by_its_area() {
    let (x, y) = (numbered(3), tensor![0, 1, 2]);
    let mut areas = Vec::new();
    for seed in 0..100 {
        let (mixed, targets) = fork_rng(seed, || CutMix::new().num_classes(3).call(&x, &y));
        let (mixed, targets) = (mixed.to_vec::<f32>(), targets.to_vec::<f32>());
        let pasted: Vec<usize> = (0..PIXELS).filter(|p| mixed[PIXELS + p] == 0.0).collect();
        for p in 0..PIXELS {
            let from = |i: usize| if pasted.contains(&p) { (i + 2) % 3 } else { i };
            assert!((0..3).all(|i| mixed[PIXELS * i + p] == from(i) as f32));
        }
        // A rectangle: as many places as rows times columns.
        let count = |f: fn(usize) -> usize| {
            let mut lines: Vec<usize> = pasted.iter().map(|p| f(*p)).collect();
            lines.sort_unstable();
            lines.dedup();
            lines.len()
        };
        assert_eq!(pasted.len(), count(|p| p / EDGE) * count(|p| p % EDGE));
        assert!((targets[0] - (1.0 - pasted.len() as f32 / PIXELS as f32)).abs() < 1e-6);
        areas.push(pasted.len());
    }
    assert!(areas.contains(&0) && areas.iter().any(|area| *area > PIXELS / 2), "{areas:?}");
}

#[test]
fn loaders_mix_the_same_for_any_number_of_workers_and_cross_entropy_takes_the_targets() {
    let epoch = |workers| {
        let (cut_mix, mix_up) = (CutMix::new().num_classes(10), MixUp::new());
        let loader = DataLoader::new(digits(), 256).unwrap().shuffle(true).seed(4).num_workers(workers);
        let loader = loader.collate_fn(move |items| {
            let (x, y) = default_collate(items);
            let (x, y) = cut_mix.call(&x, &y);
            mix_up.call(&x, &y)
        });
        let batches: Vec<(Tensor, Tensor)> = loader.iter().collect();
        batches
    };
    let (plain, threads) = (epoch(0), epoch(2));
    assert_eq!(plain.len(), threads.len());
    for ((x, y), (other_x, other_y)) in plain.iter().zip(&threads) {
        assert_eq!((x.to_vec::<f32>(), y.to_vec::<f32>()), (other_x.to_vec(), other_y.to_vec()));
    }
    let (x, y) = &plain[0];
    assert!(y.sum_dim(1, false).to_vec::<f32>().iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    let loss = x
        .flatten(1, -1)
        .narrow(1, 0, 10)
        .cross_entropy(y, ops::cross_entropy::CrossEntropyOptions::default());
    assert!(loss.item::<f32>().is_finite());
    assert_eq!(digits().len(), 1797);
}
