//! Blurring.

use flambeau_tensor::{Sizes, Tensor};

use super::image::{Pixel, by_pixel, ensure, image, made};
use super::options::Range;
use super::{Transform, draw};

const OP: &str = "GaussianBlur";

/// Blurs with a Gaussian window of a given size, whose deviation is drawn from a range: each pixel becomes a mean of
/// those around, weighted by exp(−d² / 2σ²) as torchvision samples it; the image is mirrored at its edges.
///
/// ```
/// use flambeau_data::transforms::{GaussianBlur, Transform};
/// use flambeau_tensor::Tensor;
/// let x = Tensor::ones([1, 8, 8]);
/// let x = GaussianBlur::new(5).sigma((0.1, 2.0)).call(&x);
/// assert!(x.to_vec::<f32>().iter().all(|v| (v - 1.0).abs() < 1e-5));
/// ```
///
/// Source: [`torchvision.transforms.v2.GaussianBlur`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.GaussianBlur.html)
#[derive(Clone, Copy, Debug)]
pub struct GaussianBlur {
    kernel_size: [usize; 2],
    sigma: [f64; 2],
}

impl GaussianBlur {
    /// With a window of width and height `kernel_size`, or (width, height).
    ///
    /// # Panics
    /// If one of them is even.
    #[track_caller]
    pub fn new(kernel_size: impl Sizes<2>) -> Self {
        let kernel_size = kernel_size.sizes();
        check(kernel_size);
        GaussianBlur { kernel_size, sigma: [0.1, 2.0] }
    }

    /// The range of the deviation in pixels (default: 0.1 to 2); one number is the deviation itself.
    ///
    /// # Panics
    /// If that is no range above 0.
    #[track_caller]
    pub fn sigma(mut self, sigma: impl Into<Range>) -> Self {
        self.sigma = match sigma.into() {
            Range::Around(sigma) => [sigma, sigma],
            Range::Between(low, high) => [low, high],
        };
        let [low, high] = self.sigma;
        ensure!(
            0.0 < low && low <= high && high.is_finite(),
            OP,
            "sigma from {low} to {high}; it needs 0 < low ≤ high"
        );
        self
    }
}

impl Transform for GaussianBlur {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        let sigma = draw::uniform(self.sigma[0], self.sigma[1]);
        gaussian_blur(image, self.kernel_size, [sigma; 2])
    }
}

#[track_caller]
fn check(kernel_size: [usize; 2]) {
    ensure!(
        kernel_size.iter().all(|k| k % 2 == 1),
        OP,
        "kernel_size {kernel_size:?}; both numbers must be odd, so that the window has a middle"
    );
}

/// An image blurred by a window of (width, height) with deviations along x and y; see [`GaussianBlur`].
#[track_caller]
pub fn gaussian_blur(x: &Tensor, kernel_size: impl Sizes<2>, sigma: [f64; 2]) -> Tensor {
    let kernel_size = kernel_size.sizes();
    check(kernel_size);
    ensure!(sigma.iter().all(|s| *s > 0.0 && s.is_finite()), OP, "sigma {sigma:?}; deviations are above 0");
    let shape @ [_, height, width] = image(OP, x);
    let [kx, ky] = kernel_size;
    ensure!(
        x.numel() == 0 || (kx / 2 < width && ky / 2 < height),
        OP,
        "a window of {kx}×{ky} reaches over both edges of an image {width} wide and {height} high; use one of at most {}×{}",
        width.saturating_mul(2).saturating_sub(1),
        height.saturating_mul(2).saturating_sub(1)
    );
    let (wx, wy) = (window(kx, sigma[0]), window(ky, sigma[1]));
    by_pixel!(x, T => made(x, shape, |x: &[T], out| {
        let plane = (height * width).max(1);
        for (x, out) in x.chunks_exact(plane).zip(out.chunks_exact_mut(plane)) {
            blur(x, out, width, &wx, &wy);
        }
    }))
}

/// The weights of a window, that add up to 1.
fn window(size: usize, sigma: f64) -> Vec<f32> {
    let limit = (size - 1) as f64 / (2.0 * std::f64::consts::SQRT_2);
    let step = if size > 1 { 2.0 * limit / (size - 1) as f64 } else { 0.0 };
    let weights = (0..size).map(|i| (-((i as f64 * step - limit) / sigma).powi(2)).exp());
    let weights: Vec<f64> = weights.collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as f32).collect()
}

/// Along the rows and then along the columns.
fn blur<T: Pixel>(x: &[T], out: &mut [T], width: usize, wx: &[f32], wy: &[f32]) {
    let (height, rx, ry) = (x.len() / width, wx.len() / 2, wy.len() / 2);
    let mut rows = vec![0f32; x.len()];
    let mut mirrored = vec![0f32; width + 2 * rx];
    for (x, row) in x.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        for (j, m) in mirrored.iter_mut().enumerate() {
            *m = x[mirror(j, rx, width)].to_f32();
        }
        for (k, w) in wx.iter().enumerate() {
            row.iter_mut().zip(&mirrored[k..]).for_each(|(o, x)| *o += w * x);
        }
    }
    let mut sum = vec![0f32; width];
    for (i, out) in out.chunks_exact_mut(width).enumerate() {
        sum.fill(0.0);
        for (k, w) in wy.iter().enumerate() {
            let row = &rows[mirror(i + k, ry, height) * width..][..width];
            sum.iter_mut().zip(row).for_each(|(o, x)| *o += w * x);
        }
        out.iter_mut().zip(&sum).for_each(|(o, s)| *o = T::rounded(*s));
    }
}

/// Place `i` of a row that was mirrored at both ends, `reach` places of it before the first.
fn mirror(i: usize, reach: usize, n: usize) -> usize {
    let at = i.abs_diff(reach);
    if i > reach && at >= n { 2 * (n - 1) - at } else { at }
}
