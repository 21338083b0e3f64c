//! `flambeau data show`.

use flambeau::data::transforms::{Compose, RandomCrop, RandomRotation};
use flambeau::data::{DataLoader, Dataset, Subset};
use flambeau::io::atomic_write;
use flambeau::train::config::{Labelled, TransformConfig};
use flambeau::{Error, Result, Tensor, try_call};
use image::{ImageFormat, Rgb, RgbImage};
use std::io::Cursor;

use super::ShowArgs;
use crate::console::say;

const IMAGES: usize = 10;
/// Small images are drawn larger, up to about this height.
const HEIGHT: usize = 64;
/// Between images.
const GAP: usize = 4;
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
/// A picture beyond this is a mistake, not a contact sheet.
const MAX_PIXELS: usize = 100_000_000;

/// Writes the picture and says what is on it.
pub(super) fn run(args: &ShowArgs) -> Result<()> {
    let Labelled { data, classes, .. } = args.set.config()?.training_data()?;
    let total = data.len();
    if args.first >= total {
        let message = format!("{} is outside of the {total} training images; they count from 0", args.first);
        return Err(Error::config("--first", message));
    }
    let ten = Subset::new(data, (args.first..total.min(args.first.saturating_add(IMAGES))).collect())?;
    let transform = match &args.transforms[..] {
        [] => {
            let [_, height, width] = try_call(|| ten.get(0))?.0.shape().try_into().unwrap_or_default();
            Compose::new((
                RandomRotation::new(10.0),
                RandomCrop::new([height, width]).padding((height / 12).max(1)),
            ))
        }
        given => Compose::new(given.iter().map(TransformConfig::build).collect::<Result<Vec<_>>>()?),
    };

    // A row an image; a column an epoch, after the image as it is.
    let originals = try_call(|| (0..ten.len()).map(|i| ten.get(i)).collect::<Vec<_>>())?;
    let labels: Vec<i64> = originals.iter().map(|(_, y)| y.item()).collect();
    let mut rows: Vec<Vec<Tensor>> = originals.into_iter().map(|(x, _)| vec![x]).collect();
    let loader = DataLoader::new(ten.transform(transform), 1)?.seed(args.seed);
    for _ in 0..args.epochs {
        let mut batches = loader.iter();
        for row in &mut rows {
            if let Some((x, _)) = batches.try_next()? {
                let x = x.select(0, 0);
                // At once: ten images of such a size may be more than memory.
                picture([x.shape()[1], x.shape()[2]], [labels.len(), args.epochs.saturating_add(1)])?;
                row.push(x);
            }
        }
    }

    let sheet = draw(&rows)?;
    let mut png = Cursor::new(Vec::new());
    sheet.write_to(&mut png, ImageFormat::Png).map_err(|e| Error::file(&args.out, e))?;
    atomic_write(&args.out, |file| std::io::Write::write_all(file, png.get_ref()))?;
    let names: Vec<&str> =
        labels.iter().map(|l| classes.get(*l as usize).map_or("?", String::as_str)).collect();
    say(format_args!(
        "{}: a row each for {}; first as it is, then in {} epoch{}",
        args.out.display(),
        names.join(", "),
        args.epochs,
        if args.epochs == 1 { "" } else { "s" }
    ));
    Ok(())
}

/// How images are laid out.
struct Picture {
    /// The edge of the square that a pixel is drawn as.
    scale: usize,
    cell: [usize; 2],
    size: [usize; 2],
}

/// The layout of images of a height and width in rows and columns.
fn picture([height, width]: [usize; 2], [rows, columns]: [usize; 2]) -> Result<Picture> {
    let scale = (HEIGHT / height.max(1)).max(1);
    let cell = [height, width].map(|n| n.saturating_mul(scale).saturating_add(GAP));
    let [h, w] =
        [cell[0].saturating_mul(rows), cell[1].saturating_mul(columns)].map(|n| n.saturating_add(GAP));
    if h.saturating_mul(w) > MAX_PIXELS {
        let message = format!(
            "{columns} columns of images of {height}×{width} make a picture of {h}×{w}; show fewer epochs or smaller images"
        );
        return Err(Error::config("--epochs", message));
    }
    Ok(Picture { scale, cell, size: [h, w] })
}

fn draw(rows: &[Vec<Tensor>]) -> Result<RgbImage> {
    // Transforms may change the size; every cell has the largest.
    let size = |dim: usize| rows.iter().flatten().map(|x| x.shape()[dim]).max().unwrap_or(1);
    let (height, width) = (size(1), size(2));
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let Picture { scale, cell: [cell_h, cell_w], size: [h, w] } =
        picture([height, width], [rows.len(), columns])?;
    let mut sheet = RgbImage::from_pixel(w as u32, h as u32, PAPER);
    for (i, row) in rows.iter().enumerate() {
        for (j, x) in row.iter().enumerate() {
            let [channels, h, w] = x.shape().try_into().unwrap_or_default();
            let pixels = x.to_vec::<f32>();
            let value = |c: usize, y: usize, x: usize| {
                let c = if channels == 3 { c } else { 0 };
                (pixels[(c * h + y) * w + x].clamp(0.0, 1.0) * 255.0).round() as u8
            };
            for y in 0..h * scale {
                for x in 0..w * scale {
                    let colour = [0, 1, 2].map(|c| value(c, y / scale, x / scale));
                    let (left, top) = (GAP + j * cell_w + x, GAP + i * cell_h + y);
                    sheet.put_pixel(left as u32, top as u32, Rgb(colour));
                }
            }
        }
    }
    Ok(sheet)
}
