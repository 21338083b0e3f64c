//! Products of `f32` matrices that fit into the second-level cache, as training steps are made of, and of larger ones along
//! the rows of both.
//!
//! The result is computed in tiles that stay in registers: a few rows, and columns in [lanes](crate::lanes). Columns
//! whose elements are neighbours in memory are read where they lie; others are packed first, in panels of a tile's
//! width ([`panels`](super::panels)). Where that is less work the product is turned round (bᵀ·aᵀ), and the tiles are
//! stored transposed.

use super::operand::{Operand, operands};
use super::packed::Packed;
use super::panels::Panels;
use super::{Finish, MANY, Matrix};
use crate::alloc::try_alloc;
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, is_narrow, opaque, prefetch, tile_size};
use crate::pool::{self, SendPtr};
use std::ops::Range;

/// The most elements of the larger operand, a second-level cache full of them.
pub(super) const MOST: usize = 1 << 18;
/// Rows of a multiple of so many elements, one after another, fall onto few lines of the first-level cache. Told by the length of
/// the sums, since sizes alone decide how an element is computed.
const COLLIDE: usize = 512;
/// Fewer rows or columns would leave too many lanes empty.
pub(super) const LEAST: usize = 8;
/// Where the larger operand does not fit, the most terms that are summed up at a time: a panel of them is a quarter of
/// that cache.
const SLICE: usize = 512;
/// The most elements of all panels that stay in that cache beside the rows.
const STAY: usize = 1 << 16;
/// The least length of the sums.
pub(super) const SHORTEST: usize = 24;
/// Steps of a sum between which what is read next is asked for.
const STEPS: usize = 8 * WIDTH;
/// Multiply-adds that are worth a task.
const TASK: usize = 1 << 17;

/// The result, with tiles of some rows and lanes.
struct Output<'a> {
    data: SendPtr<f32>,
    /// From row to row of a tile.
    rows: usize,
    /// From lane to lane; one of the two is 1.
    lanes: usize,
    accumulate: bool,
    finish: Finish<'a, f32>,
}

/// Whether [`multiply`] is the better way.
pub(super) fn are_ours([m, k, n]: [usize; 3], a: &Matrix<'_, f32>, b: &Matrix<'_, f32>) -> bool {
    if m.min(n) < LEAST || k < SHORTEST {
        return false;
    }
    if fits([m, k, n]) && m.min(n) < MANY {
        let neighbours = a.rows == 1 || b.columns == 1;
        if neighbours && is_narrow() {
            // The library packs neighbours too, which pays where tiles are so small that many share a panel.
            return false;
        }
        // Short sums over neighbours spend their time in stores, which the library does better.
        return m * n < 1 << 15 || k >= 128 || !neighbours;
    }
    // The library packs neighbours along the sum element by element, for which many rows and columns make up; later where the
    // elements displace each other from the first-level cache.
    let most = if k.is_multiple_of(COLLIDE) && !is_narrow() { 4 * MANY } else { MANY };
    m.min(n) <= most && a.columns == 1 && b.rows == 1
}

/// Whether the second-level cache has room for the larger operand.
fn fits([m, k, n]: [usize; 3]) -> bool {
    k.saturating_mul(m.max(n)) <= MOST
}

/// What a product costs by a rough count of instructions: sums over `m` rows and padded lanes, and the packing of
/// lanes that are no neighbours.
fn cost(lanes: Operand, m: usize, k: usize, n: usize) -> usize {
    let packing = if lanes.across == 1 { 0 } else { n * k / 3 };
    n.div_ceil(WIDTH / 2) * m * k / 2 + packing
}

