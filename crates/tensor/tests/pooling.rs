//! Pooling against loops over every position, in 2,000 random settings of all arguments: values, places, gradients.

use flambeau_tensor::autograd::{BackwardOptions, grad};
use flambeau_tensor::{AvgPoolOptions, DType, MaxPoolOptions, Tensor};

/// The positions of each window in the input, and how many it has with the padding.
type Windows = Vec<(Vec<usize>, usize)>;

/// None if PyTorch refuses the setting.
fn sliding(input: usize, k: usize, stride: usize, p: usize, d: usize, ceil: bool) -> Option<Windows> {
    let span = d * (k - 1) + 1;
    if p > span / 2 {
        return None;
    }
    let mut windows = Windows::new();
    for o in 0.. {
        let end = o * stride + span;
        let fits = end <= input + 2 * p;
        // One more that sticks out, by less than a stride, and starts before the padding at the end.
        let sticks_out = ceil && end < input + 2 * p + stride && o * stride < input + p;
        if !fits && !sticks_out {
            break;
        }
        let at = |i: usize| (o * stride + i * d).checked_sub(p).filter(|&at| at < input);
        let padded = (o * stride..end).filter(|&at| at < input + 2 * p).count();
        windows.push(((0..k).filter_map(at).collect(), padded));
    }
    (!windows.is_empty() && windows.iter().all(|(at, _)| !at.is_empty())).then_some(windows)
}

fn adaptive(input: usize, output: usize) -> Windows {
    let window = |o: usize| (o * input / output..((o + 1) * input).div_ceil(output)).collect::<Vec<_>>();
    (0..output).map(window).map(|at| (at.clone(), at.len())).collect()
}

#[derive(Clone, Copy)]
enum Kind {
    Max,
    /// Whether padding counts, and the divisor.
    Avg(bool, Option<i64>),
}

/// Values, places and the gradient of Σ g·y, by the definition.
fn naive(
    kind: Kind,
    x: &[f64],
    size: [usize; 2],
    windows: [&Windows; 2],
    g: &[f64],
) -> (Vec<f64>, Vec<i64>, Vec<f64>) {
    let (mut y, mut places, mut gx) = (vec![], vec![], vec![0.0; x.len()]);
    for (plane, x) in x.chunks(size[0] * size[1]).enumerate() {
        let base = plane * size[0] * size[1];
        for (rows, padded_rows) in windows[0] {
            for (cols, padded_cols) in windows[1] {
                let at: Vec<usize> =
                    rows.iter().flat_map(|r| cols.iter().map(move |c| r * size[1] + c)).collect();
                let g = g[y.len()];
                match kind {
                    Kind::Max => {
                        let best = at
                            .iter()
                            .copied()
                            .reduce(|a, b| if x[b] > x[a] || x[b].is_nan() { b } else { a });
                        y.push(x[best.unwrap()]);
                        places.push(best.unwrap() as i64);
                        gx[base + best.unwrap()] += g;
                    }
                    Kind::Avg(pad, divisor) => {
                        let count = if pad { padded_rows * padded_cols } else { at.len() };
                        let divisor = divisor.map_or(count as f64, |d| d as f64);
                        y.push(at.iter().map(|&i| x[i]).sum::<f64>() / divisor);
                        at.iter().for_each(|&i| gx[base + i] += g / divisor);
                    }
                }
            }
        }
    }
    (y, places, gx)
}

fn close(what: &str, setting: &str, got: &Tensor, want: &[f64], tolerance: f64) {
    let got = got.detach().to_dtype(DType::F64).to_vec::<f64>();
    assert_eq!(got.len(), want.len(), "{what} of {setting}");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let equal = g == w || (g.is_nan() && w.is_nan()) || (g - w).abs() <= tolerance * (1.0 + w.abs());
        assert!(equal, "{what} of {setting} at {i}: {g}, should be {w}");
    }
}

