//! A window of 3×3 or 5×5 for each channel: sums over lines of a padded copy of each channel, of which a vector of
//! pixels is read once for several lines of the output. Where the step is 2, every other pixel of a line is a line, and so
//! it is of the input's gradient, whose pixels at even and at odd places see other weights.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::flat::alternate;
use super::{GRAIN, Shape};
use crate::lanes::{LaneKernel, Lanes, Part, WIDTH, dispatch_lanes};
use crate::{DType, Storage, pool};

/// Floats of copies.
const COPIES: usize = 1 << 12;

/// A channel as it lies in its copy.
#[derive(Clone, Copy)]
struct Image {
    size: [usize; 2],
    /// Zeros before the first.
    before: [usize; 2],
}

/// A channel and what is made of it.
#[derive(Clone, Copy)]
struct Plane {
    image: Image,
    output: [usize; 2],
    stride: [usize; 2],
    kernel: usize,
    /// Distance of lines in a copy.
    line: usize,
    /// Distance of the pixels at even places of a line and those at odd ones, where these are lines.
    pitch: usize,
    /// Where a line of pixels goes, or its pixels at even and at odd places.
    places: [usize; 2],
    /// Floats of a copy, with what is read beyond it.
    size: usize,
}

/// Whether a convolution goes this way.
pub(super) fn serves(shape: &Shape) -> bool {
    let Shape { inputs, outputs, kernel, stride, dilation, padding, .. } = *shape;
    let reach = kernel[0].max(1) - 1;
    (inputs, outputs) == (1, 1)
        && (kernel == [3, 3] || kernel == [5, 5])
        && dilation == [1, 1]
        && (stride == [1, 1] || stride == [2, 2])
        && padding[0].max(padding[1]) <= reach
        // The last window begins in the copy.
        && (0..2).all(|d| (shape.output[d] - 1) * stride[d] <= shape.input[d] + 2 * reach)
        && shape.input[1].saturating_add(shape.output[1]) <= 1 << 16
        && shape.input[0].saturating_add(shape.output[0]).saturating_mul(shape.input[1]) <= 1 << 22
}

impl Plane {
    fn forward(shape: &Shape) -> Plane {
        let Shape { input, output, stride, kernel: [kernel, _], padding, .. } = *shape;
        let seen = [0, 1].map(|d| (output[d] - 1) * stride[d] + kernel);
        Plane::new(Image { size: input, before: padding }, output, stride, kernel, seen)
    }

    /// The gradient of the input: the output's convolved with the window reversed, or with every other of its weights.
    fn backward(shape: &Shape) -> Plane {
        let Shape { input, output, stride, kernel: [kernel, _], padding, .. } = *shape;
        let reach = (kernel - 1) / stride[0];
        let before = padding.map(|padding| if stride == [1, 1] { reach - padding } else { reach });
        // As far as the last pixel sees.
        let seen = [0, 1].map(|d| match stride[d] {
            1 => input[d] + reach,
            _ => reach + (input[d] - 1 + padding[d]) / 2 + 1,
        });
        Plane::new(Image { size: output, before }, input, [1, 1], kernel, seen)
    }

    fn new(image: Image, output: [usize; 2], stride: [usize; 2], kernel: usize, seen: [usize; 2]) -> Plane {
        let Image { size, before } = image;
        let [lines, pixels] = [0, 1].map(|d| (before[d] + size[d]).max(seen[d]));
        let pitch = pixels.div_ceil(stride[1]);
        let line = stride[1] * pitch;
        let place = |column: usize| column % stride[1] * pitch + column / stride[1];
        let places = [place(before[1]), place(before[1] + 1)];
        let size = lines * line + output[1].next_multiple_of(WIDTH) + kernel;
        Plane { image, output, stride, kernel, line, pitch, places, size }
    }

    /// Planes whose copies stay in the first cache.
    fn together(&self) -> usize {
        (COPIES / self.size).clamp(1, 8)
    }

    /// Writes the pixels; what is zero stays as it was.
    #[inline(always)]
    fn fill<L: Lanes>(&self, source: &[f32], copy: &mut [f32]) {
        let (Image { size, before }, [first, second]) = (self.image, self.places);
        for (y, line) in source.chunks_exact(size[1]).enumerate() {
            let to = &mut copy[(before[0] + y) * self.line..];
            if self.stride[1] == 1 {
                for x in (0..size[1]).step_by(WIDTH) {
                    let (n, to) = (WIDTH.min(size[1] - x), &mut to[first + x..]);
                    let lanes = L::load_some(&line[x..x + n]);
                    // Zeros too: what is too much the next lines overwrite.
                    match to.first_chunk_mut() {
                        Some(to) => lanes.store(to),
                        None => lanes.store_some(&mut to[..n]),
                    }
                }
            } else if first < self.pitch {
                let (even, odd) = to.split_at_mut(self.pitch);
                alternate::<L>(line, &mut even[first..], &mut odd[second - self.pitch..]);
            } else {
                let (even, odd) = to.split_at_mut(self.pitch);
                alternate::<L>(line, &mut odd[first - self.pitch..], &mut even[second..]);
            }
        }
    }
}

