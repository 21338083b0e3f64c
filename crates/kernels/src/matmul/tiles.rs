//! Products of `f32` matrices that fit into the second-level cache, as training steps are made of.
//!
//! The result is computed in tiles that stay in registers: a few rows, and columns in [lanes](crate::lanes). Columns
//! whose elements are neighbours in memory are read where they lie; others are packed first, in panels of a tile's
//! width. Where that is less work the product is turned round (bᵀ·aᵀ), and the tiles are stored transposed.

use super::{Finish, Matrix};
use crate::alloc::{Block, try_alloc};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, prefetch, tile_size};
use crate::pool::{self, SendPtr};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most elements of the larger operand, a second-level cache full of them.
const MOST: usize = 1 << 18;
/// Fewer rows or columns would leave too many lanes empty.
const LEAST: usize = 8;
/// The least length of the sums.
const SHORTEST: usize = 24;
/// Steps of the sum that are packed at a time.
const PIECE: usize = 8 * WIDTH;
/// How far ahead rows that are packed are asked for: there are more of them than the processor keeps track of.
const AHEAD: usize = 8 * WIDTH;
/// Multiply-adds that are worth a task.
const TASK: usize = 1 << 17;
/// Lanes of the next panel that are asked for during a tile: a batch of inputs comes from main memory, and comes while
/// the one before is computed.
const NEXT: usize = 2;

/// A matrix by the address of its first element.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub(super) data: *const f32,
    /// From row to row of the tile, or from lane to lane.
    pub(super) across: usize,
    /// Along the sum.
    pub(super) along: usize,
}

/// # Safety
/// The matrices have elements.
pub(super) unsafe fn operands(a: Matrix<'_, f32>, b: Matrix<'_, f32>) -> (Operand, Operand) {
    // SAFETY: the offsets are those of elements.
    let (pa, pb) = unsafe { (a.data.as_ptr().add(a.offset), b.data.as_ptr().add(b.offset)) };
    (
        Operand { data: pa, across: a.rows, along: a.columns },
        Operand { data: pb, across: b.columns, along: b.rows },
    )
}

impl Operand {
    /// From so many rows or lanes on.
    ///
    /// # Safety
    /// There must be as many.
    unsafe fn skip(&self, across: usize) -> Operand {
        // SAFETY: the caller's.
        Operand { data: unsafe { self.data.add(across * self.across) }, ..*self }
    }
}

// SAFETY: it is only read, inside `multiply`, whose caller holds the memory.
unsafe impl Sync for Operand {}
// SAFETY: as above.
unsafe impl Send for Operand {}

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
pub(super) fn is_small([m, k, n]: [usize; 3], a: &Matrix<'_, f32>, b: &Matrix<'_, f32>) -> bool {
    // Short sums over neighbours spend their time in stores, which the library does better.
    let stores = m * n >= 1 << 15 && k < 128 && (a.rows == 1 || b.columns == 1);
    m.min(n) >= LEAST && k >= SHORTEST && k.saturating_mul(m.max(n)) <= MOST && !stores
}

/// What a product costs by a rough count of instructions: sums over `m` rows and padded lanes, and the packing of
/// lanes that are no neighbours.
fn cost(lanes: Operand, m: usize, k: usize, n: usize) -> usize {
    let packing = if lanes.across == 1 { 0 } else { n * k / 3 };
    n.div_ceil(WIDTH / 2) * m * k / 2 + packing
}

