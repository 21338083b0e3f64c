//! The operand whose elements lie across the lanes, cut into panels of a tile's width. What does not lie side by side is
//! packed, by the first thread that needs it and those that wait for it.

use super::operand::Operand;
use super::packed::Packed;
use crate::alloc::Block;
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, prefetch};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Steps of the sum that are packed at a time.
const PIECE: usize = 8 * WIDTH;
/// How far ahead rows that are packed are asked for: there are more of them than the processor keeps track of.
const AHEAD: usize = 8 * WIDTH;

/// The operand whose elements are the lanes, by panels.
pub(super) struct Panels<'a> {
    pub(super) operand: Operand,
    pub(super) k: usize,
    pub(super) n: usize,
    /// The most lanes of one.
    pub(super) width: usize,
    /// Those from here on are packed before their first use: all, or the last one alone where it is not whole.
    whole: usize,
    /// How far those are; empty where all were packed before the product.
    progress: Vec<Progress>,
    memory: Option<&'a Block>,
    /// The terms of the sum for which a panel in memory has room, and how many of them come before the first.
    depth: usize,
    skipped: usize,
    /// Whether each takes the place of the one before.
    one_at_a_time: bool,
}

/// How far a panel is packed, by all threads that wait for it.
#[derive(Default)]
struct Progress {
    /// The next piece, and how many are done.
    next: AtomicUsize,
    done: AtomicUsize,
}

impl Progress {
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

/// How many panels from the first on need no packing.
fn whole(operand: Operand, n: usize, width: usize) -> usize {
    match operand.across {
        1 if n.is_multiple_of(WIDTH) => n.div_ceil(width),
        1 => n / width,
        _ => 0,
    }
}

/// The first lane of a panel, or n after the last. A last panel of one register would keep the processor busier with
/// reading than with multiplying; it gets another one from the panel before.
fn start(panel: usize, n: usize, width: usize) -> usize {
    let lane = panel * width;
    let rest = n - lane.min(n);
    let lonely = width > 2 * WIDTH && panel > 0 && WIDTH / 2 < rest && rest <= WIDTH;
    if lonely { lane - WIDTH } else { lane.min(n) }
}

impl<'a> Panels<'a> {
    /// Of n lanes, in memory that has the [`room`](Self::room) for k terms of the sum. Where they are `one_at_a_time`, one
    /// thread alone asks for each until it has done with it, and not again.
    pub(super) fn new(
        operand: Operand,
        [k, n, width]: [usize; 3],
        one_at_a_time: bool,
        memory: Option<&'a Block>,
    ) -> Self {
        let whole = whole(operand, n, width);
        let progress = (whole..n.div_ceil(width)).map(|_| Progress::default()).collect();
        Panels { operand, k, n, width, whole, progress, memory, depth: k, skipped: 0, one_at_a_time }
    }

    /// Some terms of the sum of what is packed already.
    pub(super) fn of(packed: &'a Packed, operand: Operand, terms: Range<usize>) -> Self {
        Panels {
            operand,
            k: terms.len(),
            n: packed.n,
            width: packed.width,
            whole: 0,
            progress: Vec::new(),
            memory: Some(&packed.memory),
            depth: packed.k,
            skipped: terms.start,
            one_at_a_time: false,
        }
    }

    /// Bytes for the panels that are packed.
    pub(super) fn room(operand: Operand, [k, n, width]: [usize; 3], one_at_a_time: bool) -> usize {
        let packed = n.div_ceil(width) - whole(operand, n, width);
        (if one_at_a_time { packed.min(1) } else { packed }) * k * width * size_of::<f32>()
    }

    pub(super) fn count(&self) -> usize {
        self.n.div_ceil(self.width)
    }

    /// The first lane of a panel, or n after the last.
    pub(super) fn start(&self, panel: usize) -> usize {
        start(panel, self.n, self.width)
    }

    pub(super) fn lanes(&self, panel: usize) -> usize {
        self.start(panel + 1) - self.start(panel)
    }

    /// A panel's first lane where it lies.
    fn source(&self, panel: usize) -> Operand {
        // SAFETY: there is such a panel, and its first lane is below n.
        unsafe { self.operand.skip(self.start(panel)) }
    }

    pub(super) fn get(&self, panel: usize) -> Operand {
        let Some(memory) = self.memory.filter(|_| panel >= self.whole) else {
            return self.source(panel);
        };
        let (k, number) = (self.k, panel - self.whole);
        let place = if self.one_at_a_time { 0 } else { number };
        let width = self.lanes(panel).next_multiple_of(WIDTH);
        // SAFETY: each panel has its own part of the block, or the whole of it until the next is asked for.
        let to =
            unsafe { memory.ptr().cast::<f32>().add(place * self.depth * self.width + self.skipped * width) };
        if let Some(progress) = self.progress.get(number) {
            progress.by(k.div_ceil(PIECE), |piece| {
                let (first, lanes, from) = (piece * PIECE, self.lanes(panel), self.source(panel));
                // SAFETY: the piece lies inside the panel.
                let (from, to) = unsafe { (from.along(first), to.add(first * width)) };
                dispatch_lanes(Pack { k: PIECE.min(k - first), lanes, width, from, to });
            });
        }
        Operand { data: to, across: 1, along: width }
    }
}

/// Copies some lanes of an operand into a panel, which is filled up with zeros to whole registers.
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
                    } else if self.from.across == 1 {
                        for i in 0..depth {
                            let row = std::slice::from_raw_parts(from.add(i * self.from.along), here);
                            L::load_some(row).store(&mut *to.add(i * width).cast());
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
