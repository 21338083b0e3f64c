//! The workloads' families at other shapes: `shape/FAMILY/SIZES`, such as `shape/matmul/64x784x200`, and with gradients
//! `shape/conv_grad/…`. `README.md` tells what the sizes mean; `torch_shapes.py` has the same families.

use std::ops::RangeInclusive;

use flambeau::autograd::BackwardOptions;
use flambeau::loss::CrossEntropyOptions;
use flambeau::prelude::*;
use flambeau::{
    Approximate, BatchNormOptions, Conv2dOptions, ConvTranspose2dOptions, DType, EmbeddingOptions,
    MaxPoolOptions,
};

use crate::generator::{classes, tensor};
use crate::timing::{Measured, Timing};
use crate::training::{self, adam, sgd};

const PREFIX: &str = "shape/";
/// Of a family: forward and backward.
const GRADIENT: &str = "_grad";
/// Which of a convolution's sizes is its padding.
const PADDING: usize = 6;
/// Batches that a network meets in turns.
const BATCHES: usize = 8;

/// One operation or network, of certain sizes.
pub(crate) struct Shape {
    family: &'static Family,
    gradient: bool,
    sizes: Vec<usize>,
}

struct Family {
    name: &'static str,
    /// How many sizes it takes.
    counts: RangeInclusive<usize>,
    kind: Kind,
}

/// Makes a network, and gives the shape of an input.
type Network = fn(&[usize]) -> (Sequential, Vec<usize>);

enum Kind {
    /// Its inputs, and what is done with them.
    Op(fn(&[usize]) -> Vec<Tensor>, fn(&[Tensor], &[usize]) -> Tensor),
    /// Training steps of a network whose first size is the batch.
    Train(Network, fn(&Sequential) -> Box<dyn Optimizer>),
    /// Its forward passes.
    Infer(Network),
}

const fn op(
    name: &'static str,
    sizes: usize,
    inputs: fn(&[usize]) -> Vec<Tensor>,
    call: fn(&[Tensor], &[usize]) -> Tensor,
) -> Family {
    Family { name, counts: sizes..=sizes, kind: Kind::Op(inputs, call) }
}

const FAMILIES: &[Family] = &[
    op("chain", 1, |n| uniform([n, n, n]), |x, _| (&x[0] * &x[1] + &x[2]).relu()),
    op("relu", 1, |n| uniform([n]), |x, _| x[0].relu()),
    op("sigmoid", 1, |n| uniform([n]), |x, _| x[0].sigmoid()),
    op("tanh", 1, |n| uniform([n]), |x, _| x[0].tanh()),
    op("gelu", 1, |n| uniform([n]), |x, _| x[0].gelu(Approximate::None)),
    op("exp", 1, |n| uniform([n]), |x, _| x[0].exp()),
    op("add_row", 2, |n| uniform([n, &n[1..]]), |x, _| &x[0] + &x[1]),
    op("mul_column", 2, |n| uniform([n, &[n[0], 1]]), |x, _| &x[0] * &x[1]),
    op("transpose", 2, |n| uniform([n]), |x, _| x[0].t().contiguous()),
    op("sum", 2, |n| uniform([n]), |x, _| x[0].sum()),
    op("sum_dim0", 2, |n| uniform([n]), |x, _| x[0].sum_dim(0, false)),
    op("sum_dim1", 2, |n| uniform([n]), |x, _| x[0].sum_dim(1, false)),
    op("max_dim1", 2, |n| uniform([n]), |x, _| x[0].max_dim(1, false).0),
    op("softmax", 2, |n| uniform([n]), |x, _| x[0].softmax(1)),
    op("log_softmax", 2, |n| uniform([n]), |x, _| x[0].log_softmax(1)),
    op("cross_entropy", 2, logits, |x, _| x[0].cross_entropy(&x[1], CrossEntropyOptions::default())),
    op(
        "layer_norm",
        2,
        |n| uniform([n, &n[1..], &n[1..]]),
        |x, n| x[0].layer_norm(n[1], Some(&x[1]), Some(&x[2]), 1e-5),
    ),
    // Rows of the weight, their length, and how many are taken.
    op("embedding", 3, words, |x, _| x[1].embedding(&x[0], EmbeddingOptions::default())),
    op("matmul", 3, |n| uniform([&[n[0], n[1]], &[n[1], n[2]]]), |x, _| x[0].matmul(&x[1])),
    op(
        "linear",
        3,
        |n| uniform([&[n[0], n[1]], &[n[2], n[1]], &[n[2]]]),
        |x, _| x[0].linear(&x[1], Some(&x[2])),
    ),
    op("bmm", 4, |n| uniform([&[n[0], n[1], n[2]], &[n[0], n[2], n[3]]]), |x, _| x[0].matmul(&x[1])),
    // Batch, channels, side, channels out, window, stride, padding, groups.
    op(
        "conv",
        8,
        |n| uniform([&[n[0], n[1], n[2], n[2]], &[n[3], n[1] / n[7], n[4], n[4]], &[n[3]]]),
        |x, n| {
            let options = Conv2dOptions {
                stride: [n[5]; 2],
                padding: [n[6]; 2].into(),
                groups: n[7],
                ..Default::default()
            };
            x[0].conv2d(&x[1], Some(&x[2]), options)
        },
    ),
    // Batch, channels, side, channels out, window, stride, padding.
    op(
        "conv_transpose",
        7,
        |n| uniform([&[n[0], n[1], n[2], n[2]], &[n[1], n[3], n[4], n[4]], &[n[3]]]),
        |x, n| {
            let options =
                ConvTranspose2dOptions { stride: [n[5]; 2], padding: [n[6]; 2], ..Default::default() };
            x[0].conv_transpose2d(&x[1], Some(&x[2]), options)
        },
    ),
    // Batch, channels, side, window, stride.
    op(
        "max_pool",
        5,
        |n| uniform([&[n[0], n[1], n[2], n[2]]]),
        |x, n| x[0].max_pool2d(n[3], MaxPoolOptions { stride: Some([n[4]; 2]), ..Default::default() }),
    ),
    // Batch, channels, side.
    op(
        "batch_norm",
        3,
        |n| uniform([&[n[0], n[1], n[2], n[2]], &[n[1]], &[n[1]]]),
        |x, _| {
            let options = BatchNormOptions { training: true, ..Default::default() };
            x[0].batch_norm(None, None, Some(&x[1]), Some(&x[2]), options)
        },
    ),
    // Batch and widths.
    Family { name: "mlp", counts: 3..=usize::MAX, kind: Kind::Train(mlp, sgd) },
    Family { name: "mlp_adam", counts: 3..=usize::MAX, kind: Kind::Train(mlp, adam) },
    Family { name: "mlp_infer", counts: 3..=usize::MAX, kind: Kind::Infer(mlp) },
    // Batch, channels, side, channels of the first and of the second convolution.
    Family { name: "cnn", counts: 5..=5, kind: Kind::Train(cnn, adam) },
    Family { name: "cnn_infer", counts: 5..=5, kind: Kind::Infer(cnn) },
];

