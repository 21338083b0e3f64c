//! The gradient of the weight: for each position of the window, channels of the input times those of the output, over the
//! pixels that it sees.

use super::Pass;
use super::copy::Copied;
use crate::conv::flat::{Part, Transpose, by_panels};
use crate::conv::tile::{Apart, Left, PANEL, Places, Right, Sums, multiply_into};
use crate::conv::winograd::Planes;
use crate::conv::{Shape, part};
use crate::lanes::{WIDTH, dispatch_lanes};
use crate::{DType, Storage};
use std::ops::Range;

/// Windows that are added up at a time: their gradients stay in the first cache.
const WINDOWS: usize = 192;
/// Channels of the input whose pixels are read for one position of the window after the other.
const CHANNELS: usize = 14;

/// Where the windows that see the image through a position are: in the copy, and among the gradients.
type Terms = [Places; 2];

pub(in crate::conv) fn weight_gradient(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    let pass = Pass { shape, backward: false };
    let [from, to] = pass.sides();
    let taps = shape.taps();
    let [height, width] = to.size;
    let block = (WINDOWS / width).clamp(1, height);
    let together = if block == height { (WINDOWS / to.pixels()).clamp(1, shape.batch) } else { 1 };
    let (blocks, sets) = (height.div_ceil(block), shape.batch.div_ceil(together));
    let most = (0..height).step_by(block).map(|line| pass.reach(line..height.min(line + block)).len()).max();
    let copied = Copied::new(from, 1, most.unwrap_or(0));
    let chunks = from.channels.div_ceil(CHANNELS);
    let (pixels, windows) = (from.channels * from.pixels(), to.channels * to.pixels());
    by_panels(shape, sets * blocks, out, &|Part { group, units, of_panels, sums, size }| {
        let room = copied.size() * together;
        let mut scratch = Storage::new(DType::F32, room + block * width * together * PANEL);
        let (copy, d) = scratch.as_mut_slice::<f32>().split_at_mut(room);
        let (mut known, mut terms) = (None, Vec::new());
        for unit in units.clone() {
            let (line, first) = (unit / sets * block, unit % sets * together);
            let lines = line..height.min(line + block);
            let (images, reach) = (first..shape.batch.min(first + together), pass.reach(lines.clone()));
            if known != Some((line, images.len())) {
                known = Some((line, images.len()));
                terms = (0..taps).map(|tap| find(&pass, copied, tap, lines.clone(), images.len())).collect();
            }
            if !reach.is_empty() {
                for (image, copy) in images.clone().zip(copy.chunks_exact_mut(copied.size())) {
                    let input = &input[(image * shape.groups + group) * pixels..][..pixels];
                    copied.fill(input, reach.clone(), 0, copy);
                }
            }
            for (panel, sums) in of_panels.clone().zip(sums.chunks_exact_mut(size)) {
                let channels = shape.outputs - panel * PANEL;
                for (image, d) in images.clone().zip(d.chunks_exact_mut(lines.len() * width * PANEL)) {
                    let at = (image * shape.groups + group) * windows + panel * PANEL * to.pixels();
                    let grad = Planes { data: &grad[at..], channels, size: to.size };
                    dispatch_lanes(Transpose { grad, lines: lines.clone(), pitch: width, d });
                }
                let vectors = channels.min(PANEL).div_ceil(WIDTH);
                for few in (0..chunks).map(|chunk| part(from.channels, chunks, chunk)) {
                    let data = &copy[few.start * copied.plane()..];
                    for (tap, [read, windows]) in terms.iter().enumerate() {
                        let left = Left { data, rows: Apart(copied.plane()), terms: read.at() };
                        let right = Right { data: d, rows: windows.at(), second: WIDTH };
                        let out = &mut sums[(few.start * taps + tap) * PANEL..];
                        let sums = Sums { out, apart: taps * PANEL, accumulate: unit > units.start };
                        multiply_into([few.len(), read.len(), vectors], left, right, sums);
                    }
                }
            }
        }
    });
}

/// For a position of the window, of these lines of so many images.
fn find(pass: &Pass<'_>, copied: Copied, tap: usize, lines: Range<usize>, images: usize) -> Terms {
    let Shape { kernel, stride, dilation, padding, output: [_, width], .. } = *pass.shape;
    let (mut terms, tap) = ([Vec::new(), Vec::new()], [tap / kernel[1], tap % kernel[1]]);
    if let Some(([read, written], count)) = pass.stretch(tap[1]) {
        let (first, inside) = (pass.reach(lines.clone()).start, pass.shape.inside(0, tap[0]));
        for (image, i) in (0..images).flat_map(|image| (0..lines.len()).map(move |i| (image, i))) {
            let line = lines.start + i;
            if inside.contains(&line) {
                let seen = line * stride[0] + tap[0] * dilation[0] - padding[0] - first;
                let from = image * copied.size() + seen * copied.line() + copied.column(read);
                let window = (image * lines.len() + i) * width + written;
                terms[0].extend(from..from + count);
                terms[1].extend((window..window + count).map(|window| window * PANEL));
            }
        }
    }
    terms.map(Places::new)
}
