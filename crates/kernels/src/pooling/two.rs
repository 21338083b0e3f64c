//! `f32` in windows of 2×2 side by side, sixteen at a time.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{Axis, Code, TASK};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool;
use std::ops::Range;

/// Half a vector: lines of so few windows go in pairs.
const HALF: usize = WIDTH / 2;

/// Windows over planes of `size`, of which `windows` fit.
#[derive(Clone, Copy)]
pub(super) struct Pairs {
    size: [usize; 2],
    windows: [usize; 2],
}

impl Pairs {
    /// Where windows are pairs and their lines fill the lanes well.
    pub(super) fn of([rows, cols]: &[Axis; 2]) -> Option<Pairs> {
        let windows = [rows.output(), cols.output()];
        let fit = rows.is_pairs() && cols.is_pairs() && windows[0] > 0 && windows[1] >= WIDTH / 3;
        fit.then_some(Pairs { size: [rows.input, cols.input], windows })
    }

    /// Numbers of a task: whole planes.
    fn task(self) -> usize {
        let plane = self.windows[0] * self.windows[1];
        plane * (TASK / (4 * plane)).max(1)
    }

    /// The first pixel that a row of windows sees, rows counted over all planes.
    #[inline(always)]
    fn first(self, row: usize) -> usize {
        (row / self.windows[0] * self.size[0] + row % self.windows[0] * 2) * self.size[1]
    }

    /// Whether a vector is halves of two rows.
    fn is_narrow(self) -> bool {
        self.windows[1] <= HALF
    }

    /// Where the halves of a vector begin, from a window of a row on: among the windows and among the pixels.
    #[inline(always)]
    fn halves(self, row: usize, column: usize) -> [[usize; 2]; 2] {
        let first = [row * self.windows[1] + column, self.first(row) + 2 * column];
        let second = if self.is_narrow() {
            [first[0] + self.windows[1], self.first(row + 1)]
        } else {
            [first[0] + HALF, first[1] + WIDTH]
        };
        [first, second]
    }
}

/// Vectors of eight numbers from two places each, which may be neighbours.
trait Halves: Copy {
    fn load<L: Lanes>(all: &[Self], places: [usize; 2]) -> L;
    fn store<L: Lanes>(lanes: L, all: &mut [Self], places: [usize; 2]);
}

impl Halves for f32 {
    #[inline(always)]
    fn load<L: Lanes>(all: &[f32], [low, high]: [usize; 2]) -> L {
        let [low, high] = [&all[low..][..HALF], &all[high..][..HALF]];
        match (low.first_chunk(), high.first_chunk()) {
            (Some(low), Some(high)) => L::load_halves(low, high),
            _ => L::zero(),
        }
    }
    #[inline(always)]
    fn store<L: Lanes>(lanes: L, all: &mut [f32], places: [usize; 2]) {
        let mut both = [0.0; WIDTH];
        lanes.store(&mut both);
        for (i, at) in places.into_iter().enumerate() {
            all[at..][..HALF].copy_from_slice(&both[i * HALF..][..HALF]);
        }
    }
}

impl Halves for u8 {
    #[inline(always)]
    fn load<L: Lanes>(all: &[u8], places: [usize; 2]) -> L {
        // As numbers, so that they meet in a register.
        let half = |at: usize| all[at..].first_chunk().map_or(0, |half| u64::from_le_bytes(*half));
        let [low, high] = places.map(|at| u128::from(half(at)));
        L::load_bytes(&(low | high << 64).to_le_bytes())
    }
    #[inline(always)]
    fn store<L: Lanes>(lanes: L, all: &mut [u8], places: [usize; 2]) {
        let mut both = [0; WIDTH];
        lanes.store_bytes(&mut both);
        for (i, at) in places.into_iter().enumerate() {
            all[at..][..HALF].copy_from_slice(&both[i * HALF..][..HALF]);
        }
    }
}

/// The maxima, and their positions in the windows if bytes tell them.
pub(super) fn max<C: Code>(x: &[f32], pairs: Pairs, out: &mut [f32], codes: &mut [C]) {
    pool::chunks_mut_2(out, codes, pairs.task(), |start, out, codes| {
        let codes = C::bytes_mut(codes);
        dispatch_lanes(Lines { x, pairs, start, out, job: Max { codes } });
    });
}

