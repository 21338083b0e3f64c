//! What is drawn: distributions, seeds, and the same images for any number of workers.

use flambeau_data::transforms::*;
use flambeau_data::{DataLoader, Dataset, digits};
use flambeau_tensor::random::fork_rng;
use flambeau_tensor::{DType, Tensor};

use crate::image;

/// Every random transform.
fn augment() -> Compose {
    Compose::new((
        RandomRotation::new(20.0).interpolation(InterpolationMode::Bilinear),
        RandomAffine::new(5.0).translate(0.2, 0.1).scale((0.8, 1.2)).shear_x(3.0).shear_y((-2.0, 2.0)),
        RandomResizedCrop::new(9).scale((0.5, 1.0)),
        RandomCrop::new(8).padding(1).padding_mode(PaddingMode::Reflect),
        RandomHorizontalFlip::default(),
        RandomVerticalFlip::default(),
        ColorJitter::new().brightness(0.2).contrast(0.3).saturation(0.1).hue(0.1),
        RandomGrayscale::default(),
        GaussianBlur::new(3),
        RandomErasing::new(0.7).random_value(),
        Normalize::new([0.3], [0.4]),
    ))
}

#[test]
fn the_same_for_any_number_of_workers() {
    let epochs = |workers: usize, seed: u64| {
        let data = digits().transform(augment());
        let loader = DataLoader::new(data, 100).unwrap().shuffle(true).seed(seed).num_workers(workers);
        let epoch = || loader.iter().flat_map(|(x, _)| x.to_vec::<f32>()).collect::<Vec<f32>>();
        [epoch(), epoch()]
    };
    let expected = epochs(0, 3);
    for workers in [1, 2, 3] {
        assert_eq!(epochs(workers, 3), expected, "{workers} workers");
    }
    assert_ne!(expected[0], expected[1]);
    assert_ne!(epochs(0, 4)[0], expected[0]);
}

#[test]
fn each_image_of_a_batch_has_its_own_draw() {
    let x = image([3, 8, 8]).to_dtype(DType::F32) / 255.0;
    let batch = Tensor::stack(&vec![x; 20], 0);
    let out = fork_rng(5, || augment().call(&batch));
    assert_eq!(out.shape(), [20, 3, 8, 8]);
    let images: Vec<Vec<f32>> = (0..20).map(|i| out.select(0, i).to_vec()).collect();
    assert!(images[1..].iter().all(|image| *image != images[0]));
    let again = fork_rng(5, || augment().call(&batch));
    assert_eq!(out.to_vec::<f32>(), again.to_vec::<f32>());
}

/// How often each outcome of a thousand draws comes.
fn counts(transform: &impl Transform, x: &Tensor) -> std::collections::BTreeMap<Vec<u8>, usize> {
    let mut counts = std::collections::BTreeMap::new();
    fork_rng(11, || (0..1000).for_each(|_| *counts.entry(transform.call(x).to_vec()).or_insert(0) += 1));
    counts
}

#[test]
fn flips_come_as_often_as_said() {
    let x = image([1, 3, 3]);
    for p in [0.0, 0.2, 0.5, 1.0] {
        let both: [Box<dyn Transform>; 2] =
            [Box::new(RandomHorizontalFlip::new(p)), Box::new(RandomVerticalFlip::new(p))];
        for transform in both {
            let kept = counts(&transform, &x).remove(&x.to_vec()).unwrap_or(0) as f64;
            // Five standard deviations.
            assert!(
                (kept - 1000.0 * (1.0 - p)).abs() <= 5.0 * (1000.0 * p * (1.0 - p)).sqrt(),
                "p {p}: {kept}"
            );
        }
    }
}

#[test]
fn every_crop_is_as_likely_as_any_other() {
    let x = image([1, 4, 5]);
    let counts = counts(&RandomCrop::new([3, 4]).padding([1, 0]), &x);
    // 2 rows by 4 columns of places.
    assert_eq!(counts.len(), 8);
    assert!(counts.values().all(|n| (70..180).contains(n)), "{counts:?}");
}

#[test]
fn a_crop_pads_what_is_too_small_to_any_place() {
    let x = image([1, 2, 2]);
    let counts = counts(&RandomCrop::new([2, 4]).pad_if_needed(true).fill(7.0), &x);
    // Columns of the image at places 0 to 2.
    assert_eq!(counts.len(), 3);
    assert!(counts.keys().all(|pixels| pixels.iter().filter(|p| **p == 7).count() == 4));
}

