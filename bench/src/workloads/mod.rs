//! The workloads, in the order in which they run.

mod cnn;
mod himmelblau;
mod loader;
mod mlp;
mod ops;
mod tiny;
mod trainer;

use crate::timing::{Measured, Timing};
use crate::training;
use crate::work::{self, Work};

/// Work of a kind that people wait for, whose speed is measured.
pub struct Workload {
    /// What the command line takes.
    pub name: &'static str,
    /// What a step must do at least; nothing where arithmetic and memory are not what bounds it.
    pub work: Option<Work>,
    pub(crate) kind: Kind,
    /// What every implementation computes, up to rounding.
    expected: &'static [f64],
}

/// All that there are, in the order in which they run.
pub fn workloads() -> &'static [Workload] {
    WORKLOADS
}

pub(crate) enum Kind {
    /// Run over and over.
    Repeated(fn(&Timing) -> Measured),
    /// Once in a fresh process, whose start is timed from outside; gives the loss.
    FirstStep(fn() -> f64),
}

/// How far sums in another order may be off.
const TOLERANCE: f64 = 3e-4;

const fn repeated(
    name: &'static str,
    expected: &'static [f64],
    work: Option<Work>,
    measure: fn(&Timing) -> Measured,
) -> Workload {
    Workload { name, work, kind: Kind::Repeated(measure), expected }
}

/// Of the first 64 images: the mean pixel and the mean label together, the mean normalised pixel.
const PLAIN: f64 = 4.397336;
const AUGMENTED: f64 = 0.00555581;

/// The mean loss of the first epoch.
const EPOCH: f64 = 1.394675;

pub(crate) const WORKLOADS: &[Workload] = &[
    repeated("W1_b32", &[2.083125], Some(work::train_mlp(32, 1)), |t| mlp::train(t, 32, training::sgd)),
    repeated("W1_b64", &[2.093977], Some(work::train_mlp(64, 1)), |t| mlp::train(t, 64, training::sgd)),
    repeated("W1_b200", &[2.136774], Some(work::train_mlp(200, 1)), |t| mlp::train(t, 200, training::sgd)),
    repeated("W2_b64", &[0.6627], Some(work::train_mlp(64, 2)), |t| mlp::train(t, 64, training::adam)),
    repeated("W3_b64", &[2.310795], Some(work::train_small_cnn(64)), cnn::train_small),
    repeated("W4_b64", &[1.7698], Some(work::train_deep_cnn(64)), cnn::train_deep),
    repeated("W5_mlp_b1", &[0.045255], Some(work::infer_mlp(1)), |t| mlp::infer(t, 1)),
    repeated("W5_mlp_b256", &[28.57500], Some(work::infer_mlp(256)), |t| mlp::infer(t, 256)),
    repeated("W5_cnn_b1", &[0.0315595], Some(work::infer_deep_cnn(1)), |t| cnn::infer_deep(t, 1)),
    repeated("W5_cnn_b64", &[2.166418], Some(work::infer_deep_cnn(64)), |t| cnn::infer_deep(t, 64)),
    repeated("W6_matmul512", &[11.71984], Some(work::product(512)), |t| ops::matmul(t, 512)),
    repeated("W6_matmul1024", &[-21.82041], Some(work::product(1024)), |t| ops::matmul(t, 1024)),
    repeated("W6_conv_fwd", &[2.114368], Some(work::convolution(1)), cnn::conv_forward),
    repeated("W6_conv_fwdbwd", &[90.709], Some(work::convolution(3)), cnn::conv_backward),
    repeated("W6_ew_1e6", &[1.286998], Some(work::elementwise(1_000_000)), |t| {
        ops::elementwise(t, 1_000_000)
    }),
    repeated("W6_ew_1e7", &[1.286998], Some(work::elementwise(10_000_000)), |t| {
        ops::elementwise(t, 10_000_000)
    }),
    repeated("W6_ce_fwd", &[7.480340], Some(work::cross_entropy(false)), ops::cross_entropy),
    repeated("W6_ce_fwdbwd", &[7.480340], Some(work::cross_entropy(true)), ops::cross_entropy_backward),
    repeated("W6_sum_dim0", &[-9.24011], Some(work::sum()), |t| ops::sum(t, 0)),
    repeated("W6_sum_dim1", &[-4.69960], Some(work::sum()), |t| ops::sum(t, 1)),
    repeated("W6_tiny_grad", &[2.000047], None, tiny::with_gradient),
    repeated("W6_tiny_nograd", &[2.000047], None, tiny::without_gradient),
    repeated("W7_himmelblau", &[3.0, 2.0], None, himmelblau::descend),
    repeated("W9_plain_w0", &[PLAIN], None, |t| loader::plain(t, 0)),
    repeated("W9_plain_w1", &[PLAIN], None, |t| loader::plain(t, 1)),
    repeated("W9_plain_w2", &[PLAIN], None, |t| loader::plain(t, 2)),
    repeated("W9_augmented_w0", &[AUGMENTED], None, |t| loader::augmented(t, 0)),
    repeated("W9_augmented_w1", &[AUGMENTED], None, |t| loader::augmented(t, 1)),
    repeated("W9_augmented_w2", &[AUGMENTED], None, |t| loader::augmented(t, 2)),
    repeated("W10_by_hand_b64", &[EPOCH], Some(work::train_mlp(64, 1)), trainer::by_hand),
    repeated("W10_trainer_b64", &[EPOCH], Some(work::train_mlp(64, 1)), trainer::by_trainer),
    Workload { name: "W8_cold", work: None, kind: Kind::FirstStep(mlp::first_step), expected: &[2.312250] },
];

