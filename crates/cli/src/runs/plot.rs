//! `flambeau runs plot`.

use flambeau::{Error, Result};
use plotters::prelude::*;
use serde_json::Value;

use super::PlotArgs;
use super::read::{Run, find};
use crate::canvas::Area;
use crate::console::say;
use crate::curves::epoch;
use crate::font::FAMILY;
use crate::picture::{self, COLOURS, Fault, Picture};

/// Of a panel.
const SIZE: (u32, u32) = (560, 420);

type Points = Vec<(f64, f64)>;

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
    let names = runs.iter().map(|run| run.name.as_str()).collect();
    picture::write(&args.out, &Curves { panels, names })?;
    say(args.out.display());
    Ok(())
}

/// The panels side by side, and the names of the runs.
struct Curves<'a> {
    panels: Vec<Panel>,
    names: Vec<&'a str>,
}

impl Picture for Curves<'_> {
    fn size(&self) -> (u32, u32) {
        (SIZE.0 * self.panels.len() as u32, SIZE.1)
    }

    fn draw(&self, root: &Area<'_>) -> Result<(), Fault> {
        for (area, panel) in root.split_evenly((1, self.panels.len())).iter().zip(&self.panels) {
            panel.draw(area, &self.names)?;
        }
        Ok(())
    }
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

impl Panel {
    fn draw(&self, area: &Area<'_>, names: &[&str]) -> Result<(), Fault> {
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
