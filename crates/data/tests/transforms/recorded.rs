//! torchvision's values.

use flambeau_data::transforms::functional::*;
use flambeau_data::transforms::{Borders, Fill, InterpolationMode, PaddingMode, ResizeSize, Transform};
use flambeau_data::transforms::{CenterCrop, Normalize, RandomRotation};
use flambeau_tensor::{DType, Tensor};
use serde::Deserialize;

use crate::image;

#[derive(Deserialize)]
struct Case {
    call: String,
    image: String,
    float: bool,
    shape: Vec<usize>,
    values: Vec<f64>,
}

fn run(call: &str, x: &Tensor) -> Tensor {
    use InterpolationMode::{Bicubic, Bilinear, Nearest, NearestExact};
    let black = Fill::default();
    let padded = |borders: Borders, mode| pad(x, borders, &black, mode);
    let turned = |angle, options: RotateOptions| rotate(x, angle, &options);
    let plain = RotateOptions::default;
    let resized = |size: ResizeSize, options: ResizeOptions| resize(x, size, &options);
    let with = |interpolation| ResizeOptions { interpolation, ..ResizeOptions::default() };
    match call {
        "horizontal_flip" => horizontal_flip(x),
        "vertical_flip" => vertical_flip(x),
        "crop" => crop(x, 1, 2, 4, 5),
        "crop_outside" => crop(x, -2, 3, 7, 9),
        "center_crop" => CenterCrop::new([5, 4]).call(x),
        "center_crop_larger" => center_crop(x, [9, 5]),
        "pad" => padded([1, 2, 3, 0].into(), PaddingMode::Constant),
        "pad_edge" => padded([2, 1].into(), PaddingMode::Edge),
        "pad_reflect" => padded([3, 2, 1, 4].into(), PaddingMode::Reflect),
        "pad_symmetric" => padded([3, 2, 1, 4].into(), PaddingMode::Symmetric),
        "rotate_30" => RandomRotation::new((30.0, 30.0)).call(x),
        "rotate_90" => turned(90.0, plain()),
        "rotate_180" => turned(180.0, plain()),
        "rotate_-90_expand" => turned(-90.0, RotateOptions { expand: true, ..plain() }),
        "rotate_-77_bilinear" => turned(-77.0, RotateOptions { interpolation: Bilinear, ..plain() }),
        "rotate_40_expand_bilinear" => {
            let fill = Fill::from(1.0);
            turned(40.0, RotateOptions { interpolation: Bilinear, expand: true, fill, ..plain() })
        }
        "rotate_13_center" => turned(13.0, RotateOptions { center: Some([2.0, 1.0]), ..plain() }),
        "affine" => {
            let (translate, shear) = ([1.0, -2.0], [5.0, -8.0]);
            affine(
                x,
                &AffineOptions { angle: 17.0, translate, scale: 0.8, shear, ..AffineOptions::default() },
            )
        }
        "affine_bilinear" => affine(
            x,
            &AffineOptions {
                angle: -33.0,
                translate: [2.0, 1.0],
                scale: 1.3,
                shear: [0.0, 12.0],
                interpolation: Bilinear,
                center: Some([3.0, 2.0]),
                ..AffineOptions::default()
            },
        ),
        "adjust_brightness_1.4" => adjust_brightness(x, 1.4),
        "adjust_contrast_0.6" => adjust_contrast(x, 0.6),
        "adjust_contrast_1.7" => adjust_contrast(x, 1.7),
        "adjust_saturation_0.3" => adjust_saturation(x, 0.3),
        "adjust_saturation_1.8" => adjust_saturation(x, 1.8),
        "adjust_hue_0.2" => adjust_hue(x, 0.2),
        "adjust_hue_-0.35" => adjust_hue(x, -0.35),
        "grayscale" => rgb_to_grayscale(x, 1),
        "grayscale_3" => rgb_to_grayscale(x, 3),
        "gaussian_blur" => gaussian_blur(x, [5, 3], [1.2, 0.7]),
        "gaussian_blur_wide" => gaussian_blur(x, [3, 9], [0.4, 3.0]),
        "erase" => erase(x, 1, 2, 3, 4, &black),
        "normalize" => Normalize::new([0.4], [0.2]).call(x),
        "resize_4" => resized(4.into(), with(Bilinear)),
        "resize_3x11" => resized([3, 11].into(), with(Bilinear)),
        "resize_13x17" => resized((13, 17).into(), with(Bilinear)),
        "resize_max" => resized(5.into(), ResizeOptions { max_size: Some(6), ..with(Bilinear) }),
        "resize_no_antialias" => resized([3, 5].into(), ResizeOptions { antialias: false, ..with(Bilinear) }),
        "resize_bicubic" => resized([4, 5].into(), with(Bicubic)),
        "resize_bicubic_no_antialias" => {
            resized([4, 13].into(), ResizeOptions { antialias: false, ..with(Bicubic) })
        }
        "resize_nearest" => resized([4, 13].into(), with(Nearest)),
        "resize_nearest_exact" => resized([4, 13].into(), with(NearestExact)),
        "resized_crop" => resize(&crop(x, 1, 2, 4, 5), [7, 3], &ResizeOptions::default()),
        _ => panic!("{call} has no counterpart in this test"),
    }
}

/// Numbers are equal. Bytes may be off by 1 where a sum in another order ends on the other side of a step: less than one
/// in twenty. Resized bytes are rounded once and not after each dimension as torchvision's, hence off by 1 now and then,
/// and by more where cubic curves overshoot and torchvision cuts that off in between.
#[test]
fn equal_torchvisions() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../recorded/transforms.json")).unwrap();
    let mut compared = 0;
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| !case.call.starts_with("mix_up")) {
        let bytes = match case.image.as_str() {
            "rgb" => image([3, 6, 9]),
            "grey" => image([1, 8, 8]),
            _ => image([3, 20, 30]),
        };
        let x = if case.float { bytes.to_dtype(DType::F32) / 255.0 } else { bytes };
        let y = run(&case.call, &x);
        let name = format!("{} of {} as {}", case.call, case.image, x.dtype());
        assert_eq!((y.shape(), y.dtype()), (&case.shape[..], x.dtype()), "{name}");
        let got = y.to_dtype(DType::F64).to_vec::<f64>();
        let off: Vec<f64> = got.iter().zip(&case.values).map(|(a, b)| (a - b).abs()).collect();
        let (near, most, limit) = match (case.float, case.call.as_str()) {
            (true, _) => (2e-5, 0, 0.0),
            (false, "resize_bicubic_no_antialias") => (1.0, off.len() / 5, 25.0),
            (false, call) if call.starts_with("resize") => (1.0, 0, 0.0),
            (false, _) => (0.0, off.len() / 20, 1.0),
        };
        let far: Vec<f64> = off.iter().copied().filter(|d| *d > near).collect();
        let worst = far.iter().copied().fold(0.0, f64::max);
        let far = far.len();
        if far > most || worst > limit {
            wrong.push(format!("{name}: {far} of {} differ, by up to {worst}", off.len()));
        }
        compared += off.len();
        // A batch is its images.
        let batch = Tensor::stack(&[x.clone(), x.clone()], 0);
        let batch = flambeau_data::transforms::Lambda::new(|x: &Tensor| run(&case.call, x)).call(&batch);
        assert_eq!(batch.select(0, 1).to_dtype(DType::F64).to_vec::<f64>(), got, "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 10_000, "{compared} values");
}