pub(super) fn forward(
    shape: &Shape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    let way = Way::Forward { relu };
    run(Plane::forward(shape), way, input, weight, bias, out);
}

pub(super) fn input_gradient(
    shape: &Shape,
    grad: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let way = if shape.stride == [1, 1] { Way::Reversed } else { Way::Halves(shape.padding) };
    run(Plane::backward(shape), way, grad, weight, bias, out);
}

/// Planes of a task.
fn step(plane: &Plane) -> usize {
    // Copying costs about as much as a line of the window.
    let work = (plane.output[0] * plane.output[1]).max(plane.size) * plane.kernel * plane.kernel;
    (GRAIN / work.max(1)).max(1)
}

/// What is summed up.
#[derive(Clone, Copy)]
enum Way {
    /// Windows, and max(0, …) is taken of the sums with `relu`.
    Forward { relu: bool },
    /// Windows that are reversed.
    Reversed,
    /// Every other line and column of windows of step 2 with these zeros around the image.
    Halves([usize; 2]),
}

fn run(plane: Plane, way: Way, source: &[f32], weight: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
    let [from, to, taps] = [plane.image.size, plane.output, [plane.kernel; 2]].map(|[h, w]| h * w);
    let channels = weight.len() / taps;
    pool::chunks_mut(out, to * step(&plane), |start, out| {
        let together = plane.together();
        let mut copies = zeros(plane.size * together);
        let copies = copies.as_mut_slice::<f32>();
        for (i, out) in out.chunks_mut(to * together).enumerate() {
            let first = start / to + i * together;
            dispatch_lanes(Fill {
                plane,
                source: &source[first * from..],
                apart: from,
                copies,
                count: out.len() / to,
            });
            for (i, out) in out.chunks_exact_mut(to).enumerate() {
                let channel = (first + i) % channels;
                let copy = &copies[i * plane.size..][..plane.size];
                let weight = &weight[channel * taps..][..taps];
                let bias = bias.map_or(0.0, |bias| bias[channel]);
                match way {
                    Way::Halves(padding) => {
                        dispatch_lanes(Halves { plane, padding, weight, bias, copy, out })
                    }
                    _ => dispatch_lanes(Sums { plane, weight, way, bias, copy, out }),
                }
            }
        }
    });
}

/// Copies of some planes, before any is read: what was just written is not read at once in other pieces.
struct Fill<'a> {
    plane: Plane,
    source: &'a [f32],
    /// Distance of the planes.
    apart: usize,
    count: usize,
    copies: &'a mut [f32],
}

impl LaneKernel for Fill<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Fill { plane, source, apart, count, copies } = self;
        let size = plane.image.size[0] * plane.image.size[1];
        for (i, copy) in copies.chunks_exact_mut(plane.size).take(count).enumerate() {
            plane.fill::<L>(&source[i * apart..][..size], copy);
        }
    }
}

fn zeros(floats: usize) -> Storage {
    let mut storage = Storage::new(DType::F32, floats);
    storage.as_mut_slice::<f32>().fill(0.0);
    storage
}

struct Sums<'a> {
    plane: Plane,
    weight: &'a [f32],
    way: Way,
    bias: f32,
    copy: &'a [f32],
    out: &'a mut [f32],
}

impl LaneKernel for Sums<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        match (self.plane.kernel, self.plane.stride[0], self.plane.output[0]) {
            (3, 1, 4..) => self.lines::<L::Part, 3, 1, 4>(),
            (3, 1, _) => self.lines::<L::Part, 3, 1, 1>(),
            (3, _, 2..) => self.lines::<L::Part, 3, 2, 2>(),
            (3, _, _) => self.lines::<L::Part, 3, 2, 1>(),
            // Where registers do not hold the weights, more lines share those that are read.
            (_, 1, 4..) if L::PARTED => self.lines::<L::Part, 5, 1, 4>(),
            (_, 1, 2..) => self.lines::<L::Part, 5, 1, 2>(),
            (_, 1, _) => self.lines::<L::Part, 5, 1, 1>(),
            _ => self.lines::<L::Part, 5, 2, 1>(),
        }
    }
}

