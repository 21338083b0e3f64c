//! Convolutions against loops that follow the definition, at random settings of every argument.

use flambeau_tensor::autograd::{BackwardOptions, grad};
use flambeau_tensor::{
    ConvOptions, ConvTransposeOptions, DType, Padding, Tensor, UnfoldOptions, set_num_threads,
};

/// A setting, always of two dimensions; those of signals have 1, 0 and 1 in the first.
#[derive(Clone, Copy, Debug)]
struct Setting {
    signal: bool,
    transposed: bool,
    batch: Option<usize>,
    groups: usize,
    /// Channels in a group of what has the larger image, and of what has the windows.
    inputs: usize,
    outputs: usize,
    image: [usize; 2],
    windows: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: Padding<2>,
    before: [usize; 2],
    output_padding: [usize; 2],
    bias: bool,
    dtype: DType,
}

impl Setting {
    fn random(below: &mut impl FnMut(usize) -> usize) -> Setting {
        let (signal, transposed) = (below(3) == 0, below(3) == 0);
        let mut two = |bound: usize, height: usize| {
            let (first, second) = (below(bound), below(bound));
            if signal { [height, second] } else { [first, second] }
        };
        let kernel = two(4, 0).map(|k| k + 1);
        let mut stride = two(3, 0).map(|s| s + 1);
        let dilation = two(3, 0).map(|d| d + 1);
        let (before, after) = (two(3, 0), two(3, 0));
        let (spare, extra) = (two(9, 0), two(9, 0));
        let spans = [0, 1].map(|d| (kernel[d] - 1) * dilation[d] + 1);
        let mut padding =
            [Padding::Both(before), Padding::Sides([0, 1].map(|d| [before[d], after[d]]))][below(2)];
        if below(4) == 0 {
            padding = [Padding::Same, Padding::Valid][below(2)];
        }
        if transposed {
            padding = Padding::Both(before);
        }
        if padding == Padding::Same {
            stride = [1, 1];
        }
        let sides: [[usize; 2]; 2] = [0, 1].map(|d| match padding {
            Padding::Both(both) => [both[d]; 2],
            Padding::Sides(sides) => sides[d],
            Padding::Same => [(spans[d] - 1) / 2, spans[d] - 1 - (spans[d] - 1) / 2],
            Padding::Valid => [0; 2],
        });
        let mut output_padding = [0; 2];
        let (mut image, mut windows) = ([1; 2], [1; 2]);
        for d in usize::from(signal)..2 {
            if transposed {
                windows[d] = 1 + spare[d] % 5;
                output_padding[d] = extra[d] % stride[d].max(dilation[d]);
                let full = (windows[d] - 1) * stride[d] + spans[d] + output_padding[d];
                // So wide a padding leaves nothing: more windows.
                let more = (2 * before[d] + 1).saturating_sub(full).div_ceil(stride[d]);
                windows[d] += more;
                image[d] = full + more * stride[d] - 2 * before[d];
            } else {
                let [before, after] = sides[d];
                image[d] = spans[d].saturating_sub(before + after).max(1) + spare[d];
                windows[d] = (image[d] + before + after - spans[d]) / stride[d] + 1;
            }
        }
        Setting {
            signal,
            transposed,
            batch: [None, Some(below(3)), Some(1 + below(3))][below(3)],
            groups: 1 + below(3),
            inputs: 1 + below(4),
            outputs: 1 + below(4),
            image,
            windows,
            kernel,
            stride,
            dilation,
            padding,
            before: sides.map(|sides| sides[0]),
            output_padding,
            bias: below(2) == 0,
            dtype: [DType::F64, DType::F32][below(2)],
        }
    }

    /// The operands' numbers: what has the image, the weight, what has the windows, the bias.
    fn sizes(&self) -> [usize; 4] {
        let (batch, area) = (self.batch.unwrap_or(1), |size: [usize; 2]| size[0] * size[1]);
        let channels = if self.transposed { self.inputs } else { self.outputs };
        [
            batch * self.groups * self.inputs * area(self.image),
            self.groups * self.outputs * self.inputs * area(self.kernel),
            batch * self.groups * self.outputs * area(self.windows),
            self.groups * channels,
        ]
    }