/// The sums over a divisor.
pub(super) fn average(x: &[f32], pairs: Pairs, divisor: f32, out: &mut [f32]) {
    pool::chunks_mut(out, pairs.task(), |start, out| {
        dispatch_lanes(Lines { x, pairs, start, out, job: Average { divisor } });
    });
}

/// The transpose of [`max`], from its positions.
pub(super) fn scatter(g: &[f32], codes: &[u8], pairs: Pairs, gx: &mut [f32]) {
    backward(g, pairs, gx, |windows| Place { codes: &codes[windows] });
}

/// The transpose of [`average`].
pub(super) fn average_backward(g: &[f32], pairs: Pairs, divisor: f32, gx: &mut [f32]) {
    backward(g, pairs, gx, |_| Share { divisor });
}

fn backward<W: Weigh>(g: &[f32], pairs: Pairs, gx: &mut [f32], weigh: impl Fn(Range<usize>) -> W + Sync) {
    let ([height, width], windows) = (pairs.size, pairs.windows[0] * pairs.windows[1]);
    let size = height * width;
    pool::chunks_mut(gx, (TASK / size).max(1) * size, |start, gx| {
        let part = start / size * windows..(start + gx.len()) / size * windows;
        dispatch_lanes(Backward { g: &g[part.clone()], weigh: weigh(part), pairs, gx });
    });
}

/// Which part of their gradient some windows give to their four places.
trait Weigh {
    fn four<L: Lanes>(&self, g: L, windows: Range<usize>) -> [L; 4];
    /// Of two halves.
    fn halves<L: Lanes>(&self, g: L, windows: [usize; 2]) -> [L; 4];
}

struct Place<'a> {
    codes: &'a [u8],
}

impl Place<'_> {
    #[inline(always)]
    fn of<L: Lanes>(g: L, code: L) -> [L; 4] {
        let mut four = [g; 4];
        for place in 0..4 {
            four[place] = g.where_equal(code, L::splat(place as f32));
        }
        four
    }
}

impl Weigh for Place<'_> {
    #[inline(always)]
    fn four<L: Lanes>(&self, g: L, windows: Range<usize>) -> [L; 4] {
        Self::of(g, L::load_bytes(&self.codes[windows]))
    }
    #[inline(always)]
    fn halves<L: Lanes>(&self, g: L, windows: [usize; 2]) -> [L; 4] {
        Self::of(g, u8::load(self.codes, windows))
    }
}

struct Share {
    divisor: f32,
}

impl Weigh for Share {
    #[inline(always)]
    fn four<L: Lanes>(&self, g: L, _: Range<usize>) -> [L; 4] {
        [g / L::splat(self.divisor); 4]
    }
    #[inline(always)]
    fn halves<L: Lanes>(&self, g: L, _: [usize; 2]) -> [L; 4] {
        self.four(g, 0..0)
    }
}

/// The gradients of some planes.
struct Backward<'a, W> {
    g: &'a [f32],
    weigh: W,
    pairs: Pairs,
    gx: &'a mut [f32],
}

impl<W: Weigh> LaneKernel for Backward<'_, W> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let Pairs { size: [_, width], windows: [_, columns] } = self.pairs;
        let (rows, narrow) = (self.g.len() / columns, self.pairs.is_narrow());
        let mut row = 0;
        while row < rows {
            let mut column = 0;
            while column < columns {
                let [[from, to], [second, to_second]] = self.pairs.halves(row, column);
                // What is too much of a line goes over the next one, which must be written later.
                let in_order = columns <= WIDTH || column + WIDTH <= columns;
                let fits = second + HALF <= self.g.len() && to_second + width + WIDTH <= self.gx.len();
                if !(in_order && fits && (!narrow || row + 1 < rows)) {
                    self.some::<L>(row, column);
                } else {
                    let four = if narrow {
                        self.weigh.halves(f32::load(self.g, [from, second]), [from, second])
                    } else {
                        self.weigh.four(L::load_some(&self.g[from..][..WIDTH]), from..from + WIDTH)
                    };
                    let upper = L::interleave(four[0], four[1]);
                    let lower = L::interleave(four[2], four[3]);
                    upper[0].store_some(&mut self.gx[to..][..WIDTH]);
                    if narrow {
                        lower[0].store_some(&mut self.gx[to + width..][..WIDTH]);
                        self.blank(row);
                        row += 1;
                        upper[1].store_some(&mut self.gx[to_second..][..WIDTH]);
                    } else {
                        upper[1].store_some(&mut self.gx[to_second..][..WIDTH]);
                        lower[0].store_some(&mut self.gx[to + width..][..WIDTH]);
                    }
                    lower[1].store_some(&mut self.gx[to_second + width..][..WIDTH]);
                }
                column += WIDTH;
            }
            self.blank(row);
            row += 1;
        }
    }
}