/// out = a·b, or out += a·b where `accumulate`, with its finish; the rows of `out`, of n elements, follow each other.
/// False if there was no memory for packing; nothing is done then.
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
) -> bool {
    // SAFETY: the offsets are those of elements.
    let (a, b) = unsafe { operands(a, b) };
    let turned = cost(a, n, k, m) < cost(b, m, k, n);
    let width = n;
    let (rows, lanes, [m, n]) = if turned { (b, a, [n, m]) } else { (a, b, [m, n]) };
    let out = Output {
        data: out,
        rows: if turned { 1 } else { width },
        lanes: if turned { width } else { 1 },
        accumulate,
        finish,
    };
    let panel = tile_size().1 * WIDTH;
    let (tiles, count) = (m.div_ceil(tile_size().0), n.div_ceil(panel));
    // Any division gives the same result: no sum is cut.
    let wanted = (m * k * n / TASK).max(1);
    let Some(panels) = Panels::new(lanes, k, n, panel) else { return false };
    // Panels one after another: each stays in the cache while all rows pass, and with the thread that packed it.
    let parts = wanted.min(count);
    let groups = wanted.div_ceil(parts).min(tiles);
    pool::run(groups * parts, &|task| {
        let (group, part) = (task % groups, task / groups);
        dispatch_lanes(Tiles {
            sizes: [m, k],
            rows,
            tiles,
            range: tiles * group / groups..tiles * (group + 1) / groups,
            panels: &panels,
            some: count * part / parts..count * (part + 1) / parts,
            out: &out,
        });
    });
    true
}

/// The operand whose elements are the lanes, by panels.
struct Panels {
    operand: Operand,
    k: usize,
    n: usize,
    width: usize,
    /// Those from here on are packed before their first use: all, or the last one alone where it is not whole.
    whole: usize,
    packed: Vec<Packed>,
    memory: Option<Block>,
}

/// How far a panel is packed, by all threads that wait for it.
#[derive(Default)]
struct Packed {
    /// The next piece, and how many are done.
    next: AtomicUsize,
    done: AtomicUsize,
}