#[test]
fn two_thousand_random_settings_agree_with_loops() {
    let mut state = 7u64;
    let mut below = move |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    let (mut done, mut refused) = (0, 0);
    while done < 2000 {
        let dims = 1 + below(2);
        // Long rows now and then, for the loops that work on lanes.
        let mut length = || if below(4) == 0 { 17 + below(50) } else { 1 + below(14) };
        let size = [if dims == 1 { 1 } else { length().min(20) }, length()];
        let pick = |values: [usize; 2], one: usize| if dims == 1 { [one, values[1]] } else { values };
        let kernel = pick([1 + below(4), 1 + below(4)], 1);
        let stride = match below(3) {
            0 => None,
            1 => Some(pick([2, 2], 1)),
            _ => Some(pick([1 + below(4), 1 + below(4)], 1)),
        };
        let (padding, dilation) = (pick([below(3), below(3)], 0), pick([1 + below(3), 1 + below(3)], 1));
        let (ceil_mode, count_include_pad) = (below(2) == 0, below(2) == 0);
        let divisor_override = [None, None, Some(3), Some(-2)][below(4)].filter(|_| dims == 2);
        let output = pick([1 + below(9), 1 + below(9)], 1);
        let op = below(4);
        let dilation = if op == 1 { [1, 1] } else { dilation };
        let setting = format!(
            "op {op} {dims}d {size:?} kernel {kernel:?} stride {stride:?} padding {padding:?} dilation {dilation:?} \
             ceil {ceil_mode} include {count_include_pad} divisor {divisor_override:?} output {output:?}"
        );
        let axis = |d: usize| match op {
            0 | 1 => {
                sliding(size[d], kernel[d], stride.unwrap_or(kernel)[d], padding[d], dilation[d], ceil_mode)
            }
            _ => Some(adaptive(size[d], output[d])),
        };
        let lead: &[usize] = [&[2][..], &[2, 3], &[1, 1]][below(3)];
        let shape: Vec<usize> = lead.iter().copied().chain(size[2 - dims..].iter().copied()).collect();
        let n: usize = shape.iter().product();
        let values: Vec<f64> = match below(4) {
            // Ties.
            0 => (0..n).map(|_| below(3) as f64).collect(),
            1 => (0..n).map(|_| [f64::NAN, f64::NEG_INFINITY, 1.0, 2.0, 3.0][below(5)]).collect(),
            _ => (0..n).map(|_| below(1 << 20) as f64 / 65536.0 - 8.0).collect(),
        };
        let dtype = if below(2) == 0 { DType::F64 } else { DType::F32 };
        let x = Tensor::from_vec(values.clone(), shape.clone()).to_dtype(dtype);
        // Half of them not contiguous.
        let x = if below(2) == 0 { x.transpose(0, -1).contiguous().transpose(0, -1) } else { x }
            .detach()
            .requires_grad_();

        let max1 = MaxPoolOptions {
            stride: stride.map(|s| [s[1]]),
            padding: [padding[1]],
            dilation: [dilation[1]],
            ceil_mode,
        };
        let max2 = MaxPoolOptions { stride, padding, dilation, ceil_mode };
        let avg1 = AvgPoolOptions {
            stride: stride.map(|s| [s[1]]),
            padding: [padding[1]],
            ceil_mode,
            count_include_pad,
            divisor_override,
        };
        let avg2 = AvgPoolOptions { stride, padding, ceil_mode, count_include_pad, divisor_override };
        let run = || match (op, dims) {
            (0, 1) => (x.max_pool1d(kernel[1], max1), Some(x.max_pool1d_with_indices(kernel[1], max1))),
            (0, _) => (x.max_pool2d(kernel, max2), Some(x.max_pool2d_with_indices(kernel, max2))),
            (1, 1) => (x.avg_pool1d(kernel[1], avg1), None),
            (1, _) => (x.avg_pool2d(kernel, avg2), None),
            (2, 1) => (x.adaptive_max_pool1d(output[1]), Some(x.adaptive_max_pool1d_with_indices(output[1]))),
            (2, _) => (x.adaptive_max_pool2d(output), Some(x.adaptive_max_pool2d_with_indices(output))),
            (_, 1) => (x.adaptive_avg_pool1d(output[1]), None),
            (_, _) => (x.adaptive_avg_pool2d(output), None),
        };
        let (Some(rows), Some(cols)) = (axis(0), axis(1)) else {
            assert!(flambeau_tensor::try_call(run).is_err(), "{setting} should be refused");
            refused += 1;
            continue;
        };
        let (y, with_places) = run();
        let expected: Vec<usize> =
            lead.iter().copied().chain([rows.len(), cols.len()][2 - dims..].iter().copied()).collect();
        assert_eq!(y.shape(), expected, "{setting}");
        let g: Vec<f64> = (0..y.numel()).map(|i| ((i * 37) % 64) as f64 / 16.0 - 2.0).collect();
        let kind = if op % 2 == 0 {
            Kind::Max
        } else {
            Kind::Avg(op == 1 && count_include_pad, divisor_override.filter(|_| op == 1))
        };
        let (want, places, gx) = naive(kind, &values, size, [&rows, &cols], &g);
        let tolerance = if op % 2 == 0 {
            0.0
        } else if dtype == DType::F64 {
            1e-12
        } else {
            2e-5
        };
        let check = |y: &Tensor| {
            close("values", &setting, y, &want, tolerance);
            let gradient = Tensor::from_vec(g.clone(), y.shape()).to_dtype(dtype);
            let options = BackwardOptions { gradient: Some(gradient), ..Default::default() };
            let got = grad(&[y], &[&x], &options).unwrap();
            close(
                "gradient",
                &setting,
                got[0].as_ref().unwrap(),
                &gx,
                if dtype == DType::F64 { 1e-12 } else { 2e-5 },
            );
        };
        check(&y);
        if let Some((y, at)) = with_places {
            assert_eq!(at.to_vec::<i64>(), places, "{setting}");
            check(&y);
        }
        close("values without a graph", &setting, &flambeau_tensor::no_grad(run).0, &want, tolerance);
        done += 1;
    }
    assert!(refused > 100, "{refused}");
}