/// Those that `cargo xtask bench shape` measures.
pub(crate) const SHAPES: &str = include_str!("shapes.txt");

fn uniform<const N: usize>(shapes: [&[usize]; N]) -> Vec<Tensor> {
    (30..).zip(shapes).map(|(seed, shape)| tensor(seed, shape, -1.0, 1.0)).collect()
}

fn logits(n: &[usize]) -> Vec<Tensor> {
    vec![tensor(30, n, -1.0, 1.0), classes(31, n[0], n[1] as u64)]
}

fn words(n: &[usize]) -> Vec<Tensor> {
    vec![tensor(30, &n[..2], -1.0, 1.0), classes(31, n[2], n[0] as u64)]
}

fn mlp(sizes: &[usize]) -> (Sequential, Vec<usize>) {
    let mut layers = Sequential::new(());
    for (i, pair) in sizes[1..].windows(2).enumerate() {
        if i > 0 {
            layers = layers.add(ReLU::default());
        }
        layers = layers.add(Linear::new(pair[0], pair[1]));
    }
    (layers, vec![sizes[1]])
}

fn cnn(sizes: &[usize]) -> (Sequential, Vec<usize>) {
    let [_, channels, side, first, second] = *sizes else { unreachable!("five sizes, not {sizes:?}") };
    let layers = Sequential::new((
        Conv2d::new(channels, first, 3).padding(1),
        ReLU::default(),
        MaxPool2d::new(2),
        Conv2d::new(first, second, 3).padding(1),
        ReLU::default(),
        MaxPool2d::new(2),
        Flatten::default(),
        Linear::new(second * (side / 4) * (side / 4), 10),
    ));
    (layers, vec![channels, side, side])
}

impl Family {
    fn is_op(&self) -> bool {
        matches!(self.kind, Kind::Op(..))
    }
}