impl<W: Weigh> Backward<'_, W> {
    /// Up to a vector of windows of one row.
    #[inline(always)]
    fn some<L: Lanes>(&mut self, row: usize, column: usize) {
        let Pairs { size: [_, width], windows: [_, columns] } = self.pairs;
        let n = WIDTH.min(columns - column);
        let from = row * columns + column;
        let four = self.weigh.four(L::load_some(&self.g[from..from + n]), from..from + n);
        let (upper, lower) = self.gx[self.pairs.first(row)..][..2 * width].split_at_mut(width);
        put([four[0], four[1]], &mut upper[2 * column..][..2 * n]);
        put([four[2], four[3]], &mut lower[2 * column..][..2 * n]);
    }

    /// What no window of a row sees, and behind the last row.
    #[inline(always)]
    fn blank(&mut self, row: usize) {
        let Pairs { size: [height, width], windows: [rows, columns] } = self.pairs;
        let first = self.pairs.first(row);
        if 2 * columns < width {
            for line in 0..2 {
                self.gx[first + line * width..][2 * columns..width].fill(0.0);
            }
        }
        if row % rows + 1 == rows {
            self.gx[first + 2 * width..][..(height - 2 * rows) * width].fill(0.0);
        }
    }
}

/// Two vectors side by side.
#[inline(always)]
fn put<L: Lanes>([even, odd]: [L; 2], to: &mut [f32]) {
    let [low, high] = L::interleave(even, odd);
    let (one, two) = to.split_at_mut(to.len().min(WIDTH));
    low.store_some(one);
    high.store_some(two);
}

/// What is asked of the four numbers of each window.
trait Job {
    /// A number and, perhaps, a code.
    fn window<L: Lanes>(&self, four: [L; 4]) -> [L; 2];
    /// Where codes go, if they are wanted.
    fn codes(&mut self) -> Option<&mut [u8]>;
}

struct Max<'a> {
    codes: Option<&'a mut [u8]>,
}

impl Job for Max<'_> {
    #[inline(always)]
    fn window<L: Lanes>(&self, [a, b, c, d]: [L; 4]) -> [L; 2] {
        let best = L::larger((a, L::zero()), (b, L::splat(1.0)));
        let best = L::larger(best, (c, L::splat(2.0)));
        let (best, code) = L::larger(best, (d, L::splat(3.0)));
        [best, code]
    }
    #[inline(always)]
    fn codes(&mut self) -> Option<&mut [u8]> {
        self.codes.as_deref_mut()
    }
}

struct Average {
    divisor: f32,
}

impl Job for Average {
    #[inline(always)]
    fn window<L: Lanes>(&self, [a, b, c, d]: [L; 4]) -> [L; 2] {
        [(a + b + c + d) / L::splat(self.divisor), L::zero()]
    }
    #[inline(always)]
    fn codes(&mut self) -> Option<&mut [u8]> {
        None
    }
}

struct Lines<'a, J> {
    x: &'a [f32],
    pairs: Pairs,
    /// The first number of the output.
    start: usize,
    out: &'a mut [f32],
    job: J,
}

