//! Linear layers that keep their weight packed: whatever is done to the weight, their output is that of a product with it.

use flambeau_nn::{Forward, Linear, Module, Parameter, ReLU, Sequential, functional as F};
use flambeau_tensor::{DType, Tensor, memory_stats, no_grad};

/// As the layer computes it, from the weight itself.
fn plain(layer: &Linear, x: &Tensor) -> Vec<f32> {
    no_grad(|| F::linear(x, &layer.weight, layer.bias.as_deref())).to_vec()
}

#[test]
fn repeated_calls_give_the_same_bits_as_a_product_with_the_weight() {
    for (inputs, outputs) in [(784, 200), (200, 10), (24, 8), (1024, 250), (700, 700)] {
        let layer = Linear::new(inputs, outputs);
        for rows in [1, 7, 8, 32, 300] {
            let x = Tensor::randn([rows, inputs]);
            for _ in 0..3 {
                assert_eq!(no_grad(|| layer.call(&x)).to_vec::<f32>(), plain(&layer, &x));
            }
        }
    }
}

#[test]
fn a_weight_that_is_written_replaced_or_converted_counts_at_once() {
    let mut layer = Linear::new(40, 30);
    let x = Tensor::randn([16, 40]);
    let check = |layer: &Linear| {
        for _ in 0..3 {
            assert_eq!(no_grad(|| layer.call(&x)).to_vec::<f32>(), plain(layer, &x));
        }
    };
    check(&layer);
    layer.reset_parameters();
    check(&layer);
    no_grad(|| layer.weight.mul_(2.0));
    check(&layer);
    // A training step in between, which sees the weight itself.
    layer.call(&x).square().sum().backward();
    let grad = layer.weight.grad().unwrap();
    no_grad(|| layer.weight.sub_(&grad * 0.1));
    check(&layer);
    layer.weight = Parameter::new(Tensor::randn([30, 40]));
    check(&layer);
    layer.freeze();
    check(&layer);
    let state = Linear::new(40, 30).state_dict();
    layer.load_state_dict(&state, true).unwrap();
    check(&layer);
    layer.to(DType::F64);
    let y = no_grad(|| layer.call(&x.to_dtype(DType::F64)));
    assert_eq!(y.dtype(), DType::F64);
    layer.to(DType::F32);
    check(&layer);
}

#[test]
fn gradients_reach_a_frozen_layers_input() {
    let layer = Linear::new(40, 30);
    layer.freeze();
    let x = Tensor::randn([16, 40]).requires_grad_();
    for _ in 0..3 {
        x.zero_grad();
        layer.call(&x).sum().backward();
        let want = Tensor::ones([16, 30]).matmul(&layer.weight);
        assert_eq!(x.grad().unwrap().to_vec::<f32>(), want.to_vec::<f32>());
    }
}

#[test]
fn a_network_is_used_by_several_threads() {
    let model = Sequential::new((Linear::new(64, 48), ReLU::default(), Linear::new(48, 10)));
    let x = Tensor::randn([32, 64]);
    let want = no_grad(|| model.call(&x)).to_vec::<f32>();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(no_grad(|| model.call(&x)).to_vec::<f32>(), want);
                }
            });
        }
    });
}

#[test]
fn the_copy_is_made_at_the_second_call_and_dropped_by_training() {
    let layer = Linear::new(500, 400).bias(false);
    let x = Tensor::randn([64, 500]);
    let weight = 500 * 400 * 4;
    let kept = |before: i64| memory_stats().live_bytes - before;
    let before = memory_stats().live_bytes;
    no_grad(|| layer.call(&x));
    assert_eq!(kept(before), 0);
    no_grad(|| layer.call(&x));
    let copy = kept(before);
    assert!((weight..weight * 3 / 2).contains(&copy), "{copy}");
    no_grad(|| layer.call(&x));
    assert_eq!(kept(before), copy);
    // A single row does not read it.
    no_grad(|| layer.call(&x.narrow(0, 0, 1)));
    assert_eq!(kept(before), copy);
    drop(layer.call(&x));
    assert_eq!(kept(before), 0);
}
