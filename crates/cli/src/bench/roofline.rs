//! The picture of workloads below their limits: the rate over the arithmetic for each byte, below the machine's roofs, and
//! beside it the share of the limit as bars.

use flambeau::{Error, Result};
use flambeau_bench::machine::{Limits, Place};
use flambeau_bench::{Reached, Results, Row, Work};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::plot::{Axis, LABEL, TITLE, around, chart, colour, threads};
use super::table::{digits, machine};
use crate::canvas::Area;
use crate::font::FAMILY;
use crate::picture::{Fault, Picture};

const ROOFS: u32 = 560;
const BARS: i32 = 520;
/// Of a bar, and of the gap between two workloads.
const BAR: i32 = 9;
const GAP: i32 = 7;
const HEAD: i32 = 46;
const FOOT: i32 = 34;

/// What is drawn of a row.
struct Dot<'a> {
    row: &'a Row,
    work: Work,
    reached: &'a Reached,
}

pub(super) struct Roofline<'a> {
    results: &'a Results,
    /// Their numbers in the picture are their places here, from 1.
    names: Vec<&'a str>,
    dots: Vec<Dot<'a>>,
}

impl<'a> Roofline<'a> {
    pub(super) fn new(results: &'a Results) -> Result<Self> {
        let dot = |row: &'a Row| Some(Dot { row, work: row.work?, reached: row.reached.as_ref()? });
        let dots: Vec<Dot<'_>> = results.workloads.iter().filter_map(dot).collect();
        let mut names: Vec<&str> = dots.iter().map(|dot| dot.row.workload.as_str()).collect();
        names.dedup();
        if names.is_empty() {
            let message = "has nothing to draw: no workload that arithmetic or memory bounds was measured";
            return Err(Error::config("--plot", message));
        }
        Ok(Roofline { results, names, dots })
    }

    fn number(&self, name: &str) -> usize {
        self.names.iter().position(|own| *own == name).map_or(0, |at| at + 1)
    }

    /// Of a number of threads.
    fn colour(&self, count: usize) -> RGBColor {
        colour(self.results.limits.iter().position(|limits| limits.threads == count).unwrap_or(0))
    }

    fn block(&self) -> i32 {
        self.results.limits.len() as i32 * BAR + GAP
    }

    fn roofs(&self, area: &Area<'_>) -> Result<(), Fault> {
        let intensity = |work: &Work| work.flop / (work.read + work.written);
        let xs = self.dots.iter().map(|dot| intensity(&dot.work));
        let peaks = self.results.limits.iter().map(|limits| limits.gflops);
        let ys = self.dots.iter().map(|dot| dot.reached.gflops).chain(peaks);
        let x = around(xs, 10.0);
        let axes = [
            Axis { name: "floating-point operations for each byte", range: x.clone() },
            Axis { name: "GFLOP/s", range: around(ys, 10.0) },
        ];
        let mut chart = chart(area, "rates below the machine's roofs", axes)?;
        for limits in &self.results.limits {
            let colour = self.colour(limits.threads);
            for place in &limits.places {
                let strong = if place.size.is_none() { 1.0 } else { 0.35 };
                let style = colour.mix(strong).stroke_width(2);
                chart.draw_series(LineSeries::new(roof(limits, place, &x), style))?;
            }
        }
        for dot in &self.dots {
            let at = (intensity(&dot.work), dot.reached.gflops);
            let colour = self.colour(dot.row.threads);
            chart.draw_series([Circle::new(at, 3, colour.filled())])?;
            // One label for both numbers of threads, below the lower.
            if dot.row.threads == self.dots[0].row.threads {
                let number = self.number(&dot.row.workload).to_string();
                let style =
                    (FAMILY, LABEL - 1).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
                let label = EmptyElement::at(at) + Text::new(number, (0, 5), style);
                chart.draw_series([label])?;
            }
        }
        Ok(())
    }

