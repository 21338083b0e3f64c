//! The convolutions of `f32`, by every instruction set, against those of `f64`, which take the plain way.
//!
//! The set is chosen once per process, so the test runs itself again for each one.

use flambeau_kernels::conv::{self, Shape};
use flambeau_kernels::{isa::detect, pool, rng};
use std::process::Command;

/// How far off a result of `f32` may be, as a part of the largest.
const BOUND: f64 = 2e-5;

fn numbers(seed: u64, n: usize) -> (Vec<f32>, Vec<f64>) {
    let mut x = vec![0f32; n];
    rng::fill_normal_f32(seed, 0, &mut x);
    let wide = x.iter().map(|&v| f64::from(v)).collect();
    (x, wide)
}

fn compare(what: &str, got: &[f32], want: &[f64], shape: &Shape) {
    let scale = want.iter().fold(1e-6, |most: f64, v| most.max(v.abs()));
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let off = (f64::from(got) - want).abs() / scale;
        assert!(off <= BOUND, "{what} at {i}: {got}, not {want} (off by {off:e}): {shape:?}");
    }
}

fn check(shape: &Shape) {
    let area = |size: [usize; 2]| size[0] * size[1];
    let (groups, rows) = (shape.groups, shape.inputs * area(shape.kernel));
    let pixels = shape.batch * groups * shape.inputs * area(shape.input);
    let windows = shape.batch * groups * shape.outputs * area(shape.output);
    let (x, wide_x) = numbers(1, pixels);
    let (w, wide_w) = numbers(2, groups * shape.outputs * rows);
    let (g, wide_g) = numbers(3, windows);
    let (b, wide_b) = numbers(4, groups * shape.outputs);
    let (c, wide_c) = numbers(5, groups * shape.inputs);
    for with_bias in [false, true] {
        let (mut y, mut wide) = (vec![7f32; windows], vec![0f64; windows]);
        conv::forward(shape, &x, &w, with_bias.then_some(&b), with_bias, &mut y);
        conv::forward(shape, &wide_x, &wide_w, with_bias.then_some(&wide_b), with_bias, &mut wide);
        compare("output", &y, &wide, shape);
        let (mut gx, mut wide) = (vec![7f32; pixels], vec![0f64; pixels]);
        conv::input_gradient(shape, &g, &w, with_bias.then_some(&c), &mut gx);
        conv::input_gradient(shape, &wide_g, &wide_w, with_bias.then_some(&wide_c), &mut wide);
        compare("input's gradient", &gx, &wide, shape);
    }
    let (mut gw, mut wide) = (vec![7f32; w.len()], vec![0f64; w.len()]);
    conv::weight_gradient(shape, &x, &g, &mut gw);
    conv::weight_gradient(shape, &wide_x, &wide_g, &mut wide);
    compare("weight's gradient", &gw, &wide, shape);
}

/// Images, groups, channels of input and output in a group, size, window, stride, dilation, zeros before and after.
struct Setting([usize; 4], [usize; 2], [usize; 2], [usize; 2], [usize; 2], [[usize; 2]; 2]);

impl Setting {
    fn shape(&self) -> Shape {
        let Setting([batch, groups, inputs, outputs], input, kernel, stride, dilation, padding) = *self;
        let output = [0, 1].map(|d| {
            (input[d] + padding[0][d] + padding[1][d] - (kernel[d] - 1) * dilation[d] - 1) / stride[d] + 1
        });
        let padding = padding[0];
        Shape { batch, groups, inputs, outputs, input, output, kernel, stride, dilation, padding }
    }
}

