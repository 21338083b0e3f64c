//! `flambeau data stats`.

use flambeau::data::Dataset;
use flambeau::train::config::Labelled;
use flambeau::{Result, try_call};

use super::SetArgs;
use crate::console::say;

/// Counts the training images alone: what is known about test images must not shape a model.
pub(super) fn run(args: &SetArgs) -> Result<()> {
    let Labelled { data, classes, .. } = args.config()?.training_data()?;
    let mut counts = vec![0_usize; classes.len()];
    let mut sums: Vec<[f64; 2]> = Vec::new();
    // Height and width: the smallest of each, and the largest.
    let (mut least, mut most) = ([usize::MAX; 2], [0; 2]);
    let mut pixels = 0;
    for index in 0..data.len() {
        let (x, y) = try_call(|| data.get(index))?;
        let [channels, height, width] = x.shape().try_into().unwrap_or_default();
        least = [least[0].min(height), least[1].min(width)];
        most = [most[0].max(height), most[1].max(width)];
        pixels += height * width;
        sums.resize(channels, [0.0; 2]);
        if let Some(count) = counts.get_mut(y.item::<i64>() as usize) {
            *count += 1;
        }
        for (sum, plane) in sums.iter_mut().zip(x.to_vec::<f32>().chunks_exact((height * width).max(1))) {
            for &v in plane {
                sum[0] += f64::from(v);
                sum[1] += f64::from(v) * f64::from(v);
            }
        }
    }
    let (total, channels) = (data.len(), sums.len());
    let ([h, w], [height, width]) = (least, most);
    let size = if least == most { String::new() } else { format!("{h}×{w} to ") };
    say(format_args!(
        "{total} training images of {size}{height}×{width} pixels, {channels} channel{}",
        s(channels)
    ));
    say("");
    let longest = classes.iter().map(|c| c.chars().count()).max().unwrap_or(0);
    for (class, count) in classes.iter().zip(&counts) {
        say(format_args!("  {class:<longest$}  {count:>6}  {:>5.2} %", 100.0 * *count as f64 / total as f64));
    }
    say("");
    let pixels = pixels as f64;
    for (channel, [sum, squares]) in sums.iter().enumerate() {
        let mean = sum / pixels;
        let deviation = (squares / pixels - mean * mean).max(0.0).sqrt();
        say(format_args!(
            "  channel {channel}: mean {mean:.4}, deviation {deviation:.4} (pixels from 0 to 1)"
        ));
    }
    Ok(())
}

fn s(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}