/// out = a·b, or out += a·b where `accumulate`, with its finish; the rows of `out`, of n elements, follow each other.
/// What is `packed` is b, and makes no difference to the result. False if there was no memory for packing; nothing is done then.
///
/// # Safety
/// Every element of a (m×k) and b (k×n) lies inside its slice, and the elements of `out` may be written.
pub(super) unsafe fn multiply(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, f32>,
    b: Matrix<'_, f32>,
    out: SendPtr<f32>,
    accumulate: bool,
    finish: Finish<'_, f32>,
    packed: Option<&Packed>,
) -> bool {
    // SAFETY: the offsets are those of elements.
    let (a, b) = unsafe { operands(a, b) };
    let fits = fits([m, k, n]);
    let turned = !(fits && packed.is_some()) && cost(a, n, k, m) < cost(b, m, k, n);
    let packed = packed.filter(|_| !turned);
    let smaller = m.min(n);
    let step = n;
    let (rows, lanes, [m, n]) = if turned { (b, a, [n, m]) } else { (a, b, [m, n]) };
    let tile = tile_size(n);
    let width = tile[1] * WIDTH;
    // Where the product fits, turned or not it is cut at the same places.
    let slices = match fits {
        true if !a.collide() && !b.collide() => 1,
        true => k.div_ceil(SLICE.max(STAY / smaller)),
        false => k.div_ceil(SLICE.max(STAY / n)),
    };
    let slice = k.div_ceil(slices).next_multiple_of(WIDTH).min(k);
    // Rows one after another where all panels stay, or where none is packed on the way: each row comes from memory once.
    let rows_first = packed.is_some() || (slice * n <= STAY && m * slice > MOST);
    // The memory of one panel stays in the cache, where that of all might displace what they are packed from.
    let one_at_a_time = pool::is_alone() && !rows_first;
    let room = match packed {
        Some(_) => 0,
        None => Panels::room(lanes, [slice, n, width], one_at_a_time),
    };
    let memory = if room == 0 { None } else { try_alloc(room) };
    if room > 0 && memory.is_none() {
        return false;
    }
    for first in (0..k).step_by(slice) {
        let here = slice.min(k - first);
        // SAFETY: the sum has so many terms.
        let (rows, lanes) = unsafe { (rows.along(first), lanes.along(first)) };
        let panels = match packed {
            Some(packed) => Panels::of(packed, lanes, first..first + here),
            None => Panels::new(lanes, [here, n, width], one_at_a_time, memory.as_ref()),
        };
        let out = Output {
            data: SendPtr(out.get()),
            rows: if turned { 1 } else { step },
            lanes: if turned { step } else { 1 },
            accumulate: accumulate || first > 0,
            finish: if first + here == k { finish } else { Finish::default() },
        };
        run(rows, m, tile[0], &panels, [rows_first, turned], &out);
    }
    true
}

/// All tiles, as tasks of the pool. Any division gives the same result: no sum is cut.
fn run(
    rows: Operand,
    m: usize,
    most: usize,
    panels: &Panels<'_>,
    [rows_first, turned]: [bool; 2],
    out: &Output<'_>,
) {
    let count = panels.count();
    // As many for each thread, if that leaves them enough rows to keep the processor multiplying.
    let threads = pool::threads_at_hand();
    let even = m.div_ceil(most).next_multiple_of(threads);
    let tiles = if m / even >= most * 2 / 3 { even } else { m.div_ceil(most) };
    let wanted = if threads == 1 { 1 } else { (m * panels.k * panels.n / TASK).max(1) };
    // Panels one after another, so that each stays in the cache while all rows pass, and with the thread that packed it. But
    // columns of the right operand, which is a layer's weight in most cases, are rows of a product that was turned, and stay
    // with a thread: a line that others read too is slow to write in the optimiser's step.
    let by_rows = rows_first || (turned && threads > 1 && m > panels.n);
    let [groups, parts] = if by_rows {
        let groups = wanted.min(tiles);
        [groups, wanted.div_ceil(groups).min(count)]
    } else {
        let parts = wanted.min(count);
        [wanted.div_ceil(parts).min(tiles), parts]
    };
    pool::run(groups * parts, &|task| {
        let (group, part) = if by_rows {
            // Later groups begin with other panels, or all threads would wait for the first to be packed.
            let group = task / parts;
            (group, (task + group * parts / groups) % parts)
        } else {
            (task % groups, task / groups)
        };
        dispatch_lanes(Tiles {
            m,
            rows,
            most,
            tiles,
            range: tiles * group / groups..tiles * (group + 1) / groups,
            panels,
            some: count * part / parts..count * (part + 1) / parts,
            rows_first,
            out,
        });
    });
}