    fn bars(&self, area: &Area<'_>) -> Result<(), Fault> {
        const LEFT: i32 = 150;
        const RIGHT: i32 = 120;
        let most = self.dots.iter().map(|dot| dot.reached.share).fold(1.0, f64::max);
        let x = |share: f64| LEFT + (f64::from(BARS - LEFT - RIGHT) * share / most) as i32;
        let style = |size: i32, across: HPos| {
            (FAMILY, size).into_font().color(&BLACK).pos(Pos::new(across, VPos::Center))
        };
        area.draw(&Text::new("share of the limit", (x(0.5), 16), style(TITLE, HPos::Center)))?;
        let bottom = HEAD + self.block() * self.names.len() as i32;
        for tenth in (0..=(10.0 * most) as i32).step_by(5) {
            let at = x(f64::from(tenth) / 10.0);
            let line = BLACK.mix(if tenth == 10 { 0.6 } else { 0.12 });
            area.draw(&PathElement::new([(at, HEAD - 4), (at, bottom)], line))?;
            let label = format!("{} %", 10 * tenth);
            area.draw(&Text::new(label, (at, bottom + 12), style(LABEL, HPos::Center)))?;
        }
        for dot in &self.dots {
            let number = self.number(&dot.row.workload);
            let limits = &self.results.limits;
            let index =
                limits.iter().position(|limits| limits.threads == dot.row.threads).unwrap_or(0) as i32;
            let top = HEAD + self.block() * (number as i32 - 1) + BAR * index;
            if dot.row.threads == self.dots[0].row.threads {
                let middle = top + BAR * limits.len() as i32 / 2;
                let name = format!("{} ({number})", dot.row.workload);
                area.draw(&Text::new(name, (LEFT - 6, middle), style(LABEL, HPos::Right)))?;
            }
            let end = x(dot.reached.share);
            let bar = [(x(0.0), top), (end, top + BAR - 1)];
            area.draw(&Rectangle::new(bar, self.colour(dot.row.threads).filled()))?;
            let by = if dot.reached.bound == "arithmetic" {
                format!("{} GFLOP/s", digits(dot.reached.gflops))
            } else {
                format!("{} GB/s, {}", digits(dot.reached.gigabytes), dot.reached.bound)
            };
            area.draw(&Text::new(by, (end + 4, top + BAR / 2), style(LABEL - 2, HPos::Left)))?;
        }
        Ok(())
    }

    fn legend(&self, root: &Area<'_>) -> Result<(), Fault> {
        let (_, height) = self.size();
        let y = height as i32 - 14;
        let style = (FAMILY, LABEL).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
        let mut x = 14;
        for limits in &self.results.limits {
            let square = [(x, y - 5), (x + 10, y + 5)];
            root.draw(&Rectangle::new(square, self.colour(limits.threads).filled()))?;
            let memory = limits.places.last().map_or(0.0, Place::best);
            let (peak, memory) = (digits(limits.gflops), digits(memory));
            let text = format!("{}: {peak} GFLOP/s, {memory} GB/s", threads(limits.threads));
            root.draw(&Text::new(text, (x + 16, y), style.clone()))?;
            x += 230;
        }
        root.draw(&Text::new(machine(&self.results.machine), (x, y), style))?;
        Ok(())
    }
}

impl Picture for Roofline<'_> {
    fn size(&self) -> (u32, u32) {
        let bars = HEAD + self.block() * self.names.len() as i32 + FOOT;
        (ROOFS + BARS as u32, bars.max(440) as u32 + 20)
    }

    fn draw(&self, root: &Area<'_>) -> Result<(), Fault> {
        let (above, _) = root.split_vertically(self.size().1 - 24);
        let (roofs, bars) = above.split_horizontally(ROOFS);
        self.roofs(&roofs)?;
        self.bars(&bars)?;
        self.legend(root)
    }
}

/// The highest rate at each intensity: its slope is the place's speed, its top the processor's.
fn roof(limits: &Limits, place: &Place, x: &std::ops::Range<f64>) -> Vec<(f64, f64)> {
    let ridge = limits.gflops / place.best();
    let at = |x: f64| (x, limits.gflops.min(place.best() * x));
    let mut points = vec![at(x.start)];
    if x.contains(&ridge) {
        points.push(at(ridge));
    }
    points.push(at(x.end));
    points
}
