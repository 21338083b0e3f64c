//! Putting maxima back to where they were: max_unpool1d, max_unpool2d.

use crate::door::{Args, Calls};
use crate::op::{ensure, raise};
use crate::pooling::stride;
use crate::testing::{Sample, distinct, sample};
use crate::{DType, Error, Result, Sizes, Tensor};

/// Zeros of the output's size, with the input at its places; the last one counts where places coincide.
#[track_caller]
fn max_unpool<const N: usize>(
    name: &'static str,
    x: &Tensor,
    indices: &Tensor,
    kernel: [usize; N],
    step: Option<[usize; N]>,
    padding: [usize; N],
    output_size: Option<&[usize]>,
) -> Tensor {
    let (shape, dims) = (x.shape(), N + 1..=N + 2);
    ensure!(dims.contains(&shape.len()), name, "shape {shape:?}; it takes {} or {} dimensions", N + 1, N + 2);
    ensure!(
        indices.dtype() == DType::I64 && indices.shape() == shape,
        name,
        "indices of shape {:?} and {}; they must be torch.int64 of the input's shape {shape:?}",
        indices.shape(),
        indices.dtype()
    );
    let (lead, pooled) = shape.split_at(shape.len() - N);
    let step = step.unwrap_or(kernel);
    let size = |d: usize| {
        // (n − 1) · stride − 2 · padding + kernel
        let end = pooled[d].checked_sub(1)?.checked_mul(step[d])?.checked_add(kernel[d])?;
        end.checked_sub(padding[d].checked_mul(2)?)
    };
    let natural: Option<Vec<usize>> = (0..N).map(size).collect();
    let Some(natural) = natural else {
        raise(Error::op(
            name,
            format!("no output size for {shape:?} with windows of {kernel:?} and {step:?}"),
        ))
    };
    let output = match output_size {
        None => natural,
        Some(given) => {
            // As PyTorch, the whole shape or its last dimensions, less than a stride from the natural size.
            let last = given.get(given.len().saturating_sub(N)..).unwrap_or(given);
            let near = last.len() == N && (0..N).all(|d| last[d].abs_diff(natural[d]) < step[d].max(1));
            ensure!(near, name, "the output size {given:?} is not within a stride {step:?} of {natural:?}");
            last.to_vec()
        }
    };
    let plane = output.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    let Some(plane) = plane else { raise(Error::op(name, format!("an output of {output:?} is too large"))) };
    let (planes, windows) = (lead.iter().product::<usize>(), pooled.iter().product::<usize>());
    let flat = [planes as isize, windows as isize];
    let zeros = Tensor::full_as(0.0, [planes, plane], x.dtype());
    let y = zeros.scatter(1, &indices.reshape(flat), x.reshape(flat));
    y.reshape(lead.iter().chain(&output).map(|&size| size as isize).collect::<Vec<_>>())
}

impl Tensor {
    /// Undoes [`max_pool1d_with_indices`](Tensor::max_pool1d_with_indices), with zeros where nothing was kept. The
    /// output is (L − 1) · stride − 2 · padding + kernel long, or `output_size`, less than a stride away from that.
    /// `stride` is by default the window's size.
    /// [`torch.nn.functional.max_unpool1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool1d.html).
    ///
    /// # Panics
    /// If the indices have another shape or lie outside the output, or the output size does not fit.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (y, places) = tensor![[1.0, 3.0, 2.0, 0.0]].max_pool1d_with_indices(2, Default::default());
    /// assert_eq!(y.max_unpool1d(&places, 2, None, 0, None).to_vec::<f32>(), [0.0, 3.0, 2.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn max_unpool1d(
        &self,
        indices: &Tensor,
        kernel_size: usize,
        stride: Option<usize>,
        padding: usize,
        output_size: Option<usize>,
    ) -> Tensor {
        let (step, size) = (stride.map(|s| [s]), output_size.map(|n| [n]));
        let size = size.as_ref().map(|size| &size[..]);
        max_unpool("max_unpool1d", self, indices, [kernel_size], step, [padding], size)
    }

    /// Undoes [`max_pool2d_with_indices`](Tensor::max_pool2d_with_indices); otherwise as
    /// [`max_unpool1d`](Tensor::max_unpool1d), for each dimension.
    /// [`torch.nn.functional.max_unpool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool2d.html).
    ///
    /// # Panics
    /// As `max_unpool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (y, places) = tensor![[[1.0, 3.0], [5.0, 0.0]]].max_pool2d_with_indices(2, Default::default());
    /// assert_eq!(y.max_unpool2d(&places, 2, None, 0, None).to_vec::<f32>(), [0.0, 0.0, 5.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn max_unpool2d(
        &self,
        indices: &Tensor,
        kernel_size: impl Sizes<2>,
        stride: Option<[usize; 2]>,
        padding: impl Sizes<2>,
        output_size: Option<[usize; 2]>,
    ) -> Tensor {
        let (kernel, padding) = (kernel_size.sizes(), padding.sizes());
        let size = output_size.as_ref().map(|size| &size[..]);
        max_unpool("max_unpool2d", self, indices, kernel, stride, padding, size)
    }
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.max_unpool1d", |a| call::<1>(a, "max_unpool1d")),
    ("nn.functional.max_unpool2d", |a| call::<2>(a, "max_unpool2d")),
];

fn call<const N: usize>(a: &mut Args<'_>, name: &'static str) -> Result<Vec<Tensor>> {
    let (x, indices): (Tensor, Tensor) = (a.get("input")?, a.get("indices")?);
    let (kernel, step) = (a.get::<[usize; N]>("kernel_size")?, stride(a)?);
    let (padding, size) = (a.or("padding", [0; N])?, a.opt::<Vec<usize>>("output_size")?);
    a.done(max_unpool(name, &x, &indices, kernel, step, padding, size.as_deref()))
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample(
            "F.max_unpool2d(*F.max_pool2d(x0, 2, return_indices=True), 2)",
            [distinct(0, &[2, 3, 4, 6])],
            |x| {
                let (y, at) = x[0].max_pool2d_with_indices(2, Default::default());
                y.max_unpool2d(&at, 2, None, 0, None)
            },
        ),
        sample(
            "F.max_unpool2d(*F.max_pool2d(x0, (2, 3), (2, 3), return_indices=True), (2, 3), output_size=(5, 7))",
            [distinct(1, &[2, 5, 7])],
            |x| {
                let (y, at) = x[0].max_pool2d_with_indices((2, 3), Default::default());
                y.max_unpool2d(&at, (2, 3), None, 0, Some([5, 7]))
            },
        ),
        sample(
            "F.max_unpool1d(*F.max_pool1d(x0, 3, 3, 1, return_indices=True), 3, padding=1)",
            [distinct(2, &[2, 7])],
            |x| {
                let options = crate::MaxPoolOptions { padding: [1], ..Default::default() };
                let (y, at) = x[0].max_pool1d_with_indices(3, options);
                y.max_unpool1d(&at, 3, None, 1, None)
            },
        ),
    ]
}
