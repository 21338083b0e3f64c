//! Outputs and targets as numbers.

use flambeau_tensor::{DType, Error, Result, Tensor, no_grad, raise};

/// The scores of so many classes, row by row, and the class of each row.
pub(super) struct Scored {
    pub(super) scores: Vec<f64>,
    pub(super) classes: usize,
    pub(super) targets: Vec<usize>,
}

/// What the outputs are, by shape and dtype.
enum Kind {
    Scores,
    Binary,
    Classes,
}

pub(super) fn floats(x: &Tensor) -> Vec<f64> {
    no_grad(|| x.detach().to_dtype(DType::F64)).to_vec()
}

#[track_caller]
pub(super) fn refuse(metric: &'static str, message: impl Into<String>) -> ! {
    raise(Error::op(metric, message))
}

/// Classes, counted from 0.
#[track_caller]
pub(super) fn classes(metric: &'static str, what: &str, x: &Tensor) -> Vec<usize> {
    let wrong = |value: &dyn std::fmt::Display| -> ! {
        refuse(metric, format!("{what} contain {value}; classes are whole numbers from 0"))
    };
    if x.dtype().is_float() {
        let class = |value: f64| {
            // Up to 2^53 all whole numbers are floats.
            let whole = value.fract() == 0.0 && (0.0..9e15).contains(&value);
            if whole { value as usize } else { wrong(&value) }
        };
        return floats(x).into_iter().map(class).collect();
    }
    let integers: Vec<i64> = no_grad(|| x.to_dtype(DType::I64)).to_vec();
    integers.into_iter().map(|value| usize::try_from(value).unwrap_or_else(|_| wrong(&value))).collect()
}

#[track_caller]
fn kind(metric: &'static str, output: &Tensor, target: &Tensor) -> Kind {
    let (o, t) = (output.shape(), target.shape());
    match output.dtype().is_float() {
        false if o == t => Kind::Classes,
        true if o == t => Kind::Binary,
        true if o.len() == t.len() + 1 && o.first() == t.first() && o.get(2..) == t.get(1..) => match o[1] {
            1 => Kind::Binary,
            _ => Kind::Scores,
        },
        // Logits [n, 1] are often compared with targets [n, 1] too; other shapes are a mistake.
        float => {
            let what = if float { "floats" } else { "integers" };
            refuse(
                metric,
                format!(
                    "outputs of shape {o:?} ({what}) do not go with targets of shape {t:?}; give scores [n, classes, …] for targets [n, …], or one value for each target"
                ),
            )
        }
    }
}

/// Scores of at least two classes. Two columns are made of a single score, which is that of class 1.
#[track_caller]
pub(super) fn scored(metric: &'static str, output: &Tensor, target: &Tensor) -> Scored {
    let targets = classes(metric, "the targets", target);
    match kind(metric, output, target) {
        Kind::Classes => {
            refuse(metric, "the outputs are integers; give it scores, of which it needs the order")
        }
        Kind::Binary => Scored { scores: floats(output), classes: 1, targets },
        Kind::Scores => {
            let classes = output.shape()[1];
            let scores = no_grad(|| {
                let last = output.ndim() as isize - 1;
                if last == 1 { output.detach() } else { output.detach().movedim(1, last) }
            });
            Scored { scores: floats(&scores), classes, targets }
        }
    }
    .checked(metric)
}

impl Scored {
    #[track_caller]
    fn checked(self, metric: &'static str) -> Self {
        let known = self.classes.max(2);
        if let Some(class) = self.targets.iter().find(|&&class| class >= known) {
            refuse(
                metric,
                format!("the targets contain class {class}, but there are scores of {known} classes"),
            );
        }
        self
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (&[f64], usize)> {
        self.scores.chunks_exact(self.classes.max(1)).zip(self.targets.iter().copied())
    }
}

/// The class that each output stands for, and the target's.
#[track_caller]
pub(super) fn predicted(
    metric: &'static str,
    output: &Tensor,
    target: &Tensor,
    threshold: f64,
) -> (Vec<usize>, Vec<usize>) {
    let targets = classes(metric, "the targets", target);
    let predicted = match kind(metric, output, target) {
        Kind::Classes => classes(metric, "the outputs", output),
        Kind::Binary => floats(output).into_iter().map(|score| usize::from(score > threshold)).collect(),
        Kind::Scores => {
            let largest: Vec<i64> = no_grad(|| output.detach().argmax(1, false)).to_vec();
            // Never negative.
            largest.into_iter().map(|class| class as usize).collect()
        }
    };
    (predicted, targets)
}

pub(super) fn exactly<const N: usize>(state: &[f64]) -> Result<[f64; N]> {
    state.try_into().map_err(|_| misfit(state.len(), N))
}

pub(super) fn misfit(saved: usize, own: usize) -> Error {
    Error::StateDict(format!(
        "the saved metric has {saved} numbers and this one {own}; its settings must be the same"
    ))
}
