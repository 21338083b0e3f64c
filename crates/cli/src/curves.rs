//! `curves.svg`: loss and accuracy over the epochs.

use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::ops::Range;

use crate::history::{Epoch, Score};

const SIZE: (u32, u32) = (960, 400);
const TRAIN: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const VAL: RGBColor = RGBColor(0xe4, 0x6c, 0x0a);
/// Above this many epochs, a dot each would hide the line.
const MAX_DOTS: usize = 60;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The picture as SVG text; `best` is the epoch whose weights were kept.
pub(crate) fn svg(epochs: &[Epoch], best: Option<usize>) -> Result<String, Box<dyn Error>> {
    crate::font::register();
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(SIZE.0 / 2);
        let top = epochs.iter().flat_map(|e| [e.train.loss, e.val.loss]).fold(0.0, f64::max);
        panel(&left, "loss", epochs, best, 0.0..1.05 * top.max(1e-3), |s| s.loss)?;
        let low = epochs.iter().flat_map(|e| [e.train.accuracy, e.val.accuracy]).fold(1.0, f64::min);
        let floor = (10.0 * low - 0.05).floor().max(0.0) * 10.0;
        panel(&right, "accuracy in %", epochs, best, floor..100.5, |s| 100.0 * s.accuracy)?;
        root.present()?;
    }
    Ok(text)
}

fn panel(
    area: &Panel<'_>,
    title: &str,
    epochs: &[Epoch],
    best: Option<usize>,
    y: Range<f64>,
    value: impl Fn(Score) -> f64,
) -> Result<(), Box<dyn Error>> {
    let last = epochs.iter().map(|e| e.epoch).max().unwrap_or(1).max(2);
    // A little room on both sides, so that the first and the last dot are whole.
    let margin = 0.03 * (last - 1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(1.0 - margin..last as f64 + margin, y.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .axis_style(BLACK.mix(0.5))
        .x_desc("epoch")
        .x_labels(last.min(10))
        .x_label_formatter(&|x| if x.fract().abs() < 1e-6 { format!("{x:.0}") } else { String::new() })
        .y_labels(8)
        .label_style(("sans-serif", 13))
        .draw()?;

    for (name, colour, pick) in
        [("training", TRAIN, (|e| e.train) as fn(&Epoch) -> Score), ("validation", VAL, |e| e.val)]
    {
        let points: Vec<(f64, f64)> = epochs.iter().map(|e| (e.epoch as f64, value(pick(e)))).collect();
        if points.len() <= MAX_DOTS {
            chart.draw_series(points.iter().map(|&p| Circle::new(p, 3, colour.filled())))?;
        }
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    if let Some(best) = best {
        let x = best as f64;
        chart
            .draw_series([PathElement::new([(x, y.start), (x, y.end)], BLACK.mix(0.35))])?
            .label("best, kept")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLACK.mix(0.35)));
    }
    chart
        .configure_series_labels()
        .position(if y.start > 0.0 {
            SeriesLabelPosition::LowerRight
        } else {
            SeriesLabelPosition::UpperRight
        })
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .label_font(("sans-serif", 13))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(n: usize) -> Vec<Epoch> {
        (1..=n)
            .map(|epoch| {
                let score = Score { loss: 1.0 / epoch as f64, accuracy: 1.0 - 0.5 / epoch as f64 };
                Epoch { epoch, train: score, val: score, seconds: 0.1, complete: true }
            })
            .collect()
    }

    #[test]
    fn any_number_of_epochs_gives_a_picture() {
        for n in [0, 1, 2, 30, 500] {
            let svg = svg(&epochs(n), (n > 0).then_some(n)).unwrap();
            assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{n} epochs");
            for text in ["training", "validation", "loss", "accuracy in %"] {
                assert!(svg.contains(text), "{n} epochs: no {text}");
            }
        }
    }
}
