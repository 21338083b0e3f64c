//! Rows too short to be vectors by themselves, of `f32`: sixteen pass together, each a lane. What is calculated of a row
//! does not depend on the others.

use crate::dtype::{DType, floats, floats_mut};
use crate::lanes::turn::{Pixel, read, write};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::num::{Float, Num};
use crate::reduce::{Max, Reducer};
use crate::softmax::{Softmax, Terms};

/// The most elements of such a row.
const LONGEST: usize = 48;

/// Whether an operand of so many rows of that length, which is not 0, goes this way: fewer are done sooner one by one.
pub(crate) fn serves<T: Float>(rows: usize, len: usize) -> bool {
    T::DTYPE == DType::F32 && (1..=LONGEST).contains(&len) && rows >= 4
}

/// So many rows, or a little fewer, that fill whole passes.
pub(crate) fn whole(rows: usize) -> usize {
    if rows > WIDTH { rows - rows % WIDTH } else { rows }
}

/// Element a of sixteen rows, for every a, and room for the fifteen that are read beyond a row's end.
#[repr(align(64))]
struct Block([Pixel; LONGEST + WIDTH - 1]);

impl Block {
    fn new() -> Block {
        Block([[0.0; WIDTH]; LONGEST + WIDTH - 1])
    }
}

/// [`softmax`](crate::softmax::softmax) of rows, where this way [`serves`].
pub(crate) fn softmax<T: Float>(kind: Softmax, x: &[T], len: usize, out: &mut [T]) {
    let (Some(x), Some(out)) = (floats(x), floats_mut(out)) else { unreachable!("{}", T::DTYPE) };
    let mut block = Block::new();
    for (x, out) in x.chunks(WIDTH * len).zip(out.chunks_mut(WIDTH * len)) {
        let exp = if kind == Softmax::Log { Exp::Term } else { Exp::Kept };
        let [largest, mut sums] = dispatch_lanes(Sums { x, len, exp, block: &mut block });
        for (sum, &largest) in sums.iter_mut().zip(&largest) {
            let nothing = kind == Softmax::Safe && largest == f32::NEG_INFINITY;
            *sum = match kind {
                Softmax::Log => Num::ln(*sum),
                _ if nothing => 0.0,
                _ => 1.0 / *sum,
            };
        }
        if kind == Softmax::Log {
            dispatch_lanes(Shifted { shifts: [&largest, &sums], len, block: &mut block, out });
        } else {
            let zeros = kind == Softmax::Safe;
            dispatch_lanes(Scaled { scale: &sums, zeros, len, block: &mut block, out });
        }
    }
}

/// [`softmax::backward`](crate::softmax::backward) of rows, where this way [`serves`].
pub(crate) fn softmax_backward<T: Float>(log: bool, [g, y]: [&[T]; 2], len: usize, out: &mut [T]) {
    let (Some(g), Some(y), Some(out)) = (floats(g), floats(y), floats_mut(out)) else {
        unreachable!("{}", T::DTYPE)
    };
    let mut blocks = [Block::new(), Block::new()];
    let rows = g.chunks(WIDTH * len).zip(y.chunks(WIDTH * len));
    for ((g, y), out) in rows.zip(out.chunks_mut(WIDTH * len)) {
        if log {
            dispatch_lanes(Backward::<true> { g, y, len, blocks: &mut blocks, out });
        } else {
            dispatch_lanes(Backward::<false> { g, y, len, blocks: &mut blocks, out });
        }
    }
}

/// Calls `f` with the number and Σ exp(x − maximum) of each row; and puts exp(x − maximum) / Σ · `scale(row)` into `gradient`,
/// unless that is empty. Where this way [`serves`].
pub(crate) fn terms<T: Float>(
    x: &[T],
    len: usize,
    scale: impl Fn(usize) -> T,
    gradient: &mut [T],
    mut f: impl FnMut(usize, Terms<T>),
) {
    let (Some(x), Some(gradient)) = (floats(x), floats_mut(gradient)) else { unreachable!("{}", T::DTYPE) };
    let exp = if gradient.is_empty() { Exp::Term } else { Exp::TermKept };
    let mut block = Block::new();
    for (i, x) in x.chunks(WIDTH * len).enumerate() {
        let [largest, sums] = dispatch_lanes(Sums { x, len, exp, block: &mut block });
        let (first, rows) = (i * WIDTH, x.len() / len);
        if exp == Exp::TermKept {
            let mut factors = [0.0; WIDTH];
            for (row, factor) in factors[..rows].iter_mut().enumerate() {
                *factor = scale(first + row).to_f32() / sums[row];
            }
            let out = &mut gradient[first * len..][..x.len()];
            dispatch_lanes(Scaled { scale: &factors, zeros: false, len, block: &mut block, out });
        }
        for row in 0..rows {
            let [shift, sum] = [largest[row], sums[row]].map(|v| T::lit(f64::from(v)));
            f(first + row, Terms { shift, sum });
        }
    }
}