impl Workload {
    pub(crate) fn only_if_named(&self) -> bool {
        self.starts_cold()
    }

    /// Whether it is the first step of a process, which has one thread.
    pub fn starts_cold(&self) -> bool {
        matches!(self.kind, Kind::FirstStep(_))
    }

    /// What it is, in a few words.
    pub fn about(&self) -> &'static str {
        const ABOUT: &[(&str, &str)] = &[
            ("W1_", "training steps of an MLP 784–200–200–10, SGD with momentum"),
            ("W2", "the same with Adam"),
            ("W3", "training steps of a small CNN on 28 × 28 grey pixels, Adam"),
            ("W4", "training steps of a CNN with batch norm on 32 × 32 coloured pixels, SGD with momentum"),
            ("W5_mlp", "forward passes of W1's network"),
            ("W5_cnn", "forward passes of W4's network"),
            ("W6_matmul", "the product of two square matrices"),
            ("W6_conv_fwdbwd", "the same with its gradients"),
            ("W6_conv", "a convolution of 16 to 32 channels, 3 × 3, over 64 images of 28 × 28"),
            ("W6_ew", "relu(a·b + c) of so many elements"),
            ("W6_ce_fwdbwd", "the same with its gradient"),
            ("W6_ce", "cross-entropy of 4096 × 1000 logits"),
            ("W6_sum_dim0", "sums of the columns of a 4096 × 4096 matrix"),
            ("W6_sum", "sums of its rows"),
            ("W6_tiny_grad", "an addition to one element, with its part of the backward pass"),
            ("W6_tiny", "an addition to one element"),
            ("W7", "steps of gradient descent on a function of two numbers"),
            ("W8", "from the start of a process to the end of its first training step"),
            ("W9_plain", "batches of 64 of Fashion-MNIST, with so many workers"),
            ("W9", "the same, each image turned, moved and normalised"),
            ("W10_by_hand", "training steps as in W1_b64 with a loader"),
            ("W10", "the same by the Trainer"),
        ];
        ABOUT.iter().find(|(prefix, _)| self.name.starts_with(prefix)).map_or("", |(_, about)| about)
    }

    /// What the machine lacks for it.
    pub fn missing(&self) -> Option<String> {
        if self.name.starts_with("W9_") { loader::missing() } else { None }
    }

    pub(crate) fn verify(&self, got: &[f64]) -> Result<(), String> {
        let close = |(got, expected): (&f64, &f64)| (got - expected).abs() <= TOLERANCE * expected.abs();
        if got.len() == self.expected.len() && got.iter().zip(self.expected).all(close) {
            return Ok(());
        }
        Err(format!("check values {got:?}, expected {:?} to within {TOLERANCE}", self.expected))
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, WORKLOADS};
    use crate::timing::Timing;

    #[test]
    fn every_workload_is_described() {
        assert!(WORKLOADS.iter().all(|workload| !workload.about().is_empty()));
    }

    #[test]
    fn names_are_unique() {
        for (i, workload) in WORKLOADS.iter().enumerate() {
            assert!(WORKLOADS[..i].iter().all(|other| other.name != workload.name), "{}", workload.name);
        }
    }

    #[test]
    fn a_wrong_or_missing_value_is_refused() {
        let loss = &WORKLOADS[0];
        assert!(loss.verify(&[2.083125 * 1.0002]).is_ok());
        for wrong in [&[2.083125 * 1.0004][..], &[-2.083125], &[f64::NAN], &[], &[2.083125, 2.083125]] {
            assert!(loss.verify(wrong).is_err(), "{wrong:?}");
        }
    }

    /// The quick ones; `cargo xtask bench` verifies all.
    #[test]
    fn values_are_those_expected() {
        let timing = Timing { min_time: 0.0, warm: 0.0, reps: 1 };
        for workload in WORKLOADS {
            let got = match workload.kind {
                Kind::FirstStep(step) => vec![step()],
                Kind::Repeated(run) if ["W6_matmul512", "W6_tiny_grad"].contains(&workload.name) => {
                    run(&timing).check
                }
                Kind::Repeated(_) => continue,
            };
            assert_eq!(workload.verify(&got), Ok(()), "{}", workload.name);
        }
    }
}