impl Shape {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (family, sizes) = name.strip_prefix(PREFIX)?.split_once('/')?;
        let find = |name: &str| FAMILIES.iter().find(|own| own.name == name);
        let (family, gradient) = match family.strip_suffix(GRADIENT).and_then(find) {
            Some(family) if family.is_op() => (family, true),
            _ => (find(family)?, false),
        };
        let sizes: Vec<usize> = sizes.split('x').map(|size| size.parse().ok()).collect::<Option<_>>()?;
        // Only padding may be nothing.
        let sound = sizes.iter().enumerate().all(|(at, &size)| size > 0 || at == PADDING && family.is_op());
        (family.counts.contains(&sizes.len()) && sound).then_some(Shape { family, gradient, sizes })
    }

    pub(crate) fn measure(&self, timing: &Timing) -> Measured {
        match self.family.kind {
            Kind::Op(inputs, call) if self.gradient => {
                let inputs: Vec<_> = inputs(&self.sizes)
                    .into_iter()
                    .map(|x| if x.dtype() == DType::F32 { x.requires_grad_() } else { x })
                    .collect();
                let gradient = tensor(29, call(&inputs, &self.sizes).shape(), -1.0, 1.0);
                let step = || {
                    inputs.iter().for_each(Tensor::zero_grad);
                    let y = call(&inputs, &self.sizes);
                    y.backward_with(BackwardOptions {
                        gradient: Some(gradient.clone()),
                        ..Default::default()
                    });
                    y
                };
                step();
                let gradients = inputs.iter().filter_map(Tensor::grad);
                timing.steps(gradients.map(|gradient| size(&gradient)).sum(), step)
            }
            Kind::Op(inputs, call) => {
                let inputs = inputs(&self.sizes);
                no_grad(|| timing.steps(size(&call(&inputs, &self.sizes)), || call(&inputs, &self.sizes)))
            }
            Kind::Train(network, optimizer) => {
                let (model, data) = self.network(network);
                training::steps(timing, &model, &mut *optimizer(&model), &data)
            }
            Kind::Infer(network) => {
                let (model, data) = self.network(network);
                model.eval();
                no_grad(|| {
                    let mut round = data.iter().cycle();
                    let check = size(&model.call(&data[0].0));
                    timing.steps(check, || model.call(&round.next().expect("a cycle of some batches").0))
                })
            }
        }
    }

    fn network(&self, network: Network) -> (Sequential, Vec<(Tensor, Tensor)>) {
        let (model, shape) = network(&self.sizes);
        let data = training::ready(&model, &shape, self.sizes[0], BATCHES);
        (model, data)
    }
}

/// The mean of the elements' sizes, each with a weight of its own, so that their order counts: a sum may come to nothing.
fn size(x: &Tensor) -> f64 {
    (x.abs() * tensor(28, x.shape(), 0.0, 1.0)).mean().item()
}

#[cfg(test)]
mod tests {
    use super::{FAMILIES, SHAPES, Shape};
    use crate::timing::Timing;

    /// Of every family, small ones: those listed take too long here.
    #[test]
    fn every_family_runs_and_gives_a_value() {
        let timing = Timing { min_time: 0.0, warm: 0.0, reps: 1 };
        for family in FAMILIES {
            let sizes = match family.name {
                "embedding" | "matmul" | "linear" => "5x4x3",
                "bmm" => "2x5x4x3",
                "conv" => "2x4x7x6x3x2x1x2",
                "conv_transpose" => "2x4x7x6x3x2x1",
                "max_pool" => "2x4x7x2x2",
                "batch_norm" => "2x4x7",
                "mlp" | "mlp_adam" | "mlp_infer" => "3x8x6x10",
                "cnn" | "cnn_infer" => "3x2x8x4x5",
                _ if family.counts == (1..=1) => "40",
                _ => "6x20",
            };
            for suffix in if family.is_op() { &["", "_grad"][..] } else { &[""] } {
                let name = format!("shape/{}{suffix}/{sizes}", family.name);
                let check = Shape::named(&name).unwrap().measure(&timing).check;
                assert!(matches!(check[..], [value] if value > 0.0), "{name}: {check:?}");
            }
        }
    }

    #[test]
    fn those_listed_exist_once() {
        let mut names: Vec<_> = SHAPES.lines().collect();
        assert!(names.iter().all(|name| Shape::named(name).is_some()));
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn sizes_are_as_many_as_the_family_has_and_not_0() {
        let exists = |name: &str| Shape::named(name).is_some();
        assert!(exists("shape/conv/2x4x7x6x3x2x0x2") && exists("shape/mlp/1x2x3x4"));
        for name in [
            "shape/conv/2x4x7x6x3x0x1x2",
            "shape/conv/2x4x7x6x3x2x0x0",
            "shape/mlp/1x2",
            "shape/mlp/1x2x3x4x5x6x0",
            "shape/cnn/1x2x3x4",
            "shape/relu/",
            "shape/relu/-1",
            "relu/1",
        ] {
            assert!(!exists(name), "{name}");
        }
    }
}
