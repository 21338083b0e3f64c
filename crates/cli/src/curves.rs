//! `curves.svg`: the loss, and what is measured besides, over the epochs.

use plotters::prelude::*;
use serde_json::Value;
use std::error::Error;
use std::ops::Range;

use crate::canvas::{Area, Canvas};
use crate::font::{self, FAMILY};
use crate::table;

const SIZE: (u32, u32) = (960, 400);
const TRAIN: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const VAL: RGBColor = RGBColor(0xe4, 0x6c, 0x0a);
/// Above this many epochs, a dot each would hide the line.
const MAX_DOTS: usize = 60;

/// An evaluation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Point {
    pub(crate) epoch: u64,
    /// Of training and validation; NaN where there is none.
    pub(crate) loss: [f64; 2],
    /// The metric, likewise.
    pub(crate) metric: [f64; 2],
}

/// The evaluations in the records of a run's `metrics.jsonl`, with the metric of this name.
pub(crate) fn points(records: &[Value], metric: Option<&str>) -> Vec<Point> {
    let value = |record: &Value, name: String| record[name].as_f64().unwrap_or(f64::NAN);
    let both =
        |record: &Value, name: &str| ["train", "val"].map(|part| value(record, format!("{part}/{name}")));
    let point = |record: &Value| Point {
        epoch: value(record, "epoch".into()) as u64,
        loss: both(record, "loss"),
        metric: metric.map_or([f64::NAN; 2], |metric| both(record, metric)),
    };
    let evaluations = records.iter().filter(|record| record.get("train/loss").is_some());
    evaluations.map(point).collect()
}

/// An epoch below its axis; none where the mark lies between two.
pub(crate) fn epoch(x: &f64) -> String {
    if x.fract().abs() < 1e-6 { format!("{x:.0}") } else { String::new() }
}

/// The picture as SVG text; `best` is the epoch whose weights were kept.
pub(crate) fn svg(
    points: &[Point],
    metric: Option<&str>,
    best: Option<u64>,
) -> Result<String, Box<dyn Error>> {
    font::register();
    let mut text = String::new();
    {
        let root = Canvas::Svg(SVGBackend::with_string(&mut text, SIZE)).into_drawing_area();
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(SIZE.0 / 2);
        // The maximum passes over NaN.
        let top = points.iter().flat_map(|p| p.loss).fold(0.0, f64::max);
        panel(&left, "loss", points, best, 0.0..1.05 * top.max(1e-3), |p| p.loss)?;
        if let Some(metric) = metric {
            let percent = table::is_share(metric);
            let factor = if percent { 100.0 } else { 1.0 };
            let title = if percent { format!("{metric} in %") } else { metric.to_owned() };
            let values = || points.iter().flat_map(|p| p.metric).map(|v| factor * v);
            let (low, high) =
                (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
            let range = match percent {
                true => (low.min(100.0) / 10.0 - 0.05).floor().max(0.0) * 10.0..100.5,
                false if low <= high => low - 0.05 * (high - low) - 1e-9..high + 0.05 * (high - low) + 1e-9,
                false => 0.0..1.0,
            };
            panel(&right, &title, points, best, range, |p| p.metric.map(|v| factor * v))?;
        }
        root.present()?;
    }
    Ok(text)
}

fn panel(
    area: &Area<'_>,
    title: &str,
    points: &[Point],
    best: Option<u64>,
    y: Range<f64>,
    value: impl Fn(&Point) -> [f64; 2],
) -> Result<(), Box<dyn Error>> {
    let last = points.iter().map(|p| p.epoch).max().unwrap_or(1).max(2) as usize;
    // A little room on both sides, so that the first and the last dot are whole.
    let margin = 0.03 * (last - 1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FAMILY, 18))
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
        .x_label_formatter(&epoch)
        .y_labels(8)
        .label_style((FAMILY, 13))
        .draw()?;

    for (i, (name, colour)) in [("training", TRAIN), ("validation", VAL)].into_iter().enumerate() {
        let points = points.iter().map(|p| (p.epoch as f64, value(p)[i])).filter(|(_, v)| v.is_finite());
        let points: Vec<(f64, f64)> = points.collect();
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
        .label_font((FAMILY, 13))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_epochs_gives_a_picture() {
        for n in [0, 1, 2, 30, 500] {
            let point = |epoch: u64| {
                let loss = [1.0 / epoch as f64; 2];
                Point { epoch, loss, metric: loss.map(|v| 1.0 - 0.5 * v) }
            };
            let points: Vec<Point> = (1..=n).map(point).collect();
            for (metric, title) in [("accuracy", "accuracy in %"), ("mae", "mae")] {
                let svg = svg(&points, Some(metric), (n > 0).then_some(n)).unwrap();
                assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{n} epochs");
                for text in ["training", "validation", "loss", title] {
                    assert!(svg.contains(text), "{n} epochs: no {text}");
                }
            }
            assert!(!svg(&points, None, None).unwrap().contains("accuracy"));
        }
    }

    #[test]
    fn points_are_the_evaluations_of_a_log() {
        let log = r#"[{"step":1,"train/step_loss":2.0},{"step":2,"epoch":1.0,"train/loss":0.5,"val/loss":null,"val/mae":3.0}]"#;
        let points = points(&serde_json::from_str::<Vec<Value>>(log).unwrap(), Some("mae"));
        assert_eq!((points.len(), points[0].epoch, points[0].loss[0], points[0].metric[1]), (1, 1, 0.5, 3.0));
        assert!(points[0].loss[1].is_nan() && points[0].metric[0].is_nan());
    }
}
