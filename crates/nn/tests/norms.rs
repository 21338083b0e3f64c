//! Normalisation layers and embeddings: running statistics, modes, names and printing, as in PyTorch.

use flambeau_nn::{
    BatchNorm1d, BatchNorm2d, BatchNorm3d, CosineSimilarity, Dropout, Embedding, Forward, GroupNorm,
    InstanceNorm1d, InstanceNorm2d, Layer, LayerNorm, Linear, Module, RMSNorm, Sequential, functional as F,
    init, utils::update_bn,
};
use flambeau_tensor::{BatchNormOptions, EmbeddingOptions, InstanceNormOptions, Tensor, tensor, try_call};

fn close(got: &Tensor, expected: &[f64]) {
    let got = got.to_vec::<f32>();
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((f64::from(*got) - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{got} for {expected}");
    }
}

/// One buffer's values.
fn buffer(module: &dyn Module, name: &str) -> Tensor {
    module.state_dict().get(name).unwrap().clone()
}

// Of a channel of 1 and 3: mean 2, variance 1, unbiased 2.
fn batch() -> Tensor {
    tensor![[1.0, 10.0], [3.0, 10.0]]
}

#[test]
fn batch_norm_follows_the_batches() {
    let norm = BatchNorm1d::new(2);
    close(&norm.call(&batch()), &[-0.999995, 0.0, 0.999995, 0.0]);
    close(&buffer(&norm, "running_mean"), &[0.2, 1.0]);
    close(&buffer(&norm, "running_var"), &[1.1, 0.9]);
    assert_eq!(buffer(&norm, "num_batches_tracked").item::<i64>(), 1);

    norm.eval();
    let before = norm.state_dict().copy();
    let y = norm.call(&tensor![[1.2, 1.0]]);
    close(&y, &[1.0 / (1.1_f64 + 1e-5).sqrt(), 0.0]);
    for (name, value) in &before {
        assert_eq!(value.to_le_bytes(), buffer(&norm, name).to_le_bytes(), "{name}");
    }
    norm.reset_running_stats();
    close(&buffer(&norm, "running_var"), &[1.0, 1.0]);
    assert_eq!(buffer(&norm, "num_batches_tracked").item::<i64>(), 0);
}

#[test]
fn batch_norm_without_momentum_averages_all_batches() {
    let norm = BatchNorm1d::new(2).momentum(None);
    for shift in [0.0, 3.0, 9.0] {
        norm.call(&(batch() + shift));
    }
    close(&buffer(&norm, "running_mean"), &[6.0, 14.0]);
    close(&buffer(&norm, "running_var"), &[2.0, 0.0]);
    assert_eq!(buffer(&norm, "num_batches_tracked").item::<i64>(), 3);
}

#[test]
fn batch_norm_without_running_statistics_uses_the_batch_in_both_modes() {
    let norm = BatchNorm1d::new(2).track_running_stats(false);
    assert_eq!(norm.state_dict().keys().collect::<Vec<_>>(), ["weight", "bias"]);
    let training = norm.call(&batch());
    norm.eval();
    assert_eq!(training.to_vec::<f32>(), norm.call(&batch()).to_vec::<f32>());
}

#[test]
fn batch_norm_refuses_single_values_and_other_shapes() {
    let norm = BatchNorm1d::new(2);
    let error = |norm: &dyn Layer, shape: &[usize]| {
        try_call(|| norm.call(&Tensor::zeros(shape))).unwrap_err().to_string()
    };
    let text = error(&norm, &[1, 2]);
    assert!(text.contains("expected more than 1 value per channel when training"), "{text}");
    assert_eq!(buffer(&norm, "num_batches_tracked").item::<i64>(), 0);
    norm.eval();
    assert_eq!(norm.call(&Tensor::zeros([1, 2])).shape(), [1, 2]);
    let text = error(&BatchNorm2d::new(2), &[4, 2, 3]);
    assert!(text.contains("BatchNorm2d takes inputs of 4 dimensions"), "{text}");
    let text = error(&norm, &[4, 3]);
    assert!(text.contains("must be [3]"), "{text}");
    let text = error(&InstanceNorm2d::new(2), &[1, 2, 1, 1]);
    assert!(text.contains("more than 1 spatial element"), "{text}");
}

#[test]
fn state_dicts_have_pytorchs_names() {
    let all = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
    let keys = |module: &dyn Module| module.state_dict().keys().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(keys(&BatchNorm2d::new(3)), all);
    assert_eq!(keys(&BatchNorm2d::new(3).affine(false)), all[2..]);
    assert_eq!(keys(&BatchNorm2d::new(3).bias(false).track_running_stats(false)), all[..1]);
    assert_eq!(keys(&InstanceNorm2d::new(3)), [""; 0]);
    assert_eq!(keys(&InstanceNorm2d::new(3).affine(true).track_running_stats(true)), all);
    assert_eq!(keys(&LayerNorm::new([2, 3])), all[..2]);
    assert_eq!(keys(&GroupNorm::new(2, 4).bias(false)), all[..1]);
    assert_eq!(keys(&RMSNorm::new(3)), all[..1]);
    assert_eq!(keys(&RMSNorm::new(3).elementwise_affine(false)), [""; 0]);
    assert_eq!(keys(&Embedding::new(3, 2)), all[..1]);
}

#[test]
fn instance_norm_has_running_statistics_if_asked() {
    let norm = InstanceNorm1d::new(1).track_running_stats(true).momentum(0.5);
    // Means 2 and 4, unbiased variances 2 and 8.
    norm.call(&tensor![[[1.0, 3.0]], [[2.0, 6.0]]]);
    close(&buffer(&norm, "running_mean"), &[1.5]);
    close(&buffer(&norm, "running_var"), &[3.0]);
    norm.eval();
    close(&norm.call(&tensor![[1.5, 4.5]]), &[0.0, 3.0_f64.sqrt()]);
    let unbatched = InstanceNorm2d::new(2).call(&Tensor::randn([2, 3, 4]));
    assert_eq!(unbatched.shape(), [2, 3, 4]);
}

#[test]
fn functional_twins() {
    let x = Tensor::randn([4, 6, 5, 5]);
    let (w, b) = (Tensor::ones([6]), Tensor::zeros([6]));
    let batch = BatchNormOptions { training: true, ..Default::default() };
    let pairs: [(Box<dyn Layer>, Tensor); 5] = [
        (Box::new(BatchNorm2d::new(6)), F::batch_norm(&x, None, None, Some(&w), Some(&b), batch)),
        (
            Box::new(InstanceNorm2d::new(6)),
            F::instance_norm(&x, None, None, None, None, InstanceNormOptions::default()),
        ),
        (Box::new(GroupNorm::new(3, 6)), F::group_norm(&x, 3, Some(&w), Some(&b), 1e-5)),
        (Box::new(LayerNorm::new([5, 5])), F::layer_norm(&x, [5, 5], None, None, 1e-5)),
        (Box::new(RMSNorm::new(5)), F::rms_norm(&x, 5, None, None)),
    ];
    for (layer, expected) in pairs {
        assert_eq!(layer.call(&x).to_vec::<f32>(), expected.to_vec::<f32>(), "{}", layer.repr());
    }
    let y = x.roll(1, 0);
    let cosine = CosineSimilarity::default().dim(-1).call(&x, &y);
    assert_eq!(cosine.to_vec::<f32>(), F::cosine_similarity(&x, &y, -1, 1e-8).to_vec::<f32>());
    let norms = F::normalize(&x, 2.0, 1, 1e-12).norm_dim(2.0, 1, false).to_vec::<f32>();
    assert!(norms.iter().all(|norm| (norm - 1.0).abs() < 1e-5));
    assert_eq!(F::one_hot(&tensor![1], Some(3)).to_vec::<i64>(), [0, 1, 0]);
}

#[test]
fn embeddings() {
    let embedding = Embedding::new(4, 2).padding_idx(-1);
    assert_eq!(embedding.weight.to_vec::<f32>()[6..], [0.0; 2]);
    let numbers = tensor![[0, 3, 0]];
    embedding.call(&numbers).sum().backward();
    close(&embedding.weight.grad().unwrap(), &[2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);

    let table = tensor![[3.0, 4.0], [0.3, 0.4]];
    let frozen = Embedding::from_pretrained(&table, true, EmbeddingOptions::default());
    assert!(!frozen.weight.requires_grad());
    assert_eq!(F::embedding(&tensor![1], &table, Default::default()).to_vec::<f32>(), [0.3, 0.4]);

    let limited = Embedding::new(2, 2).max_norm(1.0).scale_grad_by_freq(true);
    init::constant_(&limited.weight, 3.0);
    let half = 0.5_f64.sqrt();
    let y = limited.call(&tensor![1, 1]);
    close(&y, &[half; 4]);
    close(&limited.weight, &[3.0, 3.0, half, half]);
    y.sum().backward();
    close(&limited.weight.grad().unwrap(), &[0.0, 0.0, 1.0, 1.0]);
    assert!(try_call(|| limited.call(&tensor![2])).is_err());
}

#[test]
fn printed_settings() {
    let layers: [(Box<dyn Layer>, &str); 10] = [
        (
            Box::new(BatchNorm1d::new(3)),
            "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)",
        ),
        (
            Box::new(BatchNorm2d::new(3).momentum(None).affine(false).track_running_stats(false)),
            "BatchNorm2d(3, eps=1e-05, momentum=None, affine=False, bias=False, track_running_stats=False)",
        ),
        (
            Box::new(BatchNorm3d::new(3).eps(0.5).momentum(0.01)),
            "BatchNorm3d(3, eps=0.5, momentum=0.01, affine=True, bias=True, track_running_stats=True)",
        ),
        (
            Box::new(InstanceNorm2d::new(3)),
            "InstanceNorm2d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)",
        ),
        (
            Box::new(LayerNorm::new([2, 3]).bias(false)),
            "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=False)",
        ),
        (Box::new(GroupNorm::new(2, 4)), "GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)"),
        (Box::new(RMSNorm::new([3, 2])), "RMSNorm((3, 2), eps=None, elementwise_affine=True)"),
        (
            Box::new(RMSNorm::new(3).eps(1e-6).elementwise_affine(false)),
            "RMSNorm((3,), eps=1e-06, elementwise_affine=False)",
        ),
        (Box::new(Embedding::new(5, 3)), "Embedding(5, 3)"),
        (
            Box::new(
                Embedding::new(5, 3).padding_idx(-1).max_norm(1.0).norm_type(3.0).scale_grad_by_freq(true),
            ),
            "Embedding(5, 3, padding_idx=4, max_norm=1.0, norm_type=3.0, scale_grad_by_freq=True)",
        ),
    ];
    for (layer, expected) in layers {
        assert_eq!(layer.repr(), expected);
    }
    assert_eq!(CosineSimilarity::default().repr(), "CosineSimilarity()");
}

#[test]
#[should_panic(expected = "num_groups must divide num_channels, but got 3 and 4")]
fn groups_divide_channels() {
    let _ = GroupNorm::new(3, 4);
}

#[test]
fn update_bn_computes_running_statistics_anew() {
    let norm = BatchNorm1d::new(1).momentum(0.5);
    let model = Sequential::new((Dropout::new(0.0), norm, Linear::new(1, 1)));
    let inner = || {
        let modules = model.named_modules();
        let norm = modules.iter().find_map(|(_, module)| module.downcast_ref::<BatchNorm1d>());
        norm.map(|norm| (norm.running_mean.as_ref().unwrap().item::<f32>(), norm.repr())).unwrap()
    };
    model.call(&tensor![[1000.0], [2000.0]]);
    model.apply(&mut |module| {
        // The modes differ from module to module, and stay so.
        if module.is::<Dropout>() {
            module.downcast_ref::<Dropout>().unwrap().eval();
        }
    });
    let batches = [tensor![[0.0], [2.0]], tensor![[4.0], [8.0]], tensor![[1.0], [3.0]]];
    let before = inner().1;
    update_bn(batches, &model);
    let (mean, repr) = inner();
    let modes: Vec<bool> =
        model.named_modules().iter().skip(1).map(|(_, module)| module.is_training()).collect();
    assert_eq!(modes, [false, true, true]);
    assert!((mean - 3.0).abs() < 1e-6 && repr == before && repr.contains("momentum=0.5"), "{mean} {repr}");
}
