//! Convolutional layers: parameters, printing, and the same numbers as their functional twins.

use flambeau_nn::{
    Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Fold, Forward, Layer, Module, Unfold, functional as F,
};
use flambeau_tensor::{
    ConvOptions, ConvTransposeOptions, PadMode, Padding, Tensor, UnfoldOptions, manual_seed, try_call,
};

#[test]
fn layers_are_their_functions() {
    let (signal, image) = (Tensor::randn([2, 4, 9]), Tensor::randn([2, 4, 9, 8]));
    let conv = Conv1d::new(4, 6, 3).stride(2).padding(1).dilation(2).groups(2);
    let options = ConvOptions { stride: [2], padding: 1.into(), dilation: [2], groups: 2 };
    let up = ConvTranspose1d::new(4, 6, 3).stride(3).padding(1).output_padding(2).dilation(2).groups(2);
    let up_options =
        ConvTransposeOptions { stride: [3], padding: [1], output_padding: [2], groups: 2, dilation: [2] };
    for (got, want) in [
        (conv.call(&signal), F::conv1d(&signal, &conv.weight, conv.bias.as_deref(), options)),
        (up.call(&signal), F::conv_transpose1d(&signal, &up.weight, up.bias.as_deref(), up_options)),
    ] {
        assert_eq!((got.shape(), got.to_vec::<f32>()), (want.shape(), want.to_vec::<f32>()));
    }
    let conv = Conv2d::new(4, 6, (3, 5)).stride((2, 1)).padding((1, 2)).dilation((1, 2)).bias(false);
    let options = ConvOptions { stride: [2, 1], padding: (1, 2).into(), dilation: [1, 2], groups: 1 };
    let up = ConvTranspose2d::new(4, 6, (3, 2)).stride((2, 3)).padding((1, 0)).output_padding((1, 2));
    let up_options = ConvTransposeOptions {
        stride: [2, 3],
        padding: [1, 0],
        output_padding: [1, 2],
        ..Default::default()
    };
    let columns = Unfold::new((2, 3)).padding((1, 0)).stride(2).dilation((1, 2)).call(&image);
    let windows = UnfoldOptions { dilation: [1, 2], padding: [1, 0], stride: [2, 2] };
    let fold = Fold::new((9, 8), (2, 3)).padding((1, 0)).stride(2).dilation((1, 2));
    for (got, want) in [
        (conv.call(&image), F::conv2d(&image, &conv.weight, None, options)),
        (up.call(&image), F::conv_transpose2d(&image, &up.weight, up.bias.as_deref(), up_options)),
        (columns.clone(), F::unfold(&image, (2, 3), windows)),
        (fold.call(&columns), F::fold(&columns, (9, 8), (2, 3), windows)),
    ] {
        assert_eq!((got.shape(), got.to_vec::<f32>()), (want.shape(), want.to_vec::<f32>()));
    }
}

#[test]
fn parameters_have_the_shapes_names_and_bounds_of_pytorch() {
    manual_seed(0);
    let conv = Conv2d::new(8, 6, (3, 5)).groups(2);
    assert_eq!(conv.state_dict().keys().collect::<Vec<_>>(), ["weight", "bias"]);
    assert_eq!((conv.weight.shape(), conv.in_channels(), conv.out_channels()), (&[6, 4, 3, 5][..], 8, 6));
    let up = ConvTranspose2d::new(8, 6, (3, 5)).groups(2);
    assert_eq!((up.weight.shape(), up.in_channels(), up.out_channels()), (&[8, 3, 3, 5][..], 8, 6));
    assert_eq!(up.bias.as_ref().map(|bias| bias.shape().to_vec()), Some(vec![6]));
    // √(1 / fan_in), the second size of the weight times the kernel's; a maximum of hundreds comes close to it.
    for (weight, fan_in) in [(&conv.weight, 4 * 15), (&up.weight, 3 * 15)] {
        let (bound, largest) = ((fan_in as f64).recip().sqrt(), weight.abs().max().item::<f64>());
        assert!((0.95 * bound..=bound * 1.000_001).contains(&largest), "{largest}, bound {bound}");
    }
    let before = conv.weight.to_vec::<f32>();
    conv.reset_parameters();
    assert_ne!(conv.weight.to_vec::<f32>(), before);
    assert_eq!(conv.bias(false).num_parameters(), 6 * 4 * 15);
}