impl Sums<'_> {
    /// With a window of K×K and step S, R lines at a time, as there are at least. The last lines are done again where R does
    /// not fit.
    #[inline(always)]
    fn lines<P: Part, const K: usize, const S: usize, const R: usize>(self) {
        let Sums { plane, weight, way, bias, copy, out } = self;
        let (reversed, relu) = (matches!(way, Way::Reversed), matches!(way, Way::Forward { relu: true }));
        let ([height, width], line, pitch) = (plane.output, plane.line, plane.pitch);
        let mut weights = [[P::splat(0.0); K]; K];
        for y in 0..K {
            for x in 0..K {
                let at = y * K + x;
                weights[y][x] = P::splat(weight[if reversed { K * K - 1 - at } else { at }]);
            }
        }
        let bias = P::splat(bias);
        let last = (height - 1) * S + K - 1;
        assert!(height >= R && (last + 1) * line + width.next_multiple_of(P::COUNT) + K <= copy.len());
        assert!(height * width <= out.len());
        for row in (0..height).step_by(R) {
            let row = row.min(height - R);
            for column in (0..width).step_by(P::COUNT) {
                let n = width - column;
                let mut sums = [bias; R];
                for x in 0..K {
                    for i in 0..(R - 1) * S + K {
                        let at = (row * S + i) * line + column + x % S * pitch + x / S;
                        // SAFETY: asserted above; this line is one that the last line sees at most.
                        let pixels = unsafe { P::read(copy.as_ptr().add(at)) };
                        for r in 0..R {
                            if r * S <= i && i - r * S < K {
                                sums[r] = weights[i - r * S][x].mul_add(pixels, sums[r]);
                            }
                        }
                    }
                }
                // One choice for all lines: a choice for each makes the compiler sum up each line by itself.
                if relu {
                    for r in 0..R {
                        sums[r] = sums[r].above_zero();
                    }
                }
                let to = out.as_mut_ptr().wrapping_add(row * width + column);
                if n >= P::COUNT {
                    for r in 0..R {
                        // SAFETY: of a line that there is: in the slice, as asserted.
                        unsafe { sums[r].write(to.add(r * width)) };
                    }
                } else {
                    for r in 0..R {
                        // SAFETY: as above.
                        unsafe { sums[r].write_some(to.add(r * width), n) };
                    }
                }
            }
        }
    }
}

/// The input's gradient where the step is 2: a pixel at place q, with the zeros before the image, is seen through weights
/// r, r + 2, … by windows b, b − 1, … where q = 2b + r.
struct Halves<'a> {
    plane: Plane,
    padding: [usize; 2],
    weight: &'a [f32],
    bias: f32,
    copy: &'a [f32],
    out: &'a mut [f32],
}

impl LaneKernel for Halves<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        if self.plane.kernel == 3 { self.lines::<L, 3>() } else { self.lines::<L, 5>() }
    }
}

impl Halves<'_> {
    /// With a window of K×K.
    #[inline(always)]
    fn lines<L: Lanes, const K: usize>(self) {
        let Halves {
            plane: Plane { output: [height, width], line, image, .. },
            padding,
            weight,
            bias,
            copy,
            out,
        } = self;
        assert!(weight.len() == K * K && out.len() == height * width && image.before == [(K - 1) / 2; 2]);
        // The first window that a pixel at an even or odd place sees, and the first weight.
        let halves = [0, 1].map(|i| [(padding[1] + i) / 2 + image.before[1], (padding[1] + i) % 2]);
        let pairs = width.div_ceil(2);
        let last = (height - 1 + padding[0]) / 2 + image.before[0];
        assert!(last * line + halves[1][0] + pairs.next_multiple_of(WIDTH) <= copy.len());
        for y in 0..height {
            let [b, r] = [(y + padding[0]) / 2 + image.before[0], (y + padding[0]) % 2];
            for pair in (0..pairs).step_by(WIDTH) {
                let mut sums = [L::splat(bias); 2];
                for down in 0..K.div_ceil(2) {
                    if r + 2 * down >= K {
                        break;
                    }
                    let (weight, at) = (&weight[(r + 2 * down) * K..][..K], (b - down) * line + pair);
                    for i in 0..2 {
                        let [b, r] = halves[i];
                        for across in 0..K.div_ceil(2) {
                            if r + 2 * across < K {
                                // SAFETY: at most the last, and as far before the first as there are zeros.
                                let pixels = unsafe { pixels::<L>(copy, at + b - across) };
                                sums[i] = L::splat(weight[r + 2 * across]).mul_add(pixels, sums[i]);
                            }
                        }
                    }
                }
                let [low, high] = L::interleave(sums[0], sums[1]);
                let n = (2 * WIDTH).min(width - 2 * pair);
                let (to, rest) = out[y * width + 2 * pair..][..n].split_at_mut(n.min(WIDTH));
                low.store_some(to);
                high.store_some(rest);
            }
        }
    }
}

