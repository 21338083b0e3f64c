//! The workloads, in the order in which they run.

mod cnn;
mod himmelblau;
mod loader;
mod mlp;
mod ops;
mod tiny;
mod trainer;

use crate::timing::{Measured, Timing};

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What every implementation computes, up to rounding.
    expected: &'static [f64],
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
    measure: fn(&Timing) -> Measured,
) -> Workload {
    Workload { name, kind: Kind::Repeated(measure), expected }
}

/// Of the first 64 images: the mean pixel and the mean label together, the mean normalised pixel.
const PLAIN: f64 = 4.397336;
const AUGMENTED: f64 = 0.00555581;

/// The mean loss of the first epoch.
const EPOCH: f64 = 1.394675;

pub(crate) const WORKLOADS: &[Workload] = &[
    repeated("W1_b32", &[2.083125], |t| mlp::train(t, 32, mlp::sgd)),
    repeated("W1_b64", &[2.093977], |t| mlp::train(t, 64, mlp::sgd)),
    repeated("W1_b200", &[2.136774], |t| mlp::train(t, 200, mlp::sgd)),
    repeated("W2_b64", &[0.6627], |t| mlp::train(t, 64, mlp::adam)),
    repeated("W3_b64", &[2.310795], cnn::train_small),
    repeated("W4_b64", &[1.7698], cnn::train_deep),
    repeated("W5_mlp_b1", &[0.045255], |t| mlp::infer(t, 1)),
    repeated("W5_mlp_b256", &[28.57500], |t| mlp::infer(t, 256)),
    repeated("W5_cnn_b1", &[0.0315595], |t| cnn::infer_deep(t, 1)),
    repeated("W5_cnn_b64", &[2.166418], |t| cnn::infer_deep(t, 64)),
    repeated("W6_matmul512", &[11.71984], |t| ops::matmul(t, 512)),
    repeated("W6_matmul1024", &[-21.82041], |t| ops::matmul(t, 1024)),
    repeated("W6_conv_fwd", &[2.114368], cnn::conv_forward),
    repeated("W6_conv_fwdbwd", &[90.709], cnn::conv_backward),
    repeated("W6_ew_1e6", &[1.286998], |t| ops::elementwise(t, 1_000_000)),
    repeated("W6_ew_1e7", &[1.286998], |t| ops::elementwise(t, 10_000_000)),
    repeated("W6_ce_fwd", &[7.480340], ops::cross_entropy),
    repeated("W6_ce_fwdbwd", &[7.480340], ops::cross_entropy_backward),
    repeated("W6_sum_dim0", &[-9.24011], |t| ops::sum(t, 0)),
    repeated("W6_sum_dim1", &[-4.69960], |t| ops::sum(t, 1)),
    repeated("W6_tiny_grad", &[2.000047], tiny::with_gradient),
    repeated("W6_tiny_nograd", &[2.000047], tiny::without_gradient),
    repeated("W7_himmelblau", &[3.0, 2.0], himmelblau::descend),
    repeated("W9_plain_w0", &[PLAIN], |t| loader::plain(t, 0)),
    repeated("W9_plain_w1", &[PLAIN], |t| loader::plain(t, 1)),
    repeated("W9_plain_w2", &[PLAIN], |t| loader::plain(t, 2)),
    repeated("W9_augmented_w0", &[AUGMENTED], |t| loader::augmented(t, 0)),
    repeated("W9_augmented_w1", &[AUGMENTED], |t| loader::augmented(t, 1)),
    repeated("W9_augmented_w2", &[AUGMENTED], |t| loader::augmented(t, 2)),
    repeated("W10_by_hand_b64", &[EPOCH], trainer::by_hand),
    repeated("W10_trainer_b64", &[EPOCH], trainer::by_trainer),
    Workload { name: "W8_cold", kind: Kind::FirstStep(mlp::first_step), expected: &[2.312250] },
];

impl Workload {
    pub(crate) fn only_if_named(&self) -> bool {
        matches!(self.kind, Kind::FirstStep(_))
    }

    /// What the machine lacks for it.
    pub(crate) fn missing(&self) -> Option<String> {
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