#[test]
fn rotations_are_uniform_within_their_range() {
    // A single pixel far from the middle shows the angle.
    let x = Tensor::zeros([1, 101, 101]);
    x.slice_mut::<f32>()[50 * 101 + 95] = 1.0;
    let mut angles = Vec::new();
    let transform = RandomRotation::new((-60.0, 30.0)).interpolation(InterpolationMode::Bilinear);
    fork_rng(2, || {
        for _ in 0..500 {
            let y = transform.call(&x).to_vec::<f32>();
            let bright = y.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            let (up, right) = (50.0 - (bright / 101) as f64, (bright % 101) as f64 - 50.0);
            angles.push(up.atan2(right).to_degrees());
        }
    });
    assert!(angles.iter().all(|a| (-61.5..31.5).contains(a)), "{angles:?}");
    for low in [-60.0, -30.0, 0.0] {
        let part = angles.iter().filter(|a| (low..low + 30.0).contains(*a)).count();
        assert!((115..220).contains(&part), "{part} from {low}");
    }
}

#[test]
fn affine_moves_by_whole_pixels_within_its_part() {
    let x = Tensor::zeros([1, 21, 21]);
    x.slice_mut::<f32>()[10 * 21 + 10] = 1.0;
    let transform = RandomAffine::new(0.0).translate(0.2, 0.1);
    let mut seen = std::collections::BTreeSet::new();
    fork_rng(3, || {
        for _ in 0..500 {
            let y = transform.call(&x).to_vec::<f32>();
            let at = y.iter().position(|p| *p == 1.0).unwrap();
            seen.insert((at / 21, at % 21));
        }
    });
    let (rows, columns): (Vec<_>, Vec<_>) = seen.iter().copied().unzip();
    assert_eq!((rows.iter().min(), rows.iter().max()), (Some(&8), Some(&12)));
    assert_eq!((columns.iter().min(), columns.iter().max()), (Some(&6), Some(&14)));
}

#[test]
fn erased_areas_are_within_their_range() {
    let x = Tensor::ones([2, 40, 40]);
    let transform = RandomErasing::new(1.0).scale((0.1, 0.3)).value([0.0, 0.5]);
    fork_rng(4, || {
        for _ in 0..200 {
            let y = transform.call(&x).to_vec::<f32>();
            let erased = y[..1600].iter().filter(|p| **p == 0.0).count();
            assert!((130..=520).contains(&erased), "{erased}");
            assert_eq!(y[1600..].iter().filter(|p| **p == 0.5).count(), erased);
        }
    });
}

#[test]
fn resized_crops_have_areas_and_ratios_within_their_ranges() {
    // Rows and columns of the image can be told from its values.
    let pixels = (0..2 * 60 * 60).map(|i| if i < 3600 { (i / 60) as f32 } else { (i % 60) as f32 });
    let x = Tensor::from_vec(pixels.collect(), [2, 60, 60]);
    let transform =
        RandomResizedCrop::new(60).scale((0.2, 0.5)).interpolation(InterpolationMode::NearestExact);
    fork_rng(6, || {
        for _ in 0..200 {
            let y = transform.call(&x).to_vec::<f32>();
            let (h, w) = (y[3599] - y[0] + 1.0, y[7199] - y[3600] + 1.0);
            let (area, ratio) = (h * w / 3600.0, w / h);
            assert!((0.18..0.53).contains(&area) && (0.72..1.4).contains(&ratio), "{h}×{w}");
        }
    });
    // No part of this has such a ratio; the middle is taken.
    let flat = Tensor::zeros([1, 2, 300]);
    assert_eq!(RandomResizedCrop::new(5).call(&flat).shape(), [1, 5, 5]);
}

#[test]
fn jitter_draws_within_its_ranges() {
    let x = Tensor::full([3, 4, 4], 0.5f32);
    let transform = ColorJitter::new().brightness((0.5, 1.5));
    let drawn: Vec<f32> =
        fork_rng(7, || (0..300).map(|_| transform.call(&x).to_vec::<f32>()[0] / 0.5).collect());
    assert!(drawn.iter().all(|f| (0.5..1.5).contains(f)));
    assert!(drawn.iter().any(|f| *f < 0.6) && drawn.iter().any(|f| *f > 1.4));
    // Without ranges, nothing changes.
    assert_eq!(ColorJitter::new().call(&x).to_vec::<f32>(), x.to_vec::<f32>());
}

#[test]
fn outside_of_loaders_the_programs_seed_decides() {
    let x = image([1, 28, 28]);
    let draw = |seed| fork_rng(seed, || RandomAffine::new(90.0).call(&x).to_vec::<u8>());
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}