fn settings() -> Vec<Setting> {
    let three = |sizes, input, padding| Setting(sizes, input, [3, 3], [1, 1], [1, 1], padding);
    let around = |p| [[p, p], [p, p]];
    let mut all = vec![
        three([3, 1, 16, 32], [28, 28], around(1)),
        // Channels that fill no register, or just one more.
        three([2, 1, 8, 8], [9, 11], around(1)),
        three([2, 1, 17, 33], [7, 7], around(1)),
        three([1, 1, 33, 70], [8, 8], around(0)),
        // Few tiles beside many channels, and none whole.
        three([1, 1, 130, 65], [4, 4], around(1)),
        three([1, 1, 40, 40], [1, 1], around(1)),
        three([5, 1, 64, 64], [2, 3], around(2)),
        // Padding on one side, and none.
        three([2, 1, 12, 20], [10, 6], [[0, 2], [1, 0]]),
        three([2, 1, 12, 20], [13, 6], [[2, 1], [3, 5]]),
        three([2, 1, 9, 10], [40, 3], [[0, 0], [0, 1]]),
        // Weights of several panels in each group that are used once.
        Setting([1, 2, 40, 150], [1, 60], [1, 3], [1, 1], [1, 1], [[0, 1], [0, 1]]),
        // Groups, long lines, many images.
        three([3, 4, 8, 9], [12, 10], around(1)),
        three([1, 1, 10, 18], [3, 150], around(1)),
        three([70, 1, 16, 16], [5, 5], around(1)),
        three([0, 1, 16, 16], [5, 5], around(1)),
    ];
    // And with more images, as what is transformed depends on how many pixels there are.
    let many = |Setting([batch, groups, inputs, outputs], a, b, c, d, e): &Setting| {
        Setting([batch * 9, *groups, *inputs, *outputs], *a, *b, *c, *d, *e)
    };
    all.extend(all[1..all.len() - 2].iter().map(many).collect::<Vec<_>>());
    // What has no way of its own.
    for channels in [[1, 16], [3, 32], [5, 7], [20, 40]] {
        for (kernel, stride, dilation) in [
            (3, 1, 1),
            (3, 2, 1),
            (5, 1, 1),
            (5, 2, 1),
            (1, 1, 1),
            (1, 2, 1),
            (7, 2, 1),
            (3, 1, 2),
            (2, 3, 3),
        ] {
            let [inputs, outputs] = channels;
            let (kernel, stride, dilation) = ([kernel; 2], [stride; 2], [dilation; 2]);
            all.push(Setting(
                [2, 1, inputs, outputs],
                [15, 13],
                kernel,
                stride,
                dilation,
                around(kernel[0] / 2),
            ));
        }
    }
    // More zeros than a window spans.
    for (kernel, stride, channels) in [(1, 1, 1), (1, 2, 5), (2, 1, 9), (3, 3, 2)] {
        let sizes = [2, 1, channels, channels + 1];
        all.push(Setting(sizes, [6, 7], [kernel; 2], [stride; 2], [1, 1], around(kernel + 2)));
    }
    for (groups, inputs, outputs) in [(40, 1, 1), (5, 1, 2), (3, 4, 4)] {
        for stride in [1, 2] {
            all.push(Setting([2, groups, inputs, outputs], [14, 17], [3, 3], [stride; 2], [1, 1], around(1)));
        }
    }
    // Channels that leave lanes empty, and few pixels.
    for (size, inputs, outputs) in [([9, 10], 7, 18), ([6, 6], 33, 6), ([28, 5], 12, 50)] {
        all.push(Setting([2, 1, inputs, outputs], size, [3, 3], [1, 1], [1, 1], around(1)));
    }
    // Lines that fill the vectors.
    for (inputs, outputs, kernel, stride) in [(3, 20, 3, 1), (5, 7, 5, 1), (6, 12, 3, 2), (2, 33, 1, 1)] {
        let sizes = [3, 1, inputs, outputs];
        all.push(Setting(sizes, [9, 28 * stride], [kernel; 2], [stride; 2], [1, 1], around(kernel / 2)));
    }
    // Small images taken together, lines of them that meet in the first cache, windows as large as the image, and
    // neighbouring pixels of a gradient where the last has no neighbour.
    for (sizes, input, kernel, stride, padding) in [
        ([19, 1, 40, 48], [7, 7], 1, 1, 0),
        ([17, 1, 24, 40], [4, 4], 2, 1, 0),
        ([9, 1, 30, 64], [8, 8], 3, 2, 1),
        ([2, 1, 48, 40], [32, 32], 1, 1, 0),
        ([1, 1, 210, 33], [16, 16], 1, 1, 0),
        ([3, 1, 130, 48], [7, 9], 1, 1, 0),
        ([21, 1, 48, 130], [3, 5], 1, 1, 0),
        ([23, 1, 64, 32], [3, 3], 3, 2, 1),
        ([3, 2, 40, 36], [11, 13], 5, 1, 2),
        ([5, 1, 12, 20], [4, 4], 4, 1, 0),
        ([1, 1, 70, 3], [2, 2], 2, 1, 0),
        ([9, 1, 33, 37], [9, 7], 4, 2, 1),
        ([9, 1, 36, 5], [9, 9], 2, 2, 0),
        ([3, 1, 36, 40], [9, 11], 1, 2, 0),
        ([3, 1, 36, 40], [10, 2], 3, 2, 1),
        ([2, 3, 5, 34], [13, 13], 7, 2, 3),
        // Few outputs: of many groups, and of an image in several blocks.
        ([2, 9, 3, 6], [13, 12], 3, 1, 1),
        ([1, 1, 8, 2], [100, 128], 3, 1, 1),
        // One, two or three rows of products, and few channels in several blocks.
        ([3, 1, 1, 9], [20, 28], 3, 1, 1),
        ([2, 1, 2, 3], [19, 33], 5, 1, 2),
        ([2, 1, 3, 2], [120, 150], 3, 1, 1),
    ] {
        all.push(Setting(sizes, input, [kernel; 2], [stride; 2], [1, 1], around(padding)));
    }
    // One vector of channels, in blocks of every length: pixels are read once for all columns of the window.
    for (width, [inputs, outputs], kernel, padding) in [
        (8, [13, 16], [3, 3], [[1, 1], [1, 1]]),
        (9, [16, 12], [5, 5], [[2, 2], [2, 2]]),
        (11, [24, 15], [5, 5], [[0, 0], [0, 0]]),
        (14, [33, 16], [3, 5], [[1, 4], [0, 3]]),
        (15, [40, 14], [5, 3], [[3, 0], [1, 2]]),
        (26, [14, 33], [5, 5], [[1, 3], [2, 7]]),
        (45, [16, 16], [1, 5], [[0, 2], [0, 1]]),
        (10, [6, 16], [5, 5], [[0, 0], [0, 0]]),
        (8, [5, 13], [3, 3], [[2, 1], [2, 0]]),
    ] {
        for (stride, dilation) in [([1, 1], [1, 1]), ([2, 1], [1, 1]), ([1, 1], [2, 1])] {
            all.push(Setting([3, 2, inputs, outputs], [11, width], kernel, stride, dilation, padding));
        }
    }
    // The same where several images are taken together, one way or both, and of many images.
    for (sizes, input, padding) in
        [([6, 1, 16, 16], [8, 8], 0), ([4, 1, 16, 20], [10, 10], 0), ([80, 1, 16, 16], [9, 10], 2)]
    {
        all.push(Setting(sizes, input, [5, 5], [1, 1], [1, 1], around(padding)));
    }
    // Short lines that are read where they are and written apart, or the other way round.
    for (stride, input) in [([2, 1], [6, 10]), ([3, 1], [7, 16]), ([2, 1], [5, 5]), ([1, 2], [6, 10])] {
        all.push(Setting([2, 1, 20, 24], input, [1, 1], stride, [1, 1], around(0)));
        all.push(Setting([1, 1, 5, 24], input, [2, 3], stride, [1, 1], around(1)));
    }
    // A window for each channel, of small images or large.
    for (groups, input, kernel, stride, dilation, padding) in [
        (8, [7, 7], 3, 1, 1, 1),
        (35, [4, 4], 3, 1, 1, 1),
        (16, [14, 14], 7, 1, 1, 3),
        (19, [9, 11], 3, 2, 1, 1),
        (24, [6, 5], 2, 3, 1, 0),
        (17, [12, 12], 3, 1, 2, 3),
        (9, [3, 3], 5, 1, 1, 4),
        (8, [1, 40], 1, 1, 1, 0),
    ] {
        let sizes = [3, groups, 1, 1];
        all.push(Setting(sizes, input, [kernel; 2], [stride; 2], [dilation; 2], around(padding)));
    }
    // A window for each channel.
    for (input, kernel, stride, padding) in [
        ([28, 28], 3, 1, 1),
        ([7, 7], 3, 1, 1),
        ([9, 33], 3, 2, 1),
        ([10, 6], 3, 2, 0),
        ([3, 3], 3, 1, 2),
        ([14, 40], 5, 1, 2),
        ([13, 13], 5, 2, 2),
        ([6, 19], 5, 2, 4),
        ([11, 40], 5, 2, 1),
        ([5, 5], 5, 1, 0),
        // Fewer lines than are summed up together.
        ([1, 20], 3, 1, 1),
        ([2, 23], 3, 2, 1),
        ([3, 18], 5, 1, 2),
        ([1, 21], 5, 1, 2),
    ] {
        let kernel = [kernel; 2];
        all.push(Setting([5, 6, 1, 1], input, kernel, [stride; 2], [1, 1], around(padding)));
    }
    all
}

