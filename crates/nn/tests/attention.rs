//! Multi-head attention beside PyTorch's.

use flambeau_nn::functional::{
    InProjWeight, MultiHeadAttentionParameters, MultiheadAttentionOptions, multi_head_attention_forward,
};
use flambeau_nn::{Module, MultiheadAttention};
use flambeau_tensor::Tensor;

/// sin(0.7 i + k), the formula that PyTorch was given too.
fn wave(shape: &[usize], k: f64) -> Tensor {
    let n = shape.iter().product();
    Tensor::from_vec((0..n).map(|i| (0.7 * i as f64 + k).sin() as f32).collect(), shape)
}

/// Σ yᵢ cos i
fn checksum(y: &Tensor) -> f64 {
    y.to_vec::<f32>().iter().enumerate().map(|(i, &y)| f64::from(y) * (i as f64).cos()).sum()
}

fn filled(attention: MultiheadAttention) -> MultiheadAttention {
    for (j, (_, parameter)) in attention.named_parameters().into_iter().enumerate() {
        flambeau_tensor::no_grad(|| parameter.copy_(&(wave(parameter.shape(), j as f64) * 0.5)));
    }
    attention
}

/// Compares checksums of the output, the weights, and the gradients of the query and of the first parameter.
#[track_caller]
fn agrees(
    attention: MultiheadAttention,
    shapes: [&[usize]; 3],
    options: MultiheadAttentionOptions,
    [output, weights, query, parameter]: [f64; 4],
) {
    let attention = filled(attention);
    let q = wave(shapes[0], 9.0).requires_grad_();
    let itself = shapes[1].is_empty();
    let (k, v) = if itself { (q.clone(), q.clone()) } else { (wave(shapes[1], 10.0), wave(shapes[2], 11.0)) };
    let (y, w) = attention.call(&q, &k, &v, options);
    (&y * wave(y.shape(), 3.0)).sum().backward();
    let close = |what: &str, got: f64, want: f64| {
        assert!((got - want).abs() < 1e-5, "{what}: {got}, PyTorch {want}");
    };
    close("output", checksum(&y), output);
    assert_eq!(w.is_some(), weights != 0.0);
    if let Some(w) = w {
        close("weights", checksum(&w), weights);
    }
    close("query", checksum(&q.grad().unwrap()), query);
    close("parameter", checksum(&attention.named_parameters()[0].1.grad().unwrap()), parameter);
}

fn causal() -> Tensor {
    Tensor::full([3, 3], true).triu(1)
}

fn padding() -> Tensor {
    Tensor::from_vec(vec![false, true, false, false, false, false, true, true], [2, 4])
}

#[test]
fn agrees_with_pytorch() {
    let attention = || MultiheadAttention::new(4, 2);
    let default = MultiheadAttentionOptions::default;
    agrees(attention(), [&[3, 2, 4], &[], &[]], default(), [0.5854903, -0.2331377, -0.2929376, 0.3860723]);
    for is_causal in [true, false] {
        agrees(
            attention(),
            [&[3, 2, 4], &[], &[]],
            MultiheadAttentionOptions {
                need_weights: false,
                attn_mask: Some(causal()),
                is_causal,
                ..default()
            },
            [0.9237282, 0.0, 0.5784966, 0.3186033],
        );
    }
    agrees(
        attention().kdim(3).vdim(5).bias(false),
        [&[3, 2, 4], &[6, 2, 3], &[6, 2, 5]],
        default(),
        [-0.0211632, -0.0422612, -0.0130810, 0.1405027],
    );
    agrees(
        attention().add_bias_kv(true).add_zero_attn(true),
        [&[3, 2, 4], &[4, 2, 4], &[4, 2, 4]],
        MultiheadAttentionOptions {
            key_padding_mask: Some(padding()),
            attn_mask: Some(wave(&[3, 4], 12.0)),
            average_attn_weights: false,
            ..default()
        },
        [-0.5979522, -3.5222807, 0.1383608, -0.1159918],
    );
    agrees(
        attention().batch_first(true),
        [&[2, 3, 4], &[2, 4, 4], &[2, 4, 4]],
        MultiheadAttentionOptions {
            attn_mask: Some(wave(&[4, 3, 4], 13.0).gt(0.5)),
            need_weights: false,
            ..default()
        },
        [0.8797685, 0.0, -0.2852464, -1.0227148],
    );
    agrees(
        attention().batch_first(true),
        [&[3, 4], &[4, 4], &[4, 4]],
        MultiheadAttentionOptions { key_padding_mask: Some(padding().select(0, 0)), ..default() },
        [0.3017091, -0.5961639, -0.0459519, -0.3026452],
    );
}

