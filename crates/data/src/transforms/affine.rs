//! Rotating, moving, scaling and shearing: each pixel of the result is looked up where it comes from.

use flambeau_tensor::{Num, Tensor};

use super::image::{Pixel, by_pixel, ensure, image, made, nearest};
use super::options::{Fill, InterpolationMode};

/// The options of [`rotate`].
#[derive(Clone, Debug, PartialEq)]
pub struct RotateOptions {
    /// `Nearest` (the default) or `Bilinear`.
    pub interpolation: InterpolationMode,
    /// Whether the image grows, so that nothing of it is cut off (default: no).
    pub expand: bool,
    /// The point (x, y) around which to rotate, in pixels from the upper left corner (default: the middle).
    pub center: Option<[f64; 2]>,
    /// The value of what comes from outside of the image (default: 0).
    pub fill: Fill,
}

impl Default for RotateOptions {
    fn default() -> Self {
        RotateOptions {
            interpolation: InterpolationMode::Nearest,
            expand: false,
            center: None,
            fill: Fill::default(),
        }
    }
}

/// The options of [`affine`].
#[derive(Clone, Debug, PartialEq)]
pub struct AffineOptions {
    /// Degrees, clockwise (default: 0).
    pub angle: f64,
    /// Pixels to the right and down (default: 0).
    pub translate: [f64; 2],
    /// The factor by which it grows (default: 1).
    pub scale: f64,
    /// Degrees of shearing along x and y (default: 0).
    pub shear: [f64; 2],
    /// `Nearest` (the default) or `Bilinear`.
    pub interpolation: InterpolationMode,
    /// The point (x, y) that rotation, scaling and shearing leave where it is, in pixels from the upper left corner
    /// (default: the middle).
    pub center: Option<[f64; 2]>,
    /// The value of what comes from outside of the image (default: 0).
    pub fill: Fill,
}

impl Default for AffineOptions {
    fn default() -> Self {
        AffineOptions {
            angle: 0.0,
            translate: [0.0; 2],
            scale: 1.0,
            shear: [0.0; 2],
            interpolation: InterpolationMode::Nearest,
            center: None,
            fill: Fill::default(),
        }
    }
}

/// The image turned by so many degrees anticlockwise. Multiples of 90 around the middle are exact where the image is
/// square or may expand.
#[track_caller]
pub fn rotate(x: &Tensor, angle: f64, options: &RotateOptions) -> Tensor {
    const OP: &str = "rotate";
    let [channels, h, w] = image(OP, x);
    let RotateOptions { interpolation, expand, center, ref fill } = *options;
    check(OP, [channels, h, w], interpolation, fill);
    ensure!(angle.is_finite(), OP, "angle {angle}; it must be a finite number of degrees");
    let angle = angle.rem_euclid(360.0);
    if center.is_none() {
        let quarter = expand || h == w;
        match angle {
            0.0 => return x.copy(),
            180.0 => return quarters(x, 2),
            90.0 if quarter => return quarters(x, 1),
            270.0 if quarter => return quarters(x, 3),
            _ => {}
        }
    }
    let place = Placement { angle: -angle, ..Placement::around(center, [h, w]) };
    let inverse = place.inverse();
    let size = if expand { expanded(&inverse, [h, w]) } else { [h, w] };
    warp(x, &inverse, size, interpolation, fill)
}

/// The image turned, sheared, scaled and moved.
#[track_caller]
pub fn affine(x: &Tensor, options: &AffineOptions) -> Tensor {
    affine_with(x, options, options.angle, options.translate, options.scale, options.shear)
}

/// [`affine`] with these numbers instead of the options'.
#[track_caller]
pub(super) fn affine_with(
    x: &Tensor,
    options: &AffineOptions,
    angle: f64,
    translate: [f64; 2],
    scale: f64,
    shear: [f64; 2],
) -> Tensor {
    const OP: &str = "affine";
    let shape @ [_, h, w] = image(OP, x);
    check(OP, shape, options.interpolation, &options.fill);
    let finite = [angle, translate[0], translate[1], shear[0], shear[1]].iter().all(|v| v.is_finite());
    ensure!(
        finite && scale > 0.0 && scale.is_finite(),
        OP,
        "angle {angle}, translate {translate:?}, scale {scale}, shear {shear:?}; all must be finite, and the scale above 0"
    );
    let place = Placement { angle, translate, scale, shear, ..Placement::around(options.center, [h, w]) };
    warp(x, &place.inverse(), [h, w], options.interpolation, &options.fill)
}

