//! What initialisation does to a deep network: the variance of activations through 30 ReLU layers of width 1,024.
//!
//! `cargo xtask soak` sets FLAMBEAU_SOAK=full for 20 seeds; the default is two.

use flambeau_nn::{Forward, Linear, init};
use flambeau_tensor::{Tensor, manual_seed, no_grad};

const WIDTH: usize = 1024;
const LAYERS: usize = 30;

/// The variance of the activations behind 30 layers over that of the input, or behind the first layer at which it
/// leaves `bounds`.
fn variance(seed: u64, bounds: std::ops::Range<f64>, fill: fn(&Tensor)) -> f64 {
    manual_seed(seed);
    let layer = Linear::new(WIDTH, WIDTH).bias(false);
    let mut x = Tensor::randn([16, WIDTH]).relu();
    let first = x.square().mean().item::<f32>();
    let mut ratio = 1.0;
    for _ in 0..LAYERS {
        fill(&layer.weight);
        x = layer.call(&x).relu();
        // ReLU's outputs have a mean; it is their mean square that layers multiply.
        ratio = f64::from(x.square().mean().item::<f32>() / first);
        if !bounds.contains(&ratio) {
            break;
        }
    }
    ratio
}

#[test]
fn soak_only_kaiming_keeps_activations_through_depth() {
    let seeds = if std::env::var("FLAMBEAU_SOAK").as_deref() == Ok("full") { 20 } else { 2 };
    let mean = |bounds: std::ops::Range<f64>, fill: fn(&Tensor)| {
        let ratios = (0..seeds).map(|seed| no_grad(|| variance(seed, bounds.clone(), fill)));
        ratios.sum::<f64>() / seeds as f64
    };
    let kaiming = mean(0.0..f64::INFINITY, |w| {
        init::kaiming_normal_(w, init::FanMode::FanIn, init::Nonlinearity::ReLU);
    });
    let small = mean(1e-6..1e6, |w| {
        init::normal_(w, 0.0, 0.01);
    });
    let default = mean(1e-6..1e6, |w| {
        let bound = 1.0 / (WIDTH as f64).sqrt();
        init::uniform_(w, -bound, bound);
    });
    let unit = mean(1e-6..1e6, |w| {
        init::normal_(w, 0.0, 1.0);
    });
    println!(
        "kaiming_normal_ {kaiming:.3}, normal_(0, 0.01) {small:.1e}, default {default:.1e}, randn {unit:.1e}"
    );
    assert!((0.5..2.0).contains(&kaiming), "kaiming_normal_: {kaiming}");
    assert!(small < 1e-6, "normal_(0, 0.01): {small}");
    assert!(default < 1e-6, "PyTorch's default: {default}");
    assert!(unit > 1e6, "randn: {unit}");
}