/// Some of the tiles: those of a range of rows and of some panels.
struct Tiles<'a> {
    m: usize,
    rows: Operand,
    /// The most rows of a tile.
    most: usize,
    /// All rows are cut into so many tiles.
    tiles: usize,
    range: Range<usize>,
    panels: &'a Panels<'a>,
    some: Range<usize>,
    /// Whether a tile's rows, and not a panel, are what the last tile has not used.
    rows_first: bool,
    out: &'a Output<'a>,
}

impl LaneKernel for Tiles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let k = self.panels.k;
        let apart = match self.rows.collide() {
            true => try_alloc(self.most * (k + WIDTH) * size_of::<f32>()),
            false => None,
        };
        // All that is asked for comes evenly: the processor waits for few lines at a time.
        let [wanted, over] =
            if self.rows_first { [self.most, self.panels.count()] } else { [self.panels.width, self.tiles] };
        let pace = wanted.div_ceil(over);
        let [panels, tiles] = [self.some.len(), self.range.len()];
        for i in 0..panels * tiles {
            let (panel, tile) =
                if self.rows_first { (i % panels, i / panels) } else { (i / tiles, i % tiles) };
            let (panel, tile) = (self.some.start + panel, self.range.start + tile);
            let lanes = self.panels.get(panel);
            let from = self.m * tile / self.tiles;
            let rows = self.m * (tile + 1) / self.tiles - from;
            // SAFETY: there are as many.
            let mut operand = unsafe { self.rows.skip(from) };
            if let Some(memory) = &apart {
                let to = Operand { data: memory.ptr().cast::<f32>(), across: k + WIDTH, along: 1 };
                if !self.rows_first || panel == self.some.start {
                    // SAFETY: the memory is ours alone and has room for the rows of a tile.
                    unsafe { operand.copy(rows, k, to) };
                }
                operand = to;
            }
            let ahead = if self.rows_first {
                self.rows.ahead(from + rows + panel * pace, pace, self.m)
            } else {
                let lane = self.panels.start(panel + 1) + tile * pace;
                self.panels.operand.ahead(lane, pace, self.panels.n)
            };
            let tile = Tile {
                k,
                rows: operand,
                from,
                panel: lanes,
                ahead,
                pace,
                first_lane: self.panels.start(panel),
                lanes: self.panels.lanes(panel),
                out: self.out,
            };
            if L::WIDE[1] > 2 && tile.lanes > 2 * WIDTH {
                tile.of::<L, 3, false>(rows)
            } else if L::COLUMNS > 1 && tile.lanes > WIDTH {
                tile.of::<L, 2, false>(rows)
            } else if tile.lanes > WIDTH / 2 {
                tile.of::<L, 1, false>(rows)
            } else {
                tile.of::<L, 1, true>(rows)
            }
        }
    }
}

struct Tile<'a> {
    k: usize,
    rows: Operand,
    from: usize,
    panel: Operand,
    /// Rows or lanes that are read next, and how many. They may lie in main memory, and come meanwhile.
    ahead: Operand,
    pace: usize,
    first_lane: usize,
    lanes: usize,
    out: &'a Output<'a>,
}

