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

/// The most elements of the larger operand, a second-level cache full of them.
const MOST: usize = 1 << 18;
/// Fewer rows or columns would leave too many lanes empty.
const LEAST: usize = 8;
/// The least length of the sums.
const SHORTEST: usize = 24;
/// How far ahead rows that are packed are asked for: there are more of them than the processor keeps track of.
const AHEAD: usize = 8 * WIDTH;
/// Multiply-adds that are worth a task.
const TASK: usize = 1 << 17;

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
    n.div_ceil(WIDTH) * m * k + packing
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
    let Some(panels) = Panels::new(lanes, k, n, panel, wanted > 1) else { return false };
    // Packed panels one after another, and so by the thread that packed them, while the rows stay in its cache;
    // otherwise the rows one after another.
    let packed = lanes.across != 1;
    let [groups, parts] = if packed {
        let parts = wanted.min(count);
        [wanted.div_ceil(parts).min(tiles), parts]
    } else {
        let groups = wanted.min(tiles);
        [groups, wanted.div_ceil(groups).min(count)]
    };
    pool::run(groups * parts, &|task| {
        let (group, part) =
            if packed { (task % groups, task / groups) } else { (task / parts, task % parts) };
        dispatch_lanes(Tiles {
            sizes: [m, k, n],
            rows,
            tiles,
            range: tiles * group / groups..tiles * (group + 1) / groups,
            panels: &panels,
            width: panel,
            some: count * part / parts..count * (part + 1) / parts,
            out: &out,
        });
    });
    true
}

/// The operand whose elements are the lanes, by panels.
struct Panels {
    operand: Operand,
    /// From panel to panel.
    step: usize,
    /// The last panel, where it is packed alone because it is not whole.
    tail: Option<(usize, Operand)>,
    _memory: Option<Block>,
}

impl Panels {
    fn new(operand: Operand, k: usize, n: usize, width: usize, shared: bool) -> Option<Panels> {
        let whole = if operand.across == 1 { n / width } else { 0 };
        let count = n.div_ceil(width);
        if whole == count {
            return Some(Panels { operand, step: width, tail: None, _memory: None });
        }
        let from = &operand;
        let memory = try_alloc((count - whole) * k * width * size_of::<f32>())?;
        let to = SendPtr(memory.ptr().cast::<f32>());
        let tasks = if shared { count - whole } else { 1 };
        pool::run(tasks, &|task| {
            let (first, last) = if tasks == 1 { (whole, count) } else { (whole + task, whole + task + 1) };
            for panel in first..last {
                // SAFETY: the panel's first lane is below n.
                let from = unsafe { from.skip(panel * width) };
                // SAFETY: each panel has its own part of the block.
                let to = unsafe { to.get().add((panel - whole) * k * width) };
                dispatch_lanes(Pack { k, lanes: width.min(n - panel * width), width, from, to });
            }
        });
        let packed = Operand { data: to.get(), across: 1, along: width };
        Some(if whole == 0 {
            Panels { operand: packed, step: k * width, tail: None, _memory: Some(memory) }
        } else {
            Panels { operand, step: width, tail: Some((whole, packed)), _memory: Some(memory) }
        })
    }

    fn get(&self, panel: usize) -> Operand {
        match self.tail {
            Some((tail, operand)) if tail == panel => operand,
            // SAFETY: there is such a panel.
            _ => Operand { data: unsafe { self.operand.data.add(panel * self.step) }, ..self.operand },
        }
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
    sizes: [usize; 3],
    rows: Operand,
    /// All rows are cut into so many tiles.
    tiles: usize,
    range: Range<usize>,
    panels: &'a Panels,
    /// Lanes of a panel.
    width: usize,
    some: Range<usize>,
    out: &'a Output<'a>,
}

impl LaneKernel for Tiles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let [m, k, n] = self.sizes;
        // Rows outside: the pages of a tile's results stay at hand.
        for tile in self.range {
            let from = m * tile / self.tiles;
            let rows = m * (tile + 1) / self.tiles - from;
            for panel in self.some.clone() {
                let first_lane = panel * self.width;
                let tile = Tile {
                    k,
                    rows: self.rows,
                    from,
                    panel: self.panels.get(panel),
                    first_lane,
                    lanes: self.width.min(n - first_lane),
                    out: self.out,
                };
                if L::COLUMNS > 1 && tile.lanes > WIDTH {
                    tile.of::<L, 2>(rows)
                } else {
                    tile.of::<L, 1>(rows)
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
    first_lane: usize,
    lanes: usize,
    out: &'a Output<'a>,
}

impl Tile<'_> {
    #[inline(always)]
    fn of<L: Lanes, const C: usize>(&self, rows: usize) {
        macro_rules! of {
            ($($r:literal)*) => {
                match rows {
                    $($r if $r <= L::ROWS => self.multiply::<L, $r, C>(),)*
                    _ => unreachable!("a tile has at most {} rows", L::ROWS),
                }
            };
        }
        of!(1 2 3 4 5 6 7 8 9 10 11 12)
    }

    #[inline(always)]
    fn multiply<L: Lanes, const R: usize, const C: usize>(&self) {
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
                for r in 0..R {
                    let a = L::splat(*rows[r].add(p * a.along));
                    for c in 0..C {
                        sums[r][c] = a.mul_add(b[c], sums[r][c]);
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
