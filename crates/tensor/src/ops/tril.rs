//! Triangles of matrices: tril, triu.

use crate::door::Calls;
use crate::op::ensure;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Tensor};

/// Keeps the elements whose column less row is at most, or else at least, the diagonal's number.
#[track_caller]
fn triangle(op: &'static str, x: &Tensor, diagonal: isize, lower: bool) -> Tensor {
    let [.., rows, columns] = *x.shape() else {
        ensure!(false, op, "shape {:?} holds no matrix; it takes two dimensions or more", x.shape());
        return x.clone();
    };
    let kept = Tensor::compute([rows, columns], DType::Bool, |out| {
        for (row, out) in out.slice::<bool>().chunks_exact_mut(columns.max(1)).enumerate() {
            // The first column above the diagonal, or the first that is not below it.
            let first = (row as isize).saturating_add(diagonal).saturating_add(isize::from(lower));
            let (left, right) = out.split_at_mut(first.clamp(0, columns as isize) as usize);
            left.fill(lower);
            right.fill(!lower);
        }
    });
    Tensor::where_(&kept, x, &Tensor::full_as(0.0, (), x.dtype()))
}

impl Tensor {
    /// The lower triangle of a matrix, or of each in a batch, with zeros elsewhere: what lies on or below the
    /// diagonal number `diagonal`, counted upwards from the main one.
    /// [`torch.tril`](https://docs.pytorch.org/docs/stable/generated/torch.tril.html).
    ///
    /// # Panics
    /// If there are fewer than two dimensions.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1, 2], [3, 4]].tril(0).to_vec::<i64>(), [1, 0, 3, 4]);
    /// ```
    #[track_caller]
    pub fn tril(&self, diagonal: isize) -> Tensor {
        triangle("tril", self, diagonal, true)
    }

    /// The upper triangle, on or above the diagonal number `diagonal`; otherwise as [`tril`](Tensor::tril).
    /// [`torch.triu`](https://docs.pytorch.org/docs/stable/generated/torch.triu.html).
    ///
    /// # Panics
    /// If there are fewer than two dimensions.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1, 2], [3, 4]].triu(1).to_vec::<i64>(), [0, 2, 0, 0]);
    /// ```
    #[track_caller]
    pub fn triu(&self, diagonal: isize) -> Tensor {
        triangle("triu", self, diagonal, false)
    }
}

pub(crate) const CALLS: Calls = &[
    ("tril", |a| {
        let (x, diagonal): (Tensor, isize) = (a.get("input")?, a.or("diagonal", 0)?);
        a.done(x.tril(diagonal))
    }),
    ("triu", |a| {
        let (x, diagonal): (Tensor, isize) = (a.get("input")?, a.or("diagonal", 0)?);
        a.done(x.triu(diagonal))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.tril(x0)", [normal(0, &[3, 4])], |x| x[0].tril(0)),
        sample("torch.tril(x0.transpose(0, 2), 1)", [normal(1, &[3, 2, 2])], |x| {
            x[0].transpose(0, 2).tril(1)
        }),
        sample("torch.triu(x0, -1)", [normal(2, &[4, 3])], |x| x[0].triu(-1)),
        sample("torch.triu(x0, 9)", [integers(3, 9, &[2, 2])], |x| x[0].triu(9)),
        sample("torch.triu(x0 / 0)", [normal(4, &[2, 2])], |x| (&x[0] / 0.0).triu(0)).not_smooth(),
    ]
}