impl Tile<'_> {
    /// So many rows and lanes, or half of the lanes.
    #[inline(always)]
    fn of<L: Lanes, const C: usize, const HALF: bool>(&self, rows: usize) {
        macro_rules! of {
            ($($r:literal)*) => {
                match rows {
                    $($r if $r <= if C > L::COLUMNS { L::WIDE[0] } else { L::ROWS } => {
                        self.multiply::<L, $r, C, HALF>()
                    })*
                    _ => unreachable!("more rows than a tile has"),
                }
            };
        }
        of!(1 2 3 4 5 6 7 8 9 10 11 12)
    }

    #[inline(always)]
    fn multiply<L: Lanes, const R: usize, const C: usize, const HALF: bool>(&self) {
        let (a, b) = (self.rows, self.panel);
        let mut sums = [[L::zero(); C]; R];
        // SAFETY: the rows lie inside a and the panel's lanes, padded where they end, inside b.
        unsafe {
            // Three rows to an address, or the loop would run out of registers for them.
            let mut rows = [a.data; 4];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = row.wrapping_add(3 * i * a.across);
            }
            let mut lanes = b.data;
            for first in (0..self.k).step_by(STEPS) {
                for i in 0..self.pace {
                    let ahead =
                        self.ahead.data.wrapping_add(i * self.ahead.across + first * self.ahead.along);
                    for line in 0..STEPS / WIDTH {
                        prefetch(ahead.wrapping_add(line * WIDTH * self.ahead.along));
                    }
                }
                for _ in 0..STEPS.min(self.k - first) {
                    let mut b = [L::zero(); C];
                    for (c, b) in b.iter_mut().enumerate() {
                        *b = L::load(&*lanes.add(c * WIDTH).cast());
                    }
                    for r in 0..R {
                        let a = L::splat(*rows[r / 3].add(r % 3 * a.across));
                        for c in 0..C {
                            let sum = &mut sums[r][c];
                            *sum = if HALF { a.mul_add_half(b[c], *sum) } else { a.mul_add(b[c], *sum) };
                        }
                    }
                    for row in &mut rows {
                        *row = opaque(row.wrapping_add(a.along));
                    }
                    lanes = lanes.wrapping_add(self.panel.along);
                }
            }
        }
        if self.out.rows == 1 && self.out.lanes != 1 {
            self.store_turned(sums);
        } else {
            self.store(sums);
        }
    }

    #[inline(always)]
    fn store<L: Lanes, const R: usize, const C: usize>(&self, sums: [[L; C]; R]) {
        // SAFETY: the tile's first element, of which there is one.
        let to = unsafe { self.out.data.get().add(self.from * self.out.rows + self.first_lane) };
        for (r, row) in sums.into_iter().enumerate() {
            for (c, sum) in row.into_iter().enumerate() {
                let to = to.wrapping_add(r * self.out.rows + c * WIDTH);
                // SAFETY: the tile's elements of the result are ours alone, and so many of them follow each other.
                let to = unsafe { std::slice::from_raw_parts_mut(to, (self.lanes - c * WIDTH).min(WIDTH)) };
                self.put(sum, to, self.first_lane + c * WIDTH);
            }
        }
    }

    #[inline(always)]
    fn store_turned<L: Lanes, const R: usize, const C: usize>(&self, sums: [[L; C]; R]) {
        for c in 0..C {
            let mut rows = [L::zero(); WIDTH];
            for (r, row) in sums.iter().enumerate() {
                rows[r] = row[c];
            }
            let columns = L::transpose(rows);
            let here = WIDTH.min(self.lanes - c * WIDTH);
            for (lane, &column) in columns.iter().enumerate() {
                if lane >= here {
                    break;
                }
                let at = (self.first_lane + c * WIDTH + lane) * self.out.lanes + self.from;
                // SAFETY: as in `store`; here the R rows follow each other.
                let to = unsafe { std::slice::from_raw_parts_mut(self.out.data.get().add(at), R) };
                self.put(column, to, self.from);
            }
        }
    }

    /// Some elements of a row of the result, from this column on.
    #[inline(always)]
    fn put<L: Lanes>(&self, sum: L, to: &mut [f32], column: usize) {
        let sum = if self.out.accumulate { sum + L::load_some(to) } else { sum };
        self.out.finish.lanes(sum, column, to.len()).store_some(to);
    }
}