/// What is taken of each element before the sum.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exp {
    /// Kept in its place.
    Kept,
    /// In fewer steps, and kept.
    TermKept,
    /// In fewer steps; the elements stay.
    Term,
}

/// Reads sixteen rows, and gives their maxima and the sums of exp(x − maximum).
struct Sums<'a> {
    x: &'a [f32],
    len: usize,
    exp: Exp,
    block: &'a mut Block,
}
impl LaneKernel for Sums<'_> {
    type Output = [Pixel; 2];
    #[inline(always)]
    fn run<L: Lanes>(self) -> [Pixel; 2] {
        let Sums { x, len, exp, block } = self;
        read::<L, f32>(x, len, 0..len, &mut block.0);
        let pixels = &mut block.0[..len];
        let mut largest = [f32::NEG_INFINITY; WIDTH];
        for pixel in &*pixels {
            for k in 0..WIDTH {
                largest[k] = Max.combine(largest[k], pixel[k]);
            }
        }
        let sums = match exp {
            Exp::Kept => sum::<true, false>(pixels, &largest),
            Exp::TermKept => sum::<true, true>(pixels, &largest),
            Exp::Term => sum::<false, true>(pixels, &largest),
        };
        [largest, sums]
    }
}

#[inline(always)]
fn sum<const KEEP: bool, const TERM: bool>(pixels: &mut [Pixel], largest: &Pixel) -> Pixel {
    let mut sums = [0.0; WIDTH];
    for pixel in pixels {
        for k in 0..WIDTH {
            let v = pixel[k] - largest[k];
            let e = if TERM { v.exp_term() } else { Num::exp(v) };
            if KEEP {
                pixel[k] = e;
            }
            sums[k] += e;
        }
    }
    sums
}

/// Writes sixteen rows, each times its scale, or zeros for a scale of 0 with `zeros`.
struct Scaled<'a> {
    scale: &'a Pixel,
    zeros: bool,
    len: usize,
    block: &'a mut Block,
    out: &'a mut [f32],
}
impl LaneKernel for Scaled<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Scaled { scale, zeros, len, block, out } = self;
        for pixel in &mut block.0[..len] {
            for k in 0..WIDTH {
                let v = pixel[k] * scale[k];
                pixel[k] = if zeros & (scale[k] == 0.0) { 0.0 } else { v };
            }
        }
        write::<L, f32>(&block.0, out, len, 0..len);
    }
}

/// Writes sixteen rows less two numbers of each: first the maximum, beside which the logarithm would be rounded away.
struct Shifted<'a> {
    shifts: [&'a Pixel; 2],
    len: usize,
    block: &'a mut Block,
    out: &'a mut [f32],
}
impl LaneKernel for Shifted<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Shifted { shifts: [first, second], len, block, out } = self;
        for pixel in &mut block.0[..len] {
            for k in 0..WIDTH {
                pixel[k] = (pixel[k] - first[k]) - second[k];
            }
        }
        write::<L, f32>(&block.0, out, len, 0..len);
    }
}

/// The gradients of sixteen rows from those of their results.
struct Backward<'a, const LOG: bool> {
    g: &'a [f32],
    y: &'a [f32],
    len: usize,
    blocks: &'a mut [Block; 2],
    out: &'a mut [f32],
}
impl<const LOG: bool> LaneKernel for Backward<'_, LOG> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Backward { g, y, len, blocks: [gs, ys], out } = self;
        read::<L, f32>(g, len, 0..len, &mut gs.0);
        read::<L, f32>(y, len, 0..len, &mut ys.0);
        let mut sums = [0.0; WIDTH];
        for (g, y) in gs.0[..len].iter().zip(&ys.0) {
            for k in 0..WIDTH {
                sums[k] += if LOG { g[k] } else { g[k] * y[k] };
            }
        }
        for (g, y) in gs.0[..len].iter_mut().zip(&ys.0) {
            for k in 0..WIDTH {
                g[k] = if LOG { g[k] - Num::exp(y[k]) * sums[k] } else { y[k] * (g[k] - sums[k]) };
            }
        }
        write::<L, f32>(&gs.0, out, len, 0..len);
    }
}
