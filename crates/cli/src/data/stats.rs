//! `flambeau data stats`.

use flambeau::Result;
use flambeau::data::Dataset;

use super::SetArgs;
use crate::console::say;
use crate::datasets::training_data;

/// Counts the training images alone: what is known about test images must not shape a model.
pub(super) fn run(args: SetArgs) -> Result<()> {
    let classes = args.dataset.classes();
    let data = training_data(args.dataset, args.data_dir)?;
    let [channels, height, width] = data.get(0).0.shape().try_into().unwrap_or_default();
    let mut counts = vec![0_usize; classes.len()];
    let mut sums = vec![[0.0_f64; 2]; channels];
    for index in 0..data.len() {
        let (x, y) = data.get(index);
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
    let total = data.len();
    say(format_args!(
        "{total} training images of {height}×{width} pixels, {channels} channel{}",
        s(channels)
    ));
    say("");
    let longest = classes.iter().map(|c| c.chars().count()).max().unwrap_or(0);
    for (class, count) in classes.iter().zip(&counts) {
        say(format_args!("  {class:<longest$}  {count:>6}  {:>5.2} %", 100.0 * *count as f64 / total as f64));
    }
    say("");
    let pixels = (total * height * width) as f64;
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