#[track_caller]
fn check(op: &'static str, [channels, h, w]: [usize; 3], mode: InterpolationMode, fill: &Fill) {
    ensure!(
        matches!(mode, InterpolationMode::Nearest | InterpolationMode::Bilinear),
        op,
        "interpolation {mode:?}; this takes Nearest or Bilinear"
    );
    ensure!(
        h.checked_mul(w).is_some_and(|n| i32::try_from(n).is_ok()),
        op,
        "an image of {h}×{w}; at most 2³¹ − 1 pixels can be turned"
    );
    fill.check(op, channels);
}

/// Where an image goes.
struct Placement {
    /// From the middle of the image.
    center: [f64; 2],
    /// Degrees, clockwise.
    angle: f64,
    translate: [f64; 2],
    scale: f64,
    shear: [f64; 2],
}

impl Placement {
    fn around(center: Option<[f64; 2]>, [h, w]: [usize; 2]) -> Self {
        let center = center.map_or([0.0; 2], |[x, y]| [x - w as f64 * 0.5, y - h as f64 * 0.5]);
        Placement { center, angle: 0.0, translate: [0.0; 2], scale: 1.0, shear: [0.0; 2] }
    }

    /// The matrix (two rows) that leads from a place of the result to where it comes from, both from the middle:
    /// the inverse of T C R S C⁻¹ for the translation T, the centre C, rotation and scale R and the shears S.
    fn inverse(&self) -> [f64; 6] {
        let ([cx, cy], [tx, ty]) = (self.center, self.translate);
        let (angle, [sx, sy]) = (self.angle.to_radians(), self.shear.map(f64::to_radians));
        let a = Num::cos(angle - sy) / Num::cos(sy);
        let b = -(a * Num::tan(sx) + Num::sin(angle));
        let c = Num::sin(angle - sy) / Num::cos(sy);
        let d = Num::cos(angle) - c * Num::tan(sx);
        let [m0, m1, m3, m4] = [d, -b, -c, a].map(|v| v / self.scale);
        let (x, y) = (cx + tx, cy + ty);
        [m0, m1, cx - m0 * x - m1 * y, m3, m4, cy - m3 * x - m4 * y]
    }
}

/// The height and width that hold the whole of a turned image.
fn expanded(m: &[f64; 6], [h, w]: [usize; 2]) -> [usize; 2] {
    let m = m.map(|v| v as f32);
    let (x, y) = (w as f32 * 0.5, h as f32 * 0.5);
    let size = |row: &[f32], half: f32| {
        let corners = [[-x, -y], [-x, y], [x, y], [x, -y]].map(|[x, y]| row[0] * x + row[1] * y + row[2]);
        let (low, high) = corners.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        // So that rounding errors do not add a row.
        let cut = |v: f32| ((v + half) * 1e4).trunc() * 1e-4;
        (cut(high).ceil() - cut(low).floor()).max(0.0) as usize
    };
    [size(&m[3..], y), size(&m[..3], x)]
}

/// The image turned anticlockwise by so many quarters.
fn quarters(x: &Tensor, quarters: usize) -> Tensor {
    let [channels, h, w] = image("rotate", x);
    let [height, width] = if quarters % 2 == 1 { [w, h] } else { [h, w] };
    let plane = (h * w).max(1);
    by_pixel!(x, T => made(x, [channels, height, width], |x: &[T], out| {
        for (x, out) in x.chunks_exact(plane).zip(out.chunks_exact_mut(plane)) {
            for (i, out) in out.chunks_exact_mut(width).enumerate() {
                for (j, o) in out.iter_mut().enumerate() {
                    *o = match quarters {
                        1 => x[j * w + w - 1 - i],
                        2 => x[(h - 1 - i) * w + w - 1 - j],
                        _ => x[(h - 1 - j) * w + i],
                    };
                }
            }
        }
    }))
}