/// A vector of the copy, without a check, so that the loops around it can be unrolled.
///
/// # Safety
/// It lies in the slice.
#[inline(always)]
unsafe fn pixels<L: Lanes>(copy: &[f32], at: usize) -> L {
    debug_assert!(at + WIDTH <= copy.len());
    // SAFETY: the caller's.
    L::load(unsafe { &*copy.as_ptr().add(at).cast() })
}

pub(super) fn weight_gradient(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    let plane = Plane::forward(shape);
    let [from, to, taps] = [plane.image.size, plane.output, shape.kernel].map(|[h, w]| h * w);
    let groups = (step(&plane) / shape.batch).max(1);
    pool::chunks_mut(out, taps * groups, |start, out| {
        let together = plane.together();
        let mut scratch = zeros(plane.size * together + taps * WIDTH);
        let (copies, sums) = scratch.as_mut_slice::<f32>().split_at_mut(plane.size * together);
        for (i, out) in out.chunks_exact_mut(taps).enumerate() {
            let (channel, apart) = (start / taps + i, shape.groups * from);
            sums.fill(0.0);
            for first in (0..shape.batch).step_by(together) {
                let source = &input[first * apart + channel * from..];
                let count = together.min(shape.batch - first);
                dispatch_lanes(Fill { plane, source, apart, count, copies });
                for (i, copy) in copies.chunks_exact(plane.size).take(count).enumerate() {
                    let grad = &grad[((first + i) * shape.groups + channel) * to..][..to];
                    dispatch_lanes(Dots { plane, grad, copy, sums });
                }
            }
            for (out, lanes) in out.iter_mut().zip(sums.as_chunks::<WIDTH>().0) {
                *out = lanes.iter().sum();
            }
        }
    });
}

/// Adds to the sums, lane by lane, of the gradient times what each position of the window sees.
struct Dots<'a> {
    plane: Plane,
    grad: &'a [f32],
    copy: &'a [f32],
    sums: &'a mut [f32],
}

impl LaneKernel for Dots<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        match (self.plane.kernel, self.plane.stride[0]) {
            (3, 1) => self.dots::<L::Part, 3, 3, 1>(0),
            (3, _) => self.dots::<L::Part, 3, 3, 2>(0),
            (_, 1) if L::PARTED => {
                self.dots::<L::Part, 2, 5, 1>(0);
                self.dots::<L::Part, 2, 5, 1>(2);
                self.dots::<L::Part, 1, 5, 1>(4);
            }
            (_, 1) => self.dots::<L::Part, 5, 5, 1>(0),
            _ => self.dots::<L::Part, 5, 5, 2>(0),
        }
    }
}

impl Dots<'_> {
    /// With a window of K×K and step S, of H lines of the window from one on.
    #[inline(always)]
    fn dots<P: Part, const H: usize, const K: usize, const S: usize>(&mut self, first: usize) {
        let Dots { plane, grad, copy, ref mut sums, .. } = *self;
        let (width, line, pitch) = (plane.output[1], plane.line, plane.pitch);
        let last = (plane.output[0] - 1) * S + K - 1;
        assert!(first + H <= K && grad.len() == plane.output[0] * width);
        assert!((last + 1) * line + width.next_multiple_of(P::COUNT) + K <= copy.len());
        let mut lanes = [[P::splat(0.0); K]; H];
        for (row, grad) in grad.chunks_exact(width).enumerate() {
            for column in (0..width).step_by(P::COUNT) {
                let (at, n) = (grad.as_ptr().wrapping_add(column), width - column);
                // SAFETY: inside the line.
                let g = unsafe { if n >= P::COUNT { P::read(at) } else { P::read_some(at, n) } };
                for y in 0..H {
                    let at = (row * S + first + y) * line + column;
                    for x in 0..K {
                        // SAFETY: asserted above.
                        let pixels = unsafe { P::read(copy.as_ptr().add(at + x % S * pitch + x / S)) };
                        lanes[y][x] = g.mul_add(pixels, lanes[y][x]);
                    }
                }
            }
        }
        for y in 0..H {
            for x in 0..K {
                let sum = sums[((first + y) * K + x) * WIDTH..][..WIDTH].as_mut_ptr();
                // SAFETY: a vector of the slice.
                unsafe { (P::read(sum) + lanes[y][x]).write(sum) };
            }
        }
    }
}