impl<J: Job> LaneKernel for Lines<'_, J> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let Pairs { size: [_, width], windows: [_, columns] } = self.pairs;
        let (rows, narrow) = (self.out.len() / columns, self.pairs.is_narrow());
        // Tasks are whole planes.
        self.x = &self.x[self.pairs.first(self.start / columns)..];
        let mut row = 0;
        while row < rows {
            let mut column = 0;
            while column < columns {
                let [[to, from], [to_second, second]] = self.pairs.halves(row, column);
                // What is too much of a row the next one overwrites.
                let fits = to_second + HALF <= self.out.len() && second + width + WIDTH <= self.x.len();
                if fits && (!narrow || row + 1 < rows) {
                    let load = |at: usize| L::load_some(&self.x[at..][..WIDTH]);
                    let [a, b] = L::alternate(load(from), load(second));
                    let [c, d] = L::alternate(load(from + width), load(second + width));
                    let [value, code] = self.job.window([a, b, c, d]);
                    if narrow {
                        f32::store(value, self.out, [to, to_second]);
                        if let Some(codes) = self.job.codes() {
                            u8::store(code, codes, [to, to_second]);
                        }
                        row += 1;
                    } else {
                        value.store_some(&mut self.out[to..][..WIDTH]);
                        if let Some(codes) = self.job.codes() {
                            code.store_bytes(&mut codes[to..][..WIDTH]);
                        }
                    }
                } else {
                    self.some::<L>(row, column);
                }
                column += WIDTH;
            }
            row += 1;
        }
    }
}

impl<J: Job> Lines<'_, J> {
    /// Up to a vector of windows of one row.
    #[inline(always)]
    fn some<L: Lanes>(&mut self, row: usize, column: usize) {
        let Pairs { size: [_, width], windows: [_, columns] } = self.pairs;
        let (upper, lower) = self.x[self.pairs.first(row)..][..width + 2 * columns].split_at(width);
        let n = WIDTH.min(columns - column);
        let [a, b] = pairs::<L>(&upper[2 * column..][..2 * n]);
        let [c, d] = pairs::<L>(&lower[2 * column..][..2 * n]);
        let [value, code] = self.job.window([a, b, c, d]);
        let to = row * columns + column..row * columns + column + n;
        value.store_some(&mut self.out[to.clone()]);
        if let Some(codes) = self.job.codes() {
            code.store_bytes(&mut codes[to]);
        }
    }
}

/// The elements at even and odd places.
#[inline(always)]
fn pairs<L: Lanes>(x: &[f32]) -> [L; 2] {
    let low = L::load_some(&x[..x.len().min(WIDTH)]);
    let high = L::load_some(&x[x.len().min(WIDTH)..]);
    L::alternate(low, high)
}

#[cfg(test)]
mod tests {
    use crate::pooling::{Axis, max, scatter};
    use crate::rng;

    /// `f64` takes the other way.
    #[test]
    fn agrees_with_the_general_way() {
        for (height, width) in
            [(2, 2), (3, 5), (28, 28), (14, 14), (7, 66), (4, 33), (2, 131), (6, 10), (15, 15), (9, 17)]
        {
            let mut x: Vec<f32> =
                (0..5 * height * width).map(|i| (rng::normal_f32(1, i as u64) * 2.0).round()).collect();
            for i in (0..x.len()).step_by(11) {
                x[i] = if i % 2 == 0 { f32::NAN } else { f32::NEG_INFINITY };
            }
            let wide: Vec<f64> = x.iter().map(|&x| x.into()).collect();
            let axes = [height, width].map(|n| Axis::sliding([n, n / 2], 2, 2, 0, 1));
            let n = 5 * (height / 2) * (width / 2);
            let (mut out, mut codes) = (vec![0f32; n], vec![9u8; n]);
            max(&x, &axes, &mut out, &mut codes);
            let (mut wide_out, mut wide_codes) = (vec![0f64; n], vec![9u8; n]);
            max(&wide, &axes, &mut wide_out, &mut wide_codes);
            assert_eq!(codes, wide_codes, "{height} × {width}");
            assert!(
                out.iter()
                    .zip(&wide_out)
                    .all(|(&a, &b)| f64::from(a).total_cmp(&b).is_eq() || a.is_nan() && b.is_nan())
            );
            let (mut back, mut wide_back) = (vec![9f32; x.len()], vec![9f64; x.len()]);
            scatter(&out, &codes, &axes, &mut back);
            scatter(&wide_out, &codes, &axes, &mut wide_back);
            assert!(
                back.iter().zip(&wide_back).all(|(&a, &b)| f64::from(a) == b || a.is_nan() && b.is_nan())
            );
        }
    }
}
