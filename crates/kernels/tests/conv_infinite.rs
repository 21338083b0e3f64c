//! One infinity or NaN in an operand of a convolution reaches the sums that it is a term of, and no others. The zeros
//! around an image are no terms.

use flambeau_kernels::conv::{self, Shape};
use flambeau_kernels::{Element, pool, rng};
use std::fmt::Debug;

/// How far off a finite result of `f32` may be, as a part of the largest.
const BOUND: f64 = 2e-5;

/// Elements of the input, the weight and the output.
fn sizes(shape: &Shape) -> [usize; 3] {
    let area = |size: [usize; 2]| size[0] * size[1];
    [
        shape.batch * shape.groups * shape.inputs * area(shape.input),
        shape.groups * shape.outputs * shape.inputs * area(shape.kernel),
        shape.batch * shape.groups * shape.outputs * area(shape.output),
    ]
}

/// Calls `f` for each product: where its factors are in the input and the weight, and its sum in the output.
fn terms(shape: &Shape, mut f: impl FnMut(usize, usize, usize)) {
    let Shape { batch, groups, inputs, outputs, input, output, kernel, stride, dilation, padding } = *shape;
    // The windows along a dimension, and the pixels that they see through a position.
    let pairs = |d: usize, tap: usize| -> Vec<[usize; 2]> {
        let pixel = |window: usize| (window * stride[d] + tap * dilation[d]).checked_sub(padding[d]);
        let seen = |window| pixel(window).filter(|&pixel| pixel < input[d]).map(|pixel| [window, pixel]);
        (0..output[d]).filter_map(seen).collect()
    };
    let [down, across] = [0, 1].map(|d| (0..kernel[d]).map(|tap| pairs(d, tap)).collect::<Vec<_>>());
    for image in 0..batch {
        for channel in 0..groups * outputs {
            for c in 0..inputs {
                let plane = (image * groups + channel / outputs) * inputs + c;
                for (ty, lines) in down.iter().enumerate() {
                    for (tx, columns) in across.iter().enumerate() {
                        let w = ((channel * inputs + c) * kernel[0] + ty) * kernel[1] + tx;
                        for [oy, y] in lines {
                            for [ox, x] in columns {
                                let out = (image * groups * outputs + channel) * output[0] + oy;
                                f((plane * input[0] + y) * input[1] + x, w, out * output[1] + ox);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// 3×3 windows of many channels may go through Winograd's transformation, where all of a tile may be lost, and all of a
/// weight's gradient.
fn may_spread(shape: &Shape) -> bool {
    shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1]
        && shape.inputs.min(shape.outputs) >= 16
}

fn compare<T: Element + Debug>(what: &str, got: &[T], want: &[f64], shape: &Shape) -> Result<(), String> {
    let scale = want.iter().filter(|v| v.is_finite()).fold(1e-6, |most: f64, v| most.max(v.abs()));
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let v = got.to_f64();
        let same = if want.is_finite() {
            (v - want).abs() <= BOUND * scale || (may_spread(shape) && !v.is_finite())
        } else if may_spread(shape) {
            !v.is_finite()
        } else {
            v == want || (v.is_nan() && want.is_nan())
        };
        if !same {
            return Err(format!("{what} at {i}: {v}, not {want}: {shape:?}"));
        }
    }
    Ok(())
}

/// With `odd` at a place of the input, the weight or the output's gradient; with a bias, and max(0, …) of the output, if
/// `finish`.
fn check<T: Element>(shape: &Shape, operand: usize, place: usize, odd: f64, finish: bool) -> Vec<String> {
    let mut wide = [0, 1, 2].map(|i| {
        let mut numbers = vec![0f32; sizes(shape)[i]];
        rng::fill_normal_f32(i as u64 + 1, 0, &mut numbers);
        numbers.into_iter().map(f64::from).collect::<Vec<_>>()
    });
    wide[operand][place] = odd;
    let mut want = sizes(shape).map(|n| vec![0f64; n]);
    terms(shape, |x, w, y| {
        want[0][x] += wide[2][y] * wide[1][w];
        want[1][w] += wide[0][x] * wide[2][y];
        want[2][y] += wide[0][x] * wide[1][w];
    });
    let bias = |channels: usize| (0..channels).map(|c| c as f64 / 4.0 - 1.0).collect::<Vec<_>>();
    let biases = [shape.groups * shape.inputs, shape.groups * shape.outputs].map(bias);
    if finish {
        let add = |sums: &mut [f64], [height, width]: [usize; 2], bias: &[f64]| {
            for (i, plane) in sums.chunks_mut(height * width).enumerate() {
                plane.iter_mut().for_each(|sum| *sum += bias[i % bias.len()]);
            }
        };
        add(&mut want[0], shape.input, &biases[0]);
        add(&mut want[2], shape.output, &biases[1]);
        want[2].iter_mut().for_each(|y| *y = if *y <= 0.0 { 0.0 } else { *y });
    }
    let biases = biases.map(|bias| bias.into_iter().map(T::from_f64).collect::<Vec<_>>());
    let bias = |i: usize| finish.then_some(&biases[i][..]);
    let [x, w, g] = wide.map(|numbers| numbers.into_iter().map(T::from_f64).collect::<Vec<_>>());
    let run = |threads: usize| {
        pool::with_num_threads(threads, || {
            let mut got = sizes(shape).map(|n| vec![T::from_f64(7.0); n]);
            conv::input_gradient(shape, &g, &w, bias(0), &mut got[0]);
            conv::weight_gradient(shape, &x, &g, &mut got[1]);
            conv::forward(shape, &x, &w, bias(1), finish, &mut got[2]);
            got
        })
    };
    let got = run(1);
    let bits = |got: &[Vec<T>; 3]| got.iter().flatten().map(|v| v.to_f64().to_bits()).collect::<Vec<_>>();
    assert!(bits(&got) == bits(&run(3)), "on three threads others: {shape:?}");
    let operand = ["input", "weight", "output's gradient"][operand];
    let names = ["input's gradient", "weight's gradient", "output"];
    let mut failed = Vec::new();
    for i in 0..3 {
        let what = format!("{:?}, {odd} in the {operand} at {place}: {}", T::DTYPE, names[i]);
        failed.extend(compare(&what, &got[i], &want[i], shape).err());
    }
    failed
}

/// Numbers that look random, below a bound.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
    fn one_of(&mut self, of: &[usize]) -> usize {
        of[self.below(of.len())]
    }
}

/// Of all kinds: first layers, a window for each channel, few channels and many, wide images and narrow.
fn random_shape(dice: &mut Dice) -> Option<Shape> {
    let [groups, inputs, outputs] = match dice.below(6) {
        0 => [1, dice.one_of(&[1, 3]), dice.one_of(&[6, 16, 20, 33])],
        1 => [dice.one_of(&[3, 6]), 1, 1],
        2 => [dice.one_of(&[8, 17]), 1, 1],
        3 => [dice.one_of(&[2, 3, 9]), dice.one_of(&[1, 2, 5]), dice.one_of(&[1, 2, 4, 10])],
        4 => [1, dice.one_of(&[16, 33, 40]), dice.one_of(&[15, 16, 32])],
        _ => [1, dice.one_of(&[2, 4, 9, 17]), dice.one_of(&[1, 2, 5, 9, 18])],
    };
    let kernel = match dice.below(3) {
        0 => [3; 2],
        1 => [5; 2],
        _ => [1 + dice.below(7), 1 + dice.below(7)],
    };
    let input = [0, 1].map(|_| dice.one_of(&[1, 2, 4, 5, 7, 9, 14, 16, 17, 28, 33, 40, 65]));
    let stride = if dice.below(2) == 0 { [1; 2] } else { [1 + dice.below(3), 1 + dice.below(3)] };
    let dilation = if dice.below(3) > 0 { [1; 2] } else { [1 + dice.below(3), 1 + dice.below(3)] };
    let padding = kernel.map(|kernel| dice.one_of(&[0, kernel / 2, kernel / 2, kernel - 1, kernel + 1]));
    let batch = dice.one_of(&[1, 2, 5]);
    let shape = shape([batch, groups, inputs, outputs], input, kernel, stride, dilation, padding)?;
    let work = sizes(&shape)[2] * shape.inputs * kernel[0] * kernel[1];
    (work < 1 << 19).then_some(shape)
}

/// The same padding on both sides. None if there are no windows.
fn shape(
    [batch, groups, inputs, outputs]: [usize; 4],
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: [usize; 2],
) -> Option<Shape> {
    let output = |d: usize| {
        let room = (input[d] + 2 * padding[d]).checked_sub((kernel[d] - 1) * dilation[d] + 1)?;
        Some(room / stride[d] + 1)
    };
    let output = [output(0)?, output(1)?];
    Some(Shape { batch, groups, inputs, outputs, input, output, kernel, stride, dilation, padding })
}

#[test]
fn what_is_not_finite_reaches_what_sees_it_alone() {
    let mut dice = Dice(1);
    // What those do not hit on: a window as large as the image, single pixels, Winograd's windows, steps that are long.
    let mut shapes: Vec<Shape> = [
        ([3, 1, 5, 7], [4, 4], 4, 1, 0),
        ([1, 1, 9, 10], [16, 17], 1, 1, 0),
        ([2, 1, 16, 17], [9, 10], 3, 1, 1),
        ([2, 1, 3, 4], [30, 31], 4, 9, 1),
        // One vector of channels, forward and backward.
        ([2, 1, 16, 16], [9, 10], 5, 1, 2),
        ([2, 1, 16, 14], [7, 17], 5, 1, 0),
        ([6, 1, 16, 16], [8, 8], 5, 1, 0),
    ]
    .into_iter()
    .filter_map(|(sizes, input, kernel, stride, padding)| {
        shape(sizes, input, [kernel; 2], [stride; 2], [1, 1], [padding; 2])
    })
    .collect();
    while shapes.len() < 153 {
        shapes.extend(random_shape(&mut dice));
    }
    let mut failed = Vec::new();
    for shape in &shapes {
        for operand in 0..3 {
            for odd in [f64::INFINITY, f64::NAN] {
                let place = dice.below(sizes(shape)[operand]);
                let finish = dice.below(2) == 0;
                failed.extend(check::<f32>(shape, operand, place, odd, finish));
                failed.extend(check::<f64>(shape, operand, place, odd, finish));
            }
        }
    }
    let first = failed.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(failed.is_empty(), "{} of {} failed:\n{first}", failed.len(), shapes.len() * 36);
}