#[test]
fn every_instruction_set_convolves() {
    if std::env::var_os("FLAMBEAU_CONVOLVE").is_some() {
        settings().iter().for_each(|setting| check(&setting.shape()));
        println!("convolved");
        return;
    }
    for set in &["scalar", "avx2", "avx512"][..=detect() as usize] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["every_instruction_set_convolves", "--exact", "--nocapture"])
            .env("FLAMBEAU_ISA", set)
            .env("FLAMBEAU_CONVOLVE", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("convolved"), "{set}: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    for setting in settings() {
        let shape = setting.shape();
        let area = |size: [usize; 2]| size[0] * size[1];
        let count = |channels, size| shape.batch * shape.groups * channels * area(size);
        let (x, g) = (
            numbers(1, count(shape.inputs, shape.input)).0,
            numbers(2, count(shape.outputs, shape.output)).0,
        );
        let w = numbers(3, shape.groups * shape.outputs * shape.inputs * area(shape.kernel)).0;
        let results = [1, 2, 5].map(|threads| {
            pool::with_num_threads(threads, || {
                let (mut y, mut gx, mut gw) = (g.clone(), x.clone(), w.clone());
                conv::forward(&shape, &x, &w, None, false, &mut y);
                conv::input_gradient(&shape, &g, &w, None, &mut gx);
                conv::weight_gradient(&shape, &x, &g, &mut gw);
                [y, gx, gw].concat()
            })
        });
        assert!(results[0] == results[1] && results[0] == results[2], "{shape:?}");
    }
}