    /// Calls f(pixel, weight, window) for every product of the definition.
    fn each(&self, mut f: impl FnMut(usize, usize, usize)) {
        let Setting { groups, inputs, outputs, image, windows, kernel, .. } = *self;
        for n in 0..self.batch.unwrap_or(1) * groups {
            for (o, c) in (0..outputs).flat_map(|o| (0..inputs).map(move |c| (o, c))) {
                for (wy, wx) in (0..windows[0]).flat_map(|y| (0..windows[1]).map(move |x| (y, x))) {
                    for (ky, kx) in (0..kernel[0]).flat_map(|y| (0..kernel[1]).map(move |x| (y, x))) {
                        let y = (wy * self.stride[0] + ky * self.dilation[0]).wrapping_sub(self.before[0]);
                        let x = (wx * self.stride[1] + kx * self.dilation[1]).wrapping_sub(self.before[1]);
                        if y < image[0] && x < image[1] {
                            let weight = ((n % groups * outputs + o) * inputs + c) * kernel[0] + ky;
                            f(
                                ((n * inputs + c) * image[0] + y) * image[1] + x,
                                weight * kernel[1] + kx,
                                ((n * outputs + o) * windows[0] + wy) * windows[1] + wx,
                            );
                        }
                    }
                }
            }
        }
    }

    fn shape(&self, channels: usize, size: [usize; 2]) -> Vec<usize> {
        let size = &size[usize::from(self.signal)..];
        self.batch.into_iter().chain([self.groups * channels]).chain(size.iter().copied()).collect()
    }

    fn run(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let last = |pair: [usize; 2]| [pair[1]];
        let Setting { stride, dilation, groups, padding, before, output_padding, .. } = *self;
        match (self.transposed, self.signal) {
            (false, false) => x.conv2d(weight, bias, ConvOptions { stride, padding, dilation, groups }),
            (true, false) => {
                let padding = before;
                let options = ConvTransposeOptions { stride, padding, output_padding, groups, dilation };
                x.conv_transpose2d(weight, bias, options)
            }
            (false, true) => {
                let padding = match padding {
                    Padding::Both(both) => Padding::Both(last(both)),
                    Padding::Sides(sides) => Padding::Sides([sides[1]]),
                    Padding::Same => Padding::Same,
                    Padding::Valid => Padding::Valid,
                };
                let (stride, dilation) = (last(stride), last(dilation));
                x.conv1d(weight, bias, ConvOptions { stride, padding, dilation, groups })
            }
            (true, true) => {
                let (stride, dilation, padding) = (last(stride), last(dilation), last(before));
                let output_padding = last(output_padding);
                let options = ConvTransposeOptions { stride, padding, output_padding, groups, dilation };
                x.conv_transpose1d(weight, bias, options)
            }
        }
    }

    fn check(&self) {
        let number = |seed: usize| move |i: usize| ((i * 37 + seed * 101) % 23) as f64 / 8.0 - 1.375;
        let sizes = self.sizes();
        let [image, weight, windows, bias]: [Vec<f64>; 4] =
            std::array::from_fn(|k| (0..sizes[k]).map(number(k)).collect());
        let tensor = |values: &[f64], shape: &[usize]| {
            Tensor::from_vec(values.to_vec(), shape).to_dtype(self.dtype).detach().requires_grad_()
        };
        let kernel = &self.kernel[usize::from(self.signal)..];
        let shape: Vec<usize> =
            [self.groups * self.outputs, self.inputs].into_iter().chain(kernel.iter().copied()).collect();
        let (w, b) = (tensor(&weight, &shape), tensor(&bias, &[bias.len()]));
        let (images, outs) = (self.shape(self.inputs, self.image), self.shape(self.outputs, self.windows));
        // What goes in, the gradient of what comes out, and what is expected: the output, and the gradients.
        let (x, g) = if self.transposed {
            (tensor(&windows, &outs), tensor(&image, &images))
        } else {
            (tensor(&image, &images), tensor(&windows, &outs))
        };
        let mut want =
            [vec![0.0; x.numel()], vec![0.0; w.numel()], vec![0.0; b.numel()], vec![0.0; g.numel()]];
        let channel =
            |i: usize| i / (g.numel() / self.batch.unwrap_or(1).max(1) / bias.len()).max(1) % bias.len();
        for i in 0..g.numel() {
            want[2][channel(i)] += if self.transposed { image[i] } else { windows[i] };
            want[3][i] = if self.bias { bias[channel(i)] } else { 0.0 };
        }
        self.each(|pixel, at, window| {
            want[1][at] += image[pixel] * windows[window];
            let (from, to) = if self.transposed { (window, pixel) } else { (pixel, window) };
            let (from_value, to_value) =
                if self.transposed { (windows[from], image[to]) } else { (image[from], windows[to]) };
            want[0][from] += weight[at] * to_value;
            want[3][to] += weight[at] * from_value;
        });

        let y = self.run(&x, &w, self.bias.then_some(&b));
        assert_eq!(y.shape(), g.shape(), "{self:?}");
        let options = BackwardOptions { gradient: Some(g.detach()), ..Default::default() };
        let leaves = [&x, &w, &b];
        let gradients = grad(&[&y], &leaves[..2 + usize::from(self.bias)], &options).unwrap();
        let got = gradients.into_iter().map(|g| g.unwrap()).chain([y.detach()]);
        let want = want.iter().enumerate().filter(|(k, _)| self.bias || *k != 2).map(|(_, want)| want);
        for ((what, got), want) in ["input", "weight", "bias or output", "output"].iter().zip(got).zip(want) {
            let scale = want.iter().fold(1.0, |max: f64, v| max.max(v.abs()));
            let bound = scale * if self.dtype == DType::F64 { 1e-12 } else { 2e-5 };
            let got: Vec<f64> = got.to_dtype(DType::F64).to_vec();
            assert_eq!(got.len(), want.len(), "{what} of {self:?}");
            for (i, (got, want)) in got.iter().zip(want).enumerate() {
                assert!((got - want).abs() <= bound, "{what} at {i}: {got}, not {want}: {self:?}");
            }
        }
    }
}

