//! Complaints name the value and the fix, and nothing panics in another way.

use flambeau_data::transforms::functional::*;
use flambeau_data::transforms::*;
use flambeau_tensor::{DType, Tensor, tensor, try_call};
use proptest::prelude::*;

/// The complaint.
fn complaint<R>(f: impl FnOnce() -> R) -> String {
    match try_call(f) {
        Ok(_) => panic!("expected a complaint"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn parameters() {
    let x = Tensor::zeros([3, 8, 8]);
    let grey = Tensor::zeros([1, 8, 8]);
    let bytes = x.to_dtype(DType::U8);
    type Call<'a> = Box<dyn Fn() -> Tensor + 'a>;
    let cases: Vec<(Call<'_>, [&str; 2])> = vec![
        (Box::new(|| RandomHorizontalFlip::new(1.5).call(&x)), ["p 1.5", "from 0 to 1"]),
        (Box::new(|| RandomVerticalFlip::new(f64::NAN).call(&x)), ["p NaN", "from 0 to 1"]),
        (Box::new(|| RandomRotation::new(-5.0).call(&x)), ["degrees -5", "(low, high)"]),
        (Box::new(|| RandomRotation::new((5.0, 1.0)).call(&x)), ["from 5 to 1", "low ≤ high"]),
        (Box::new(|| RandomRotation::new(f64::INFINITY).call(&x)), ["inf", "finite"]),
        (
            Box::new(|| RandomRotation::new(5.0).interpolation(InterpolationMode::Bicubic).call(&x)),
            ["Bicubic", "Nearest or Bilinear"],
        ),
        (Box::new(|| RandomRotation::new(5.0).fill([1.0, 2.0]).call(&x)), ["2 fill values", "3 channels"]),
        (Box::new(|| RandomAffine::new(0.0).translate(1.5, 0.0).call(&x)), ["translate 1.5", "0 to 1"]),
        (Box::new(|| RandomAffine::new(0.0).scale((0.0, 1.0)).call(&x)), ["scale from 0", "0 < low"]),
        (Box::new(|| RandomCrop::new(9).call(&x)), ["height 9", "pad_if_needed"]),
        (Box::new(|| RandomCrop::new(0).call(&x)), ["0×0", "at least 1"]),
        (Box::new(|| Pad::new(usize::MAX).call(&x)), ["18446744073709551615", "memory"]),
        (
            Box::new(|| Pad::new(8).padding_mode(PaddingMode::Reflect).call(&x)),
            ["8 rows of padding in mode Reflect", "at most 7"],
        ),
        (Box::new(|| CenterCrop::new([0, 3]).call(&x)), ["0×3", "at least 1"]),
        (Box::new(|| Resize::new(0).call(&x)), ["size 0", "at least 1"]),
        (Box::new(|| Resize::new(9).max_size(9).call(&x)), ["max_size 9", "larger"]),
        (Box::new(|| Resize::new([9, 9]).max_size(10).call(&x)), ["max_size 10", "smaller edge"]),
        (Box::new(|| Resize::new(4).call(&Tensor::zeros([3, 0, 8]))), ["[3, 0, 8]", "no pixels"]),
        (Box::new(|| RandomResizedCrop::new(4).scale((0.5, 1.5)).call(&x)), ["0.5 to 1.5", "≤ 1"]),
        (Box::new(|| RandomResizedCrop::new(4).ratio((0.0, 1.0)).call(&x)), ["ratio from 0", "0 < low"]),
        (Box::new(|| ColorJitter::new().brightness(-0.1).call(&x)), ["brightness -0.1", "0 or more"]),
        (Box::new(|| ColorJitter::new().hue(0.6).call(&x)), ["hue from -0.6 to 0.6", "-0.5 to 0.5"]),
        (Box::new(|| ColorJitter::new().call(&Tensor::zeros([2, 4, 4]))), ["2 channels", "3 (red"]),
        (Box::new(|| Grayscale::new(2).call(&x)), ["2 output channels", "1 or 3"]),
        (Box::new(|| GaussianBlur::new(4).call(&x)), ["[4, 4]", "odd"]),
        (Box::new(|| GaussianBlur::new(3).sigma(0.0).call(&x)), ["sigma from 0", "0 < low"]),
        (Box::new(|| GaussianBlur::new(17).call(&x)), ["17×17", "at most 15×15"]),
        (Box::new(|| RandomErasing::new(0.5).scale((0.5, 1.1)).call(&x)), ["0.5 to 1.1", "≤ 1"]),
        (Box::new(|| RandomErasing::new(0.5).value([1.0, 2.0]).call(&x)), ["2 fill values", "3 channels"]),
        (Box::new(|| Normalize::new([0.5], [0.0]).call(&x)), ["std Some(0.0)", "not 0"]),
        (Box::new(|| Normalize::new([0.5, 0.5], [0.1]).call(&x)), ["2 means and 1 dev", "each channel"]),
        (Box::new(|| Normalize::new([0.5, 0.5], [0.1, 0.1]).call(&x)), ["2 means", "3 channels"]),
        (Box::new(|| Normalize::new([0.5], [0.1]).call(&bytes)), ["torch.uint8", "ToTensor"]),
        (Box::new(|| ToTensor.call(&x)), ["torch.float32", "[H, W, C]"]),
        (Box::new(|| CenterCrop::new(4).call(&Tensor::zeros([8, 8]))), ["[8, 8]", "[C, H, W]"]),
        (Box::new(|| horizontal_flip(&x.to_dtype(DType::I64))), ["torch.int64", "to_dtype"]),
        (
            Box::new(|| CenterCrop::new(4).call(&Tensor::zeros([0, 1, 8, 8]))),
            ["[0, 1, 8, 8]", "leave it out"],
        ),
        (Box::new(|| MixUp::new().alpha(0.0).call(&x, &x).0), ["alpha 0", "above 0"]),
        (Box::new(|| MixUp::new().call(&x, &tensor![0]).0), ["[3, 8, 8]", "collate_fn"]),
        (
            Box::new(|| MixUp::new().call(&grey.unsqueeze(0), &tensor![0]).0),
            ["num_classes", "number of classes"],
        ),
        (
            Box::new(|| CutMix::new().num_classes(3).call(&grey.unsqueeze(0), &tensor![3]).0),
            ["target 3", "3 classes"],
        ),
        (
            Box::new(|| CutMix::new().num_classes(3).call(&grey.unsqueeze(0), &tensor![1, 2]).0),
            ["[2] for 1 images", "class indices"],
        ),
    ];
    for (call, parts) in cases {
        let message = complaint(call);
        for part in parts {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the numbers: a result or an error, no other panic.
    #[test]
    fn no_numbers_break_the_operations(
        (c, h, w) in (0usize..4, 0usize..6, 0usize..6),
        bytes in any::<bool>(),
        (top, left) in (any::<isize>(), any::<isize>()),
        small in (-9isize..9, -9isize..9),
        size in (0usize..12, 0usize..12),
        borders in [0usize..9, 0usize..9, 0usize..9, 0usize..9],
        angle in prop_oneof![any::<f64>(), -400.0..400.0],
        scale in prop_oneof![any::<f64>(), 1e-9..9.0],
        sigma in prop_oneof![any::<f64>(), 0.01..9.0],
    ) {
        let x = Tensor::rand([c, h, w]);
        let x = if bytes { (x * 255.0).to_dtype(DType::U8) } else { x };
        let (fill, size) = (Fill::default(), [size.0, size.1]);
        let _ = try_call(|| crop(&x, top, left, size[0], size[1]));
        let _ = try_call(|| crop(&x, small.0, small.1, size[0], size[1]));
        let _ = try_call(|| center_crop(&x, size));
        for mode in [PaddingMode::Constant, PaddingMode::Edge, PaddingMode::Reflect, PaddingMode::Symmetric] {
            let _ = try_call(|| pad(&x, borders, &fill, mode));
            let crop = RandomCrop::new([size[0].max(1), size[1].max(1)]);
            let _ = try_call(|| crop.padding(borders).pad_if_needed(true).padding_mode(mode).call(&x));
        }
        for interpolation in [InterpolationMode::Nearest, InterpolationMode::Bilinear] {
            for expand in [false, true] {
                let options = RotateOptions { interpolation, expand, center: None, fill: fill.clone() };
                let _ = try_call(|| rotate(&x, angle, &options));
            }
            let shear = [angle / 3.0, sigma];
            let options = AffineOptions { angle, translate: [sigma, -angle], scale, shear, interpolation, ..AffineOptions::default() };
            let _ = try_call(|| affine(&x, &options));
            let _ = try_call(|| resize(&x, size, &ResizeOptions { interpolation, ..ResizeOptions::default() }));
            let _ = try_call(|| resize(&x, size[0], &ResizeOptions { interpolation, antialias: bytes, max_size: Some(size[1]) }));
        }
        let _ = try_call(|| gaussian_blur(&x, size, [sigma; 2]));
        let _ = try_call(|| erase(&x, top.unsigned_abs(), left.unsigned_abs(), size[0], size[1], &fill));
        let _ = try_call(|| erase(&x, size[0], size[1], size[1], size[0], &fill));
        for adjust in [adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue] {
            let _ = try_call(|| adjust(&x, sigma));
            let _ = try_call(|| adjust(&x, 0.3));
        }
        let _ = try_call(|| rgb_to_grayscale(&x, 3));
        let _ = try_call(|| horizontal_flip(&x));
        let _ = try_call(|| vertical_flip(&x));
        let _ = try_call(|| RandomErasing::new(1.0).call(&x));
        let _ = try_call(|| RandomResizedCrop::new(3).call(&x));
    }
}