#[test]
fn printed_settings() {
    let layers: [(Box<dyn Layer>, &str); 11] = [
        (Box::new(Conv2d::new(3, 4, 3)), "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))"),
        (
            Box::new(Conv2d::new(3, 6, (3, 5)).stride(2).padding((1, 2)).dilation(2).groups(3).bias(false)),
            "Conv2d(3, 6, kernel_size=(3, 5), stride=(2, 2), padding=(1, 2), dilation=(2, 2), groups=3, bias=False)",
        ),
        (
            Box::new(Conv2d::new(3, 4, 3).padding(Padding::Same)),
            "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=same)",
        ),
        (
            Box::new(Conv2d::new(3, 4, 3).padding(Padding::Valid)),
            "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=valid)",
        ),
        (
            Box::new(Conv1d::new(2, 3, 4).padding(1)),
            "Conv1d(2, 3, kernel_size=(4,), stride=(1,), padding=(1,))",
        ),
        (
            Box::new(ConvTranspose2d::new(2, 4, 3).stride(2).padding(1).output_padding(1).groups(2)),
            "ConvTranspose2d(2, 4, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1), groups=2)",
        ),
        (Box::new(ConvTranspose1d::new(2, 4, 3)), "ConvTranspose1d(2, 4, kernel_size=(3,), stride=(1,))"),
        (Box::new(Unfold::new(3)), "Unfold(kernel_size=3, dilation=1, padding=0, stride=1)"),
        (
            Box::new(Unfold::new((2, 3)).dilation(2).padding((1, 0)).stride(2)),
            "Unfold(kernel_size=(2, 3), dilation=2, padding=(1, 0), stride=2)",
        ),
        (
            Box::new(Fold::new((4, 5), 2)),
            "Fold(output_size=(4, 5), kernel_size=2, dilation=1, padding=0, stride=1)",
        ),
        (Box::new(Fold::new(4, 2)), "Fold(output_size=4, kernel_size=2, dilation=1, padding=0, stride=1)"),
    ];
    for (layer, expected) in layers {
        assert_eq!(layer.repr(), expected);
    }
}

#[test]
#[should_panic(expected = "Conv2d: groups must divide in_channels 4 and out_channels 6, but got 4")]
fn groups_divide_the_channels() {
    let _ = Conv2d::new(4, 6, 3).groups(4);
}

#[test]
fn other_channels_are_an_error() {
    let error = try_call(|| Conv2d::new(3, 4, 3).call(&Tensor::zeros([1, 1, 8, 8]))).unwrap_err().to_string();
    assert!(error.starts_with("conv2d: input [1, 1, 8, 8], weight [4, 3, 3, 3]"), "{error}");
}

#[test]
fn padding_modes_give_what_pytorch_gives() {
    let x = Tensor::arange(0.0_f32, 24.0, 1.0).reshape([1, 1, 4, 6]) / 8.0 - 1.0;
    let w = (Tensor::arange(0.0_f32, 8.0, 1.0).reshape([1, 1, 2, 4]) - 3.0) / 4.0;
    let cases = [
        (
            PadMode::Reflect,
            "reflect",
            [1.125, 1.25, -0.375, -0.25],
            [-2.125, -1.5, -1.75, 1.625, 2.25, 2.0, -0.625, 0.0, -0.25],
        ),
        (
            PadMode::Replicate,
            "replicate",
            [1.1875, 1.5625, 1.5625, 1.9375],
            [-0.875, -0.375, -0.3125, 1.75, 2.25, 2.3125, 1.375, 1.875, 1.9375],
        ),
        (
            PadMode::Circular,
            "circular",
            [0.875, 0.75, -4.375, -4.5],
            [-4.5, -3.75, -4.5, 1.5, 2.25, 1.5, -4.5, -3.75, -4.5],
        ),
    ];
    for (mode, name, corners, strided) in cases {
        let layer = || Conv2d::new(1, 1, (2, 4)).padding_mode(mode).bias(false);
        let same = layer().padding(Padding::Same);
        let sized = layer().padding((1, 2)).stride((2, 3));
        for layer in [&same, &sized] {
            layer.weight.detach().copy_(&w);
        }
        let y = same.call(&x).reshape(-1).to_vec::<f32>();
        assert_eq!([y[0], y[5], y[18], y[23]], corners, "{name}");
        assert_eq!(sized.call(&x).reshape(-1).to_vec::<f32>(), strided, "{name}");
        let repr = format!(
            "Conv2d(1, 1, kernel_size=(2, 4), stride=(1, 1), padding=same, bias=False, padding_mode={name})"
        );
        assert_eq!(same.repr(), repr);
    }
    let strided = Conv1d::new(1, 1, 3).padding(Padding::Same).stride(2).padding_mode(PadMode::Circular);
    let error = try_call(|| strided.call(&Tensor::ones([1, 4]))).unwrap_err().to_string();
    assert!(error.contains("'same' with stride"), "{error}");
    let too_much = Conv1d::new(1, 1, 3).padding(5).padding_mode(PadMode::Reflect);
    assert!(try_call(|| too_much.call(&Tensor::ones([1, 4]))).unwrap_err().to_string().starts_with("pad:"));
}
