//! Pooling to an output size: adaptive_avg_pool1d/2d, adaptive_max_pool1d/2d.

use super::avg_pool::AvgPool;
use super::max_pool::{values, values_and_places};
use crate::door::{Args, Calls};
use crate::op::{apply, check_float, unwrap};
use crate::pooling::{OutputSize, Windows};
use crate::testing::{Sample, distinct, normal, sample};
use crate::{Result, Tensor};

#[track_caller]
fn average<const N: usize>(name: &'static str, x: &Tensor, output: [Option<usize>; N]) -> Tensor {
    unwrap(check_float(name, x));
    let windows = Windows::adaptive(output);
    apply(AvgPool { name, windows, count_include_pad: false, divisor: None }, &[x])
}

impl Tensor {
    /// Means over as many windows as the output is long: window o reaches from ⌊o · L / output⌋ to
    /// ⌈(o + 1) · L / output⌉.
    ///
    /// Shapes: (N, C, L) or (C, L) become (N, C, output) or (C, output).
    /// [`torch.nn.functional.adaptive_avg_pool1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html).
    ///
    /// # Panics
    /// If the input has another number of dimensions, no length, or no floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0, 6.0]].adaptive_avg_pool1d(2).to_vec::<f32>(), [1.5, 4.0]);
    /// ```
    #[track_caller]
    pub fn adaptive_avg_pool1d(&self, output_size: usize) -> Tensor {
        average("adaptive_avg_pool1d", self, [Some(output_size)])
    }

    /// Means over as many windows as the output has places, in each of the last two dimensions as
    /// [`adaptive_avg_pool1d`](Tensor::adaptive_avg_pool1d); `None` keeps a dimension. With 1 it is the global mean
    /// of each channel.
    ///
    /// Shapes: (N, C, H, W) or (C, H, W).
    /// [`torch.nn.functional.adaptive_avg_pool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html);
    /// Lin, Chen & Yan, 2013, <https://arxiv.org/abs/1312.4400>.
    ///
    /// # Panics
    /// As `adaptive_avg_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[[1.0, 2.0], [3.0, 6.0]]];
    /// assert_eq!(x.adaptive_avg_pool2d(1).to_vec::<f32>(), [3.0]);
    /// assert_eq!(x.adaptive_avg_pool2d([None, Some(1)]).to_vec::<f32>(), [1.5, 4.5]);
    /// ```
    #[track_caller]
    pub fn adaptive_avg_pool2d(&self, output_size: impl OutputSize<2>) -> Tensor {
        average("adaptive_avg_pool2d", self, output_size.output_size())
    }

    /// Maxima instead of means; otherwise as [`adaptive_avg_pool1d`](Tensor::adaptive_avg_pool1d). NaN is larger
    /// than all.
    /// [`torch.nn.functional.adaptive_max_pool1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool1d.html).
    ///
    /// # Panics
    /// As `adaptive_avg_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0, 6.0]].adaptive_max_pool1d(2).to_vec::<f32>(), [2.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn adaptive_max_pool1d(&self, output_size: usize) -> Tensor {
        unwrap(check_float("adaptive_max_pool1d", self));
        values("adaptive_max_pool1d", self, Windows::adaptive([Some(output_size)]))
    }

    /// [`adaptive_max_pool1d`](Tensor::adaptive_max_pool1d) and where the maxima are (`i64`).
    ///
    /// # Panics
    /// As `adaptive_avg_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (_, places) = tensor![[1.0, 2.0, 6.0]].adaptive_max_pool1d_with_indices(2);
    /// assert_eq!(places.to_vec::<i64>(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn adaptive_max_pool1d_with_indices(&self, output_size: usize) -> (Tensor, Tensor) {
        unwrap(check_float("adaptive_max_pool1d", self));
        values_and_places("adaptive_max_pool1d", self, Windows::adaptive([Some(output_size)]))
    }

    /// Maxima instead of means; otherwise as [`adaptive_avg_pool2d`](Tensor::adaptive_avg_pool2d). NaN is larger
    /// than all.
    /// [`torch.nn.functional.adaptive_max_pool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html).
    ///
    /// # Panics
    /// As `adaptive_avg_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[[1.0, 2.0], [3.0, 6.0]]];
    /// assert_eq!(x.adaptive_max_pool2d([Some(1), None]).to_vec::<f32>(), [3.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn adaptive_max_pool2d(&self, output_size: impl OutputSize<2>) -> Tensor {
        unwrap(check_float("adaptive_max_pool2d", self));
        values("adaptive_max_pool2d", self, Windows::adaptive(output_size.output_size()))
    }

    /// [`adaptive_max_pool2d`](Tensor::adaptive_max_pool2d) and where the maxima are (`i64`): row · width + column.
    ///
    /// # Panics
    /// As `adaptive_avg_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[[1.0, 2.0], [3.0, 6.0]]];
    /// assert_eq!(x.adaptive_max_pool2d_with_indices((1, 2)).1.to_vec::<i64>(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn adaptive_max_pool2d_with_indices(&self, output_size: impl OutputSize<2>) -> (Tensor, Tensor) {
        unwrap(check_float("adaptive_max_pool2d", self));
        values_and_places("adaptive_max_pool2d", self, Windows::adaptive(output_size.output_size()))
    }
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.adaptive_avg_pool1d", |a| call_average::<1>(a, "adaptive_avg_pool1d")),
    ("nn.functional.adaptive_avg_pool2d", |a| call_average::<2>(a, "adaptive_avg_pool2d")),
    ("nn.functional.adaptive_max_pool1d", |a| call_max::<1>(a, "adaptive_max_pool1d")),
    ("nn.functional.adaptive_max_pool2d", |a| call_max::<2>(a, "adaptive_max_pool2d")),
];