/// Their products would be subnormal numbers, which take processors long.
#[test]
fn gradients_of_tiny_numbers_are_those_of_larger_ones_divided() {
    let by = 2f32.powi(-96);
    for setting in settings() {
        let shape = setting.shape();
        let [pixels, weights, windows] = [
            [shape.batch * shape.groups * shape.inputs, shape.input[0], shape.input[1]],
            [shape.groups * shape.outputs * shape.inputs, shape.kernel[0], shape.kernel[1]],
            [shape.batch * shape.groups * shape.outputs, shape.output[0], shape.output[1]],
        ]
        .map(|sizes| sizes.iter().product());
        let [x, w, g] = [(1, pixels), (2, weights), (3, windows)].map(|(seed, n)| numbers(seed, n).0);
        // The largest between 1 and 2, as that of a scaled copy is.
        let least = g.iter().fold(0f32, |most, g| g.abs().max(most)).log2().floor();
        let gradients = |by: f32| {
            let g: Vec<f32> = g.iter().map(|g| g * (-least).exp2() * by).collect();
            let (mut gx, mut gw) = (vec![7f32; pixels], vec![7f32; weights]);
            conv::input_gradient(&shape, &g, &w, None, &mut gx);
            conv::weight_gradient(&shape, &x, &g, &mut gw);
            [gx, gw].concat()
        };
        let normal = |x: f32| if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x };
        let usual: Vec<f32> = gradients(1.0).into_iter().map(|x| normal(x * by)).collect();
        assert!(gradients(by) == usual, "{shape:?}");
    }
}
