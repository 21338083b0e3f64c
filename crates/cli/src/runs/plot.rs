//! `flambeau runs plot`.

use flambeau::io::atomic_write;
use flambeau::{Error, Result};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};

use super::PlotArgs;
use super::read::{Run, find};
use crate::console::say;
use crate::curves::epoch;
use crate::font::{self, FAMILY};

/// Of a panel.
const SIZE: (u32, u32) = (560, 420);
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xe4, 0x6c, 0x0a),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0x94, 0x67, 0xbd),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xe3, 0x77, 0xc2),
    RGBColor(0x17, 0xbe, 0xcf),
];

type Fault = Box<dyn std::error::Error>;
type Points = Vec<(f64, f64)>;

/// A file name whose ending says what is drawn.
pub(super) fn picture(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    kind(&path).map(|_| path).ok_or_else(|| "needs a name that ends in .svg or .png".into())
}

#[derive(Clone, Copy)]
enum Kind {
    Svg,
    Png,
}

fn kind(path: &Path) -> Option<Kind> {
    match path.extension()?.to_ascii_lowercase().to_str()? {
        "svg" => Some(Kind::Svg),
        "png" => Some(Kind::Png),
        _ => None,
    }
}

/// A panel: the curves of what is validated, and of the same in training.
struct Panel {
    title: String,
    /// The run's number, and points of epoch and value.
    val: Vec<(usize, Points)>,
    train: Vec<(usize, Points)>,
}

/// Draws the runs that have been evaluated.
pub(super) fn run(args: &PlotArgs) -> Result<()> {
    let runs =
        args.runs.iter().map(|run| find(run).map(|path| Run::read(&path))).collect::<Result<Vec<_>>>()?;
    let panels = panels(&runs);
    if panels.is_empty() {
        return Err(Error::config("RUN", "has no evaluations to draw; see metrics.jsonl in its folder"));
    }
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let size = (SIZE.0 * panels.len() as u32, SIZE.1);
    font::register();
    let failed = |e: Fault| Error::file(&args.out, format!("cannot be drawn ({e})"));
    let bytes = match kind(&args.out) {
        Some(Kind::Png) => png(&panels, &names, size).map_err(failed)?,
        _ => {
            let mut text = String::new();
            draw(SVGBackend::with_string(&mut text, size), &panels, &names).map_err(failed)?;
            text.into_bytes()
        }
    };
    atomic_write(&args.out, |file| file.write_all(&bytes))?;
    say(args.out.display());
    Ok(())
}

fn png(panels: &[Panel], names: &[&str], (width, height): (u32, u32)) -> Result<Vec<u8>, Fault> {
    let mut pixels = vec![0; width as usize * height as usize * 3];
    draw(BitMapBackend::with_buffer(&mut pixels, (width, height)), panels, names)?;
    let mut bytes = vec![];
    PngEncoder::new(&mut bytes).write_image(&pixels, width, height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

/// Those in which there is something.
fn panels(runs: &[Run]) -> Vec<Panel> {
    let curves = |name: &dyn Fn(&Run) -> Option<String>| -> Vec<(usize, Points)> {
        let curve = |(i, run): (usize, &Run)| Some((i, points(run, &name(run)?)));
        runs.iter().enumerate().filter_map(curve).filter(|(_, points)| !points.is_empty()).collect()
    };
    let loss = |part: &str| curves(&|_| Some(format!("{part}/loss")));
    let mut panels = vec![Panel { title: "loss".into(), val: loss("val"), train: loss("train") }];
    // A panel for each that is monitored; losses have theirs.
    let mut monitored: Vec<String> = runs.iter().map(Run::monitored).collect();
    monitored.sort();
    monitored.dedup();
    for name in monitored.iter().filter(|name| !name.ends_with("/loss")) {
        let own = |run: &Run| (run.monitored() == *name).then(|| name.clone());
        let trained = |run: &Run| own(run).map(|name| name.replacen("val/", "train/", 1));
        panels.push(Panel {
            title: name.replacen("val/", "", 1),
            val: curves(&own),
            train: curves(&trained),
        });
    }
    panels.retain(|panel| !(panel.val.is_empty() && panel.train.is_empty()));
    panels
}

/// The finite values of a name by epoch, or by evaluation where no epoch is logged.
fn points(run: &Run, name: &str) -> Points {
    let point = |(i, line): (usize, &Value)| {
        let epoch = line["epoch"].as_f64().unwrap_or(i as f64 + 1.0);
        Some((epoch, line[name].as_f64()?)).filter(|(x, y)| x.is_finite() && y.is_finite())
    };
    run.metrics.iter().enumerate().filter_map(point).collect()
}

fn draw<DB: DrawingBackend<ErrorType: 'static>>(
    backend: DB,
    panels: &[Panel],
    names: &[&str],
) -> Result<(), Fault> {
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    for (area, panel) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        panel.draw(area, names)?;
    }
    root.present()?;
    Ok(())
}

impl Panel {
    fn draw<DB: DrawingBackend<ErrorType: 'static>>(
        &self,
        area: &DrawingArea<DB, Shift>,
        names: &[&str],
    ) -> Result<(), Fault> {
        let all = || self.val.iter().chain(&self.train).flat_map(|(_, points)| points);
        let first = all().map(|p| p.0).fold(1.0, f64::min);
        let last = all().map(|p| p.0).fold(2.0, f64::max);
        let low = all().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let high = all().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        // A little room, so that the first and the last dot are whole, and a value that stays the same has an axis.
        let (side, room) = (0.03 * (last - first), (0.05 * (high - low)).max(1e-6 * high.abs()).max(1e-9));
        let title = if self.train.is_empty() || self.val.is_empty() {
            self.title.clone()
        } else {
            format!("{} (pale: training)", self.title)
        };
        let mut chart = ChartBuilder::on(area)
            .caption(title, (FAMILY, 18))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(first - side..last + side, low - room..high + room)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .axis_style(BLACK.mix(0.5))
            .x_desc("epoch")
            .x_labels(10)
            .x_label_formatter(&epoch)
            .y_labels(8)
            .y_label_formatter(&|y| format!("{}", (y * 1e6).round() / 1e6))
            .label_style((FAMILY, 13))
            .draw()?;
        let colour = |run: usize| COLOURS[run % COLOURS.len()];
        // Without anything validated, the training curves are what there is.
        let (bold, pale) =
            if self.val.is_empty() { (&self.train, None) } else { (&self.val, Some(&self.train)) };
        for (run, points) in pale.into_iter().flatten() {
            chart.draw_series(LineSeries::new(
                points.iter().copied(),
                colour(*run).mix(0.35).stroke_width(1),
            ))?;
        }
        for (run, points) in bold {
            let (run, colour) = (*run, colour(*run));
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(names.get(run).copied().unwrap_or_default())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
            // A line needs two points.
            if let [point] = points[..] {
                chart.draw_series([Circle::new(point, 3, colour.filled())])?;
            }
        }
        let falls = bold.iter().all(|(_, points)| {
            points.first().zip(points.last()).is_none_or(|(first, last)| last.1 <= first.1)
        });
        chart
            .configure_series_labels()
            .position(if falls { SeriesLabelPosition::UpperRight } else { SeriesLabelPosition::LowerRight })
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .label_font((FAMILY, 13))
            .draw()?;
        Ok(())
    }
}