fn generator() -> impl FnMut(usize) -> usize {
    let mut state = 7u64;
    move |n| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    }
}

#[test]
fn values_and_gradients_at_2000_random_settings() {
    let mut below = generator();
    for _ in 0..2000 {
        Setting::random(&mut below).check();
    }
}

/// Sizes at which every loop cuts its work: several blocks of rows, of windows and of images.
#[test]
fn values_and_gradients_at_large_sizes() {
    let setting = Setting {
        signal: false,
        transposed: false,
        batch: Some(2),
        groups: 1,
        inputs: 5,
        outputs: 6,
        image: [33, 40],
        windows: [33, 40],
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        padding: Padding::Both([1, 1]),
        before: [1, 1],
        output_padding: [0, 0],
        bias: true,
        dtype: DType::F32,
    };
    let point = Setting { kernel: [1, 1], padding: Padding::Valid, before: [0, 0], ..setting };
    let few = Setting { image: [6, 7], windows: [6, 7], ..setting };
    for setting in [
        setting,
        // More rows than a block holds.
        Setting { inputs: 150, ..few },
        Setting { kernel: [35, 31], image: [36, 34], windows: [4, 6], ..setting },
        // Pixels as columns.
        Setting { batch: Some(1), inputs: 70, outputs: 40, ..point },
        Setting { batch: Some(20), inputs: 1100, image: [2, 3], windows: [2, 3], ..point },
        // Depthwise, in several bands and sums.
        Setting {
            batch: Some(3),
            groups: 4,
            inputs: 1,
            outputs: 2,
            image: [60, 50],
            windows: [60, 50],
            ..setting
        },
        Setting { batch: Some(40), inputs: 2, outputs: 2, ..setting },
    ] {
        for dtype in [DType::F32, DType::F64] {
            for transposed in [false, true] {
                Setting { dtype, transposed, ..setting }.check();
            }
        }
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let results = [1, 2, 7].map(|threads| {
        set_num_threads(threads);
        let normal = |seed, shape: &[usize]| {
            flambeau_tensor::testing::normal(seed, shape).to_dtype(DType::F32).detach().requires_grad_()
        };
        let mut all = Vec::new();
        for (batch, groups, channels) in [(1, 1, 12), (9, 1, 12), (3, 12, 1)] {
            let x = normal(1, &[batch, 12, 24, 25]);
            let w = normal(2, &[24, channels, 3, 3]);
            let options = ConvOptions { padding: Padding::Same, groups, ..Default::default() };
            let y = x.conv2d(&w, None, options);
            let gradients = grad(&[&(&y * &y).sum()], &[&x, &w], &BackwardOptions::default()).unwrap();
            all.extend(y.to_vec::<f32>());
            gradients.into_iter().for_each(|g| all.extend(g.unwrap().to_vec::<f32>()));
        }
        all
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn integers_convolve_and_wrap() {
    let x = Tensor::from_vec(vec![1i64, 2, i64::MAX, 4], [1, 1, 4]);
    let w = Tensor::from_vec(vec![1i64, 1, 1, 2], [2, 1, 2]);
    let y = x.conv1d(&w, Some(&Tensor::from_vec(vec![0i64, 1], [2])), Default::default());
    assert_eq!(y.to_vec::<i64>(), [3, i64::MIN + 1, i64::MIN + 3, 6, 1, i64::MIN + 8]);
}

/// ⟨unfold x, y⟩ = ⟨x, fold y⟩, and a convolution is the product of its weight with the columns.
#[test]
fn columns_convolve_and_fold_is_their_transpose() {
    let mut below = generator();
    for seed in 0..200 {
        let mut two = |bound: usize, least: usize| [below(bound) + least, below(bound) + least];
        let (kernel, options) =
            (two(3, 1), UnfoldOptions { dilation: two(3, 1), padding: two(3, 0), stride: two(3, 1) });
        let image = two(4, 7);
        let normal = flambeau_tensor::testing::normal;
        let (x, w) = (normal(seed, &[2, 3, image[0], image[1]]), normal(seed, &[4, 3, kernel[0], kernel[1]]));
        let columns = x.im2col(kernel, options);
        let y = normal(seed + 1, columns.shape());
        let folded = y.col2im(image, kernel, options);
        let difference = (&columns * &y).sum() - (&x * &folded).sum();
        assert!(difference.item::<f64>().abs() < 1e-9, "{image:?} {kernel:?} {options:?}");
        let UnfoldOptions { dilation, padding, stride } = options;
        let z = x.conv2d(&w, None, ConvOptions { stride, dilation, padding: padding.into(), groups: 1 });
        let product = w.flatten(1, -1).matmul(&columns);
        assert!(
            (z.flatten(2, -1) - product).abs().max().item::<f64>() < 1e-9,
            "{image:?} {kernel:?} {options:?}"
        );
    }
}

#[test]
fn errors_say_what_does_not_fit() {
    use flambeau_tensor::try_call;
    let (x, w) = (Tensor::ones([2, 4, 5, 5]), Tensor::ones([6, 4, 3, 3]));
    let error = |f: &dyn Fn() -> Tensor| try_call(f).unwrap_err().to_string();
    let with = |options: ConvOptions<2>| error(&|| x.conv2d(&w, None, options));
    for (got, part) in [
        (
            error(&|| Tensor::ones([5, 5]).conv2d(&w, None, Default::default())),
            "must be (batch, channels, height",
        ),
        (error(&|| x.conv1d(&w, None, Default::default())), "conv1d: input [2, 4, 5, 5], weight"),
        (with(ConvOptions { groups: 0, ..Default::default() }), "positive multiple of groups"),
        (with(ConvOptions { groups: 2, ..Default::default() }), "second size times groups"),
        (with(ConvOptions { stride: [0, 1], ..Default::default() }), "stride 0"),
        (with(ConvOptions { dilation: [3, 1], ..Default::default() }), "does not fit into 5"),
        (
            with(ConvOptions { stride: [2, 2], padding: Padding::Same, ..Default::default() }),
            "it takes stride 1",
        ),
        (with(ConvOptions { padding: (usize::MAX / 2).into(), ..Default::default() }), "conv2d: "),
        (error(&|| x.conv2d(&w, Some(&Tensor::ones([4])), Default::default())), "bias [4]"),
        (error(&|| x.conv2d(&w.to_dtype(DType::F64), None, Default::default())), "dtypes [F32, F64]"),
        (error(&|| x.conv_transpose2d(&w, None, Default::default())), "the weight's first size"),
        (
            error(&|| {
                let options = ConvTransposeOptions { output_padding: [1, 1], ..Default::default() };
                x.conv_transpose2d(&Tensor::ones([4, 2, 3, 3]), None, options)
            }),
            "output padding 1 must be below the stride 1",
        ),
        (
            error(&|| {
                let options = ConvTransposeOptions { padding: [4, 4], ..Default::default() };
                x.conv_transpose2d(&Tensor::ones([4, 2, 3, 3]), None, options)
            }),
            "leave no output",
        ),
        (error(&|| x.im2col(6, Default::default())), "unfold: a window of 6"),
        (error(&|| x.col2im(5, 2, Default::default())), "fold: input [2, 4, 5, 5]"),
        (error(&|| Tensor::ones([1, 4, 8]).col2im(4, 2, Default::default())), "there are 3 · 3 windows"),
    ] {
        assert!(got.contains(part), "{got}");
    }
}