#[test]
fn names_and_first_values() {
    let names =
        |attention: &MultiheadAttention| attention.state_dict().keys().map(str::to_owned).collect::<Vec<_>>();
    let attention = MultiheadAttention::new(8, 2).kdim(3).add_bias_kv(true);
    let own = ["q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "bias_k", "bias_v"];
    let out = ["out_proj.weight", "out_proj.bias"];
    assert_eq!(names(&attention), [&own[..], &out].concat());
    assert_eq!(attention.k_proj_weight.as_ref().unwrap().shape(), [8, 3]);
    for bias in [&attention.in_proj_bias, &attention.out_proj.bias] {
        assert!(bias.as_ref().unwrap().to_vec::<f32>().iter().all(|&v| v == 0.0));
    }
    let packed = MultiheadAttention::new(8, 2).bias(false);
    assert_eq!(names(&packed), ["in_proj_weight", "out_proj.weight"]);
    // Xavier's bound of a [24, 8] matrix.
    let bound = (6.0_f32 / 32.0).sqrt();
    assert!(packed.in_proj_weight.unwrap().to_vec::<f32>().iter().all(|v| v.abs() <= bound));
}

#[test]
fn dropout_follows_the_mode() {
    let attention = filled(MultiheadAttention::new(4, 2).dropout(1.0).bias(false));
    let x = wave(&[3, 2, 4], 9.0);
    let sum = |options| attention.call(&x, &x, &x, options).0.abs().sum().item::<f32>();
    let silent = || MultiheadAttentionOptions { need_weights: false, ..Default::default() };
    assert_eq!((sum(Default::default()), sum(silent())), (0.0, 0.0));
    attention.eval();
    assert!(sum(Default::default()) > 0.1 && sum(silent()) > 0.1);
}

#[test]
fn the_functional_twin_gives_the_same() {
    let attention = filled(MultiheadAttention::new(4, 2));
    let (q, k) = (wave(&[3, 2, 4], 9.0), wave(&[5, 2, 4], 1.0));
    let (want, weights) = attention.call(&q, &k, &k, Default::default());
    let parameters = MultiHeadAttentionParameters {
        num_heads: 2,
        in_proj_weight: InProjWeight::Packed(attention.in_proj_weight.as_ref().unwrap()),
        in_proj_bias: attention.in_proj_bias.as_deref(),
        bias_k: None,
        bias_v: None,
        add_zero_attn: false,
        dropout_p: 0.5,
        out_proj_weight: &attention.out_proj.weight,
        out_proj_bias: attention.out_proj.bias.as_deref(),
        training: false,
    };
    let (y, w) = multi_head_attention_forward(&q, &k, &k, parameters, Default::default());
    assert_eq!(y.to_vec::<f32>(), want.to_vec::<f32>());
    assert_eq!(w.unwrap().to_vec::<f32>(), weights.unwrap().to_vec::<f32>());
}

#[test]
#[should_panic(expected = "key_padding_mask [2, 3]; it is [2, 4] (N, S)")]
fn a_mask_of_another_shape() {
    let options = MultiheadAttentionOptions {
        key_padding_mask: Some(Tensor::full([2, 3], false)),
        ..Default::default()
    };
    let (q, k) = (Tensor::zeros([3, 2, 4]), Tensor::zeros([4, 2, 4]));
    MultiheadAttention::new(4, 2).call(&q, &k, &k, options);
}

#[test]
#[should_panic(expected = "embed_dim 10 is not a multiple of num_heads 4")]
fn heads_that_do_not_fit() {
    MultiheadAttention::new(10, 4);
}
