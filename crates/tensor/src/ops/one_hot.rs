//! One-hot vectors of class numbers.

use crate::door::Calls;
use crate::op::{ensure, raise};
use crate::testing::{Sample, integers, sample};
use crate::{DType, Error, Tensor};

impl Tensor {
    /// A vector of `num_classes` zeros with a one at position x for each class number x (`i64`): the shape gains a last
    /// dimension. Without `num_classes` there are as many as the largest number asks for.
    /// [`torch.nn.functional.one_hot`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html).
    ///
    /// # Panics
    /// If the dtype is not `i64`, a number is negative or not below `num_classes`, or there are neither numbers nor
    /// `num_classes`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![2, 0].one_hot(None).to_vec::<i64>(), [0, 0, 1, 1, 0, 0]);
    /// ```
    #[track_caller]
    pub fn one_hot(&self, num_classes: Option<usize>) -> Tensor {
        let op = "one_hot";
        ensure!(self.dtype() == DType::I64, op, "of a tensor of {}; it takes torch.int64", self.dtype());
        let numbers = self.detach().contiguous();
        let numbers = numbers.view::<i64>();
        let largest = numbers.iter().copied().max();
        let classes = match (num_classes, largest) {
            (Some(classes), _) if classes > 0 || largest.is_some() => classes,
            (None, Some(largest)) => usize::try_from(largest).map_or(0, |n| n.saturating_add(1)),
            _ => raise(Error::op(op, "the number of classes cannot be told from an empty tensor; give it")),
        };
        if let Some(wrong) = numbers.iter().find(|&&i| usize::try_from(i).map_or(true, |i| i >= classes)) {
            let largest = classes.saturating_sub(1);
            raise(Error::op(
                op,
                format!("class {wrong} of {classes} classes; the numbers must be 0 to {largest}"),
            ));
        }
        let mut shape = self.shape_ref().clone();
        shape.push(classes);
        Tensor::compute(shape, DType::I64, |out| {
            let out = out.slice::<i64>();
            out.fill(0);
            for (row, &i) in out.chunks_exact_mut(classes.max(1)).zip(numbers.iter()) {
                row[i as usize] = 1;
            }
        })
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.one_hot", |a| {
    let (x, classes): (Tensor, i64) = (a.get("input")?, a.or("num_classes", -1)?);
    if classes < -1 {
        return Err(Error::op("one_hot", format!("num_classes is {classes}; it must be at least 0, or -1")));
    }
    a.done(x.one_hot(usize::try_from(classes).ok()))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.one_hot(x0)", [integers(0, 5, &[4])], |x| x[0].one_hot(None)),
        sample("F.one_hot(x0.t(), 6)", [integers(1, 6, &[2, 3])], |x| x[0].t().one_hot(Some(6))),
        sample("F.one_hot(x0, num_classes=4)", [integers(2, 4, &[])], |x| x[0].one_hot(Some(4))),
        sample("F.one_hot(x0, 3)", [integers(3, 4, &[0, 2])], |x| x[0].one_hot(Some(3))),
    ]
}