fn call_average<const N: usize>(a: &mut Args<'_>, name: &'static str) -> Result<Vec<Tensor>> {
    let (x, output): (Tensor, [Option<usize>; N]) = (a.get("input")?, a.get("output_size")?);
    a.done(average(name, &x, output))
}

fn call_max<const N: usize>(a: &mut Args<'_>, name: &'static str) -> Result<Vec<Tensor>> {
    let (x, output): (Tensor, [Option<usize>; N]) = (a.get("input")?, a.get("output_size")?);
    unwrap(check_float(name, &x));
    if a.or("return_indices", false)? {
        return a.done(values_and_places(name, &x, Windows::adaptive(output)));
    }
    a.done(values(name, &x, Windows::adaptive(output)))
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.adaptive_avg_pool2d(x0, (2, 3))", [normal(0, &[2, 2, 5, 7])], |x| {
            x[0].adaptive_avg_pool2d((2, 3))
        }),
        sample("F.adaptive_avg_pool2d(x0, 1)", [normal(1, &[2, 3, 4, 5])], |x| x[0].adaptive_avg_pool2d(1)),
        sample("F.adaptive_avg_pool2d(x0.mT, (None, 4))", [normal(2, &[2, 3, 3])], |x| {
            x[0].transpose(-1, -2).adaptive_avg_pool2d([None, Some(4)])
        }),
        sample("F.adaptive_avg_pool2d(x0.detach(), (2, 0))", [normal(3, &[2, 3, 3])], |x| {
            x[0].detach().adaptive_avg_pool2d((2, 0))
        }),
        sample("F.adaptive_avg_pool1d(x0, 3)", [normal(4, &[2, 2, 8])], |x| x[0].adaptive_avg_pool1d(3)),
        sample("F.adaptive_max_pool2d(x0, (2, 3))", [distinct(5, &[2, 2, 5, 7])], |x| {
            x[0].adaptive_max_pool2d((2, 3))
        }),
        sample("F.adaptive_max_pool2d(x0, (4, None), return_indices=True)", [distinct(6, &[2, 3, 3])], |x| {
            x[0].adaptive_max_pool2d_with_indices([Some(4), None])
        }),
        sample("F.adaptive_max_pool2d(x0, 2)", [distinct(7, &[1, 4, 36])], |x| x[0].adaptive_max_pool2d(2)),
        sample("F.adaptive_max_pool1d(x0, 3, return_indices=True)", [distinct(8, &[2, 8])], |x| {
            x[0].adaptive_max_pool1d_with_indices(3)
        }),
        sample("F.adaptive_max_pool1d(x0, 2)", [distinct(9, &[1, 2, 7])], |x| x[0].adaptive_max_pool1d(2)),
    ]
}