/// Each pixel of a result of a size, from where `inverse` says. In the numbers and the order of PyTorch's
/// `affine_grid` and `grid_sample`.
#[track_caller]
fn warp(
    x: &Tensor,
    inverse: &[f64; 6],
    [height, width]: [usize; 2],
    mode: InterpolationMode,
    fill: &Fill,
) -> Tensor {
    let [channels, h, w] = image("affine", x);
    let grid = Grid::new(inverse, [h, w], [height, width]);
    let plane = (h * w).max(1);
    by_pixel!(x, T => made(x, [channels, height, width], |x: &[T], out| {
        if out.is_empty() {
            return;
        }
        if x.is_empty() {
            out.fill(T::truncated(fill.channel(0)));
            return;
        }
        let planes = || x.chunks_exact(plane).enumerate();
        if mode == InterpolationMode::Nearest {
            let sources = grid.nearest();
            for ((c, x), out) in planes().zip(out.chunks_exact_mut(height * width)) {
                let fill = T::rounded(fill.channel(c));
                for (o, &source) in out.iter_mut().zip(&sources) {
                    *o = usize::try_from(source).map_or(fill, |source| x[source]);
                }
            }
        } else {
            for ((c, x), out) in planes().zip(out.chunks_exact_mut(height * width)) {
                grid.bilinear(x, out, fill.channel(c));
            }
        }
    }))
}

/// Where the pixels of a result come from.
struct Grid {
    m: [f32; 6],
    input: [usize; 2],
    output: [usize; 2],
}

impl Grid {
    fn new(inverse: &[f64; 6], input: [usize; 2], output: [usize; 2]) -> Self {
        let mut m = inverse.map(|v| v as f32);
        for (row, n) in [(0, input[1]), (3, input[0])] {
            m[row..row + 3].iter_mut().for_each(|v| *v /= 0.5 * n as f32);
        }
        Grid { m, input, output }
    }

    /// From a pixel's place in row `i` of the result to its place x, y on the image.
    #[inline(always)]
    fn row(&self, i: usize) -> impl Fn(usize) -> (f32, f32) {
        let ([h, w], [height, width]) = (self.input, self.output);
        let [m0, m1, m2, m3, m4, m5] = self.m;
        let (half_w, half_h) = (w as f32 / 2.0, h as f32 / 2.0);
        let (start, y) = ((1.0 - width as f32) * 0.5, (1.0 - height as f32) * 0.5 + i as f32);
        move |j| {
            let x = start + j as i32 as f32;
            let (gx, gy) = (x * m0 + y * m1 + m2, x * m3 + y * m4 + m5);
            ((gx + 1.0) * half_w - 0.5, (gy + 1.0) * half_h - 0.5)
        }
    }

    /// The index of the nearest pixel for each of the result; −1 where there is none.
    fn nearest(&self) -> Vec<i32> {
        let ([h, w], [height, width]) = (self.input, self.output);
        let (last_x, last_y, columns) = (w as f32 - 1.0, h as f32 - 1.0, w as i32);
        let mut sources = vec![-1; height * width];
        for (i, row) in sources.chunks_exact_mut(width).enumerate() {
            let place = self.row(i);
            for (j, source) in row.iter_mut().enumerate() {
                let (x, y) = place(j);
                let (x, y) = (nearest(x), nearest(y));
                // No shortcuts: a loop without branches is a loop of vectors.
                let inside = (x >= 0.0) & (x <= last_x) & (y >= 0.0) & (y <= last_y);
                let index = (y as i32).wrapping_mul(columns).wrapping_add(x as i32);
                *source = if inside { index } else { -1 };
            }
        }
        sources
    }

    /// The mean of the four pixels around, weighted by nearness. As torchvision has it, what lies half outside is blended
    /// with the fill value on top of the black that is around the image.
    fn bilinear<T: Pixel>(&self, x: &[T], out: &mut [T], fill: f32) {
        let ([h, w], outside) = (self.input, T::rounded(fill));
        for (i, row) in out.chunks_exact_mut(self.output[1]).enumerate() {
            let place = self.row(i);
            for (j, o) in row.iter_mut().enumerate() {
                let (px, py) = place(j);
                if !(px > -1.0 && px < w as f32 && py > -1.0 && py < h as f32) {
                    *o = outside;
                    continue;
                }
                // Rounds down: both are above −1.
                let (left, top) = ((px + 1.0) as usize, (py + 1.0) as usize);
                let (right_part, lower_part) = (px + 1.0 - left as f32, py + 1.0 - top as f32);
                let (mut sum, mut mask) = (0.0, 0.0);
                for (row, part) in [(top, 1.0 - lower_part), (top + 1, lower_part)] {
                    for (column, weight) in [(left, part * (1.0 - right_part)), (left + 1, part * right_part)]
                    {
                        // Counted from 1.
                        if (1..=h).contains(&row) && (1..=w).contains(&column) {
                            sum += x[(row - 1) * w + column - 1].to_f32() * weight;
                            mask += weight;
                        }
                    }
                }
                *o = T::rounded(mask * (sum - fill) + fill);
            }
        }
    }
}