impl Packed {
    /// Returns when all pieces are done.
    fn by(&self, pieces: usize, pack: impl Fn(usize)) {
        while self.done.load(Ordering::Acquire) < pieces {
            let piece = self.next.fetch_add(1, Ordering::Relaxed);
            if piece < pieces {
                pack(piece);
                self.done.fetch_add(1, Ordering::Release);
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

impl Panels {
    /// `None` if there is no memory for packing.
    fn new(operand: Operand, k: usize, n: usize, width: usize) -> Option<Panels> {
        let whole = if operand.across == 1 { n / width } else { 0 };
        let packed: Vec<_> = (whole..n.div_ceil(width)).map(|_| Packed::default()).collect();
        let memory = match packed.len() {
            0 => None,
            count => Some(try_alloc(count * k * width * size_of::<f32>())?),
        };
        Some(Panels { operand, k, n, width, whole, packed, memory })
    }

    fn lanes(&self, panel: usize) -> usize {
        self.width.min(self.n - panel * self.width)
    }

    /// A panel's first lane where it lies.
    fn source(&self, panel: usize) -> Operand {
        // SAFETY: there is such a panel, and its first lane is below n.
        unsafe { self.operand.skip(panel * self.width) }
    }

    fn get(&self, panel: usize) -> Operand {
        let Some(memory) = self.memory.as_ref().filter(|_| panel >= self.whole) else {
            return self.source(panel);
        };
        let (k, width, number) = (self.k, self.width, panel - self.whole);
        // SAFETY: each panel has its own part of the block.
        let to = unsafe { memory.ptr().cast::<f32>().add(number * k * width) };
        self.packed[number].by(k.div_ceil(PIECE), |piece| {
            let (first, lanes, from) = (piece * PIECE, self.lanes(panel), self.source(panel));
            // SAFETY: the piece lies inside the panel.
            let (from, to) = unsafe { (from.data.add(first * from.along), to.add(first * width)) };
            let from = Operand { data: from, ..self.operand };
            dispatch_lanes(Pack { k: PIECE.min(k - first), lanes, width, from, to });
        });
        Operand { data: to, across: 1, along: width }
    }

    /// Some lanes of the next panel that will be packed, to be asked for during tile number `tile`.
    fn ahead(&self, panel: usize, tile: usize) -> [*const f32; NEXT] {
        let (panel, lane) = (panel + 1, tile * NEXT);
        let mut lanes = [self.operand.data; NEXT];
        if self.operand.along == 1 && panel * self.width + lane + NEXT <= self.n && lane + NEXT <= self.width
        {
            for (i, to) in lanes.iter_mut().enumerate() {
                // SAFETY: the lane is below n.
                *to = unsafe { self.source(panel).skip(lane + i) }.data;
            }
        }
        lanes
    }
}

/// Copies some lanes of an operand into a panel, which is filled up with zeros.
struct Pack {
    k: usize,
    lanes: usize,
    width: usize,
    from: Operand,
    to: *mut f32,
}

impl LaneKernel for Pack {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Pack { k, lanes, width, from, to } = self;
        for lane in (0..width).step_by(WIDTH) {
            let here = WIDTH.min(lanes.saturating_sub(lane));
            for p in (0..k).step_by(WIDTH) {
                let depth = WIDTH.min(k - p);
                // SAFETY: `here` lanes and `depth` steps from here on lie inside the operand, and `width` numbers for
                // each step inside the panel.
                unsafe {
                    let from = from.data.add(lane * from.across + p * from.along);
                    let to = to.add(p * width + lane);
                    if self.from.along == 1 {
                        let mut rows = [L::zero(); WIDTH];
                        for (i, row) in rows.iter_mut().enumerate() {
                            if i < here {
                                let from = from.add(i * self.from.across);
                                *row = L::load_some(std::slice::from_raw_parts(from, depth));
                                prefetch(from.wrapping_add(AHEAD));
                            }
                        }
                        let columns = L::transpose(rows);
                        for (i, column) in columns.iter().enumerate() {
                            if i < depth {
                                column.store(&mut *to.add(i * width).cast());
                            }
                        }
                    } else {
                        for i in 0..depth {
                            let from = from.add(i * self.from.along);
                            let mut row = [0.0; WIDTH];
                            for (j, v) in row.iter_mut().enumerate().take(here) {
                                *v = *from.add(j * self.from.across);
                            }
                            *to.add(i * width).cast() = row;
                        }
                    }
                }
            }
        }
    }
}

/// Some of the tiles: those of a range of rows and of some panels.
struct Tiles<'a> {
    /// Rows, and the length of the sums.
    sizes: [usize; 2],
    rows: Operand,
    /// All rows are cut into so many tiles.
    tiles: usize,
    range: Range<usize>,
    panels: &'a Panels,
    some: Range<usize>,
    out: &'a Output<'a>,
}

impl LaneKernel for Tiles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let [m, k] = self.sizes;
        for panel in self.some {
            let lanes = self.panels.get(panel);
            for tile in self.range.clone() {
                let from = m * tile / self.tiles;
                let rows = m * (tile + 1) / self.tiles - from;
                let tile = Tile {
                    k,
                    rows: self.rows,
                    from,
                    panel: lanes,
                    ahead: self.panels.ahead(panel, tile),
                    first_lane: panel * self.panels.width,
                    lanes: self.panels.lanes(panel),
                    out: self.out,
                };
                if L::COLUMNS > 1 && tile.lanes > WIDTH {
                    tile.of::<L, 2, false>(rows)
                } else if tile.lanes > WIDTH / 2 {
                    tile.of::<L, 1, false>(rows)
                } else {
                    tile.of::<L, 1, true>(rows)
                }
            }
        }
    }
}

struct Tile<'a> {
    k: usize,
    rows: Operand,
    from: usize,
    panel: Operand,
    ahead: [*const f32; NEXT],
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
                    $($r if $r <= L::ROWS => self.multiply::<L, $r, C, HALF>(),)*
                    _ => unreachable!("a tile has at most {} rows", L::ROWS),
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
            let mut rows = [a.data; R];
            for (r, row) in rows.iter_mut().enumerate() {
                *row = a.data.add((self.from + r) * a.across);
            }
            let mut lanes = b.data;
            for p in 0..self.k {
                let mut b = [L::zero(); C];
                for (c, b) in b.iter_mut().enumerate() {
                    *b = L::load(&*lanes.add(c * WIDTH).cast());
                }
                for next in self.ahead {
                    prefetch(next.wrapping_add(p));
                }
                for r in 0..R {
                    let a = L::splat(*rows[r].add(p * a.along));
                    for c in 0..C {
                        let sum = &mut sums[r][c];
                        *sum = if HALF { a.mul_add_half(b[c], *sum) } else { a.mul_add(b[c], *sum) };
                    }
                }
                lanes = lanes.wrapping_add(self.panel.along);
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
