//! Channels to pixels and back.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};
use flambeau_kernels::strided::numel;

impl Tensor {
    /// r² channels to r × r pixels: (…, C·r², H, W) gives (…, C, H·r, W·r) with
    /// y\[…, c, h·r + i, w·r + j\] = x\[…, c·r² + i·r + j, h, w\].
    /// [`torch.nn.functional.pixel_shuffle`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pixel_shuffle.html).
    /// Shi et al. 2016, [Real-time single image super-resolution](https://arxiv.org/abs/1609.05158).
    ///
    /// # Panics
    /// If there are fewer than 3 dimensions, the factor is 0 or its square does not divide the channels.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([1, 9, 4, 4]).pixel_shuffle(3).shape(), [1, 1, 12, 12]);
    /// ```
    #[track_caller]
    pub fn pixel_shuffle(&self, upscale_factor: usize) -> Tensor {
        let (shape, r) = (self.shape(), upscale_factor);
        let fits =
            shape.len() >= 3 && r > 0 && r.checked_mul(r).is_some_and(|r2| self.size(-3).is_multiple_of(r2));
        ensure!(
            fits,
            "pixel_shuffle",
            "shape {shape:?} by {r}; the input is (…, C·r², H, W) with r at least 1"
        );
        let (outer, [c, h, w]) = parts(shape);
        let x = self.reshape([numel(outer), c / (r * r), r, r, h, w]).permute([0, 1, 4, 2, 5, 3]);
        x.reshape(&join(outer, [c / (r * r), h.saturating_mul(r), w.saturating_mul(r)]))
    }

    /// r × r pixels to r² channels, the inverse of [`pixel_shuffle`](Tensor::pixel_shuffle): (…, C, H·r, W·r) gives
    /// (…, C·r², H, W).
    /// [`torch.nn.functional.pixel_unshuffle`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pixel_unshuffle.html).
    ///
    /// # Panics
    /// If there are fewer than 3 dimensions, the factor is 0 or does not divide the last two sizes.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([1, 1, 12, 12]).pixel_unshuffle(3).shape(), [1, 9, 4, 4]);
    /// ```
    #[track_caller]
    pub fn pixel_unshuffle(&self, downscale_factor: usize) -> Tensor {
        let (shape, r) = (self.shape(), downscale_factor);
        let fits =
            shape.len() >= 3 && r > 0 && self.size(-2).is_multiple_of(r) && self.size(-1).is_multiple_of(r);
        ensure!(
            fits,
            "pixel_unshuffle",
            "shape {shape:?} by {r}; the input is (…, C, H·r, W·r) with r at least 1"
        );
        let (outer, [c, h, w]) = parts(shape);
        let x = self.reshape([numel(outer), c, h / r, r, w / r, r]).permute([0, 1, 3, 5, 2, 4]);
        x.reshape(&join(outer, [c.saturating_mul(r).saturating_mul(r), h / r, w / r]))
    }
}

/// A shape of at least 3 dimensions as the outer ones and the last 3.
fn parts(shape: &[usize]) -> (&[usize], [usize; 3]) {
    let (outer, last) = shape.split_at(shape.len() - 3);
    (outer, [last[0], last[1], last[2]])
}

fn join(outer: &[usize], last: [usize; 3]) -> Shape {
    outer.iter().copied().chain(last).collect()
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.pixel_shuffle", |a| {
        let (x, factor): (Tensor, usize) = (a.get("input")?, a.get("upscale_factor")?);
        a.done(x.pixel_shuffle(factor))
    }),
    ("nn.functional.pixel_unshuffle", |a| {
        let (x, factor): (Tensor, usize) = (a.get("input")?, a.get("downscale_factor")?);
        a.done(x.pixel_unshuffle(factor))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.pixel_shuffle(x0, 2)", [normal(0, &[2, 8, 1, 3])], |x| x[0].pixel_shuffle(2)),
        sample("F.pixel_shuffle(x0, 1)", [normal(1, &[2, 3, 2])], |x| x[0].pixel_shuffle(1)),
        sample("F.pixel_shuffle(x0, 3)", [normal(2, &[1, 2, 9, 1, 2])], |x| x[0].pixel_shuffle(3)),
        sample("F.pixel_unshuffle(x0, 2)", [normal(3, &[2, 2, 4, 2])], |x| x[0].pixel_unshuffle(2)),
        sample("F.pixel_unshuffle(x0.transpose(1, 2), 3)", [normal(4, &[1, 6, 3])], |x| {
            x[0].transpose(1, 2).pixel_unshuffle(3)
        }),
    ]
}
