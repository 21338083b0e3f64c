//! `flambeau bench scaling`.

use flambeau::{Error, Result};
use flambeau_bench::Timing;
use flambeau_bench::scaling::{Cliff, FAMILIES, Family, Figure, MOST, Scaling};
use plotters::prelude::*;
use serde_json::json;

use super::plot::{Axis, LABEL, around, chart, colour, threads};
use super::table::{digits, machine};
use super::{ScalingArgs, families, merged, print_json, program};
use crate::canvas::Area;
use crate::columns;
use crate::console::say;
use crate::font::FAMILY;
use crate::picture::{self, COLOURS, Fault, Picture};
use crate::progress::Steps;

/// There are many networks, and the best repetition counts.
const TIMING: Timing = Timing { min_time: 0.1, warm: 0.1, reps: 5 };

pub(super) fn run(args: &ScalingArgs) -> Result<()> {
    let scaling = match merged(&args.from, Scaling::merge)? {
        Some(scaling) => scaling,
        None => measure(args)?,
    };
    let cliffs = scaling.cliffs();
    if args.common.json {
        print_json(&json!({
            "machine": scaling.machine,
            "points": scaling.points,
            "most": MOST,
            "cliffs": cliffs,
        }))?;
    } else {
        say(machine(&scaling.machine));
        say("");
        print(args, &scaling, &cliffs);
    }
    match &args.common.plot {
        Some(path) => picture::write(path, &Panels::new(&scaling, &cliffs)?),
        None => Ok(()),
    }
}

fn measure(args: &ScalingArgs) -> Result<Scaling> {
    let timing = args.common.timing(TIMING);
    let plan = Scaling::planned(&families(&args.families), &args.common.threads(), args.up_to);
    let (bar, program) = (Steps::new(plan.len()), program()?);
    let mut scaling = Scaling::here();
    for (point, threads) in plan {
        bar.show(&format!("{}, threads {threads}", point.name()));
        scaling.measure(&program, (point, threads), &timing)?;
        bar.done();
    }
    if !args.common.quick {
        scaling.confirm(&program, &timing, |what| bar.show(what))?;
    }
    Ok(scaling)
}

fn print(args: &ScalingArgs, scaling: &Scaling, cliffs: &[Cliff]) {
    let row = |figure: &Figure| {
        let family = family(&figure.family);
        // The time at the size before.
        let same = |cliff: &&Cliff| {
            cliff.family == figure.family && cliff.threads == figure.threads && cliff.to == figure.size
        };
        let cliff = cliffs.iter().find(same).map(|cliff| format!("{:.2} ×", cliff.ratio));
        vec![
            figure.family.clone(),
            figure.threads.to_string(),
            format!("{} {}", family.map_or("", |family| family.axis), figure.size),
            digits(1e3 * figure.seconds),
            digits(1e9 * figure.seconds_per_unit),
            family.map_or("", |family| family.unit).to_owned(),
            figure.peak_rss_mb.map_or("–".into(), digits),
            cliff.unwrap_or_default(),
        ]
    };
    let head = ["family", "threads", "size", "ms/step", "ns", "for each", "peak MB", "cliff"];
    let rows = scaling.points.iter().map(row).collect();
    columns::print_as(args.common.style(), head, rows, &[1, 3, 4, 6, 7]);
    say("");
    if cliffs.is_empty() {
        say(format_args!(
            "no cliffs: time for a unit of work is at most {MOST} times that at the size before"
        ));
    }
    for Cliff { family, threads: count, from, to, ratio } in cliffs {
        say(format_args!(
            "cliff: {family} from {from} to {to}, {}: {ratio:.2} times as long",
            threads(*count)
        ));
    }
}

fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

const SIZE: (u32, u32) = (400, 320);
const COLUMNS: usize = 3;

/// A panel for each family.
struct Panels<'a> {
    scaling: &'a Scaling,
    cliffs: &'a [Cliff],
    families: Vec<&'static Family>,
    threads: Vec<usize>,
}

impl<'a> Panels<'a> {
    fn new(scaling: &'a Scaling, cliffs: &'a [Cliff]) -> Result<Self> {
        let measured = |family: &&Family| scaling.points.iter().any(|point| point.family == family.name);
        let families: Vec<_> = FAMILIES.iter().filter(measured).collect();
        if families.is_empty() {
            return Err(Error::config("--plot", "has no figures to draw"));
        }
        let mut threads: Vec<usize> = scaling.points.iter().map(|point| point.threads).collect();
        threads.sort_unstable();
        threads.dedup();
        Ok(Panels { scaling, cliffs, families, threads })
    }

    fn rows(&self) -> usize {
        self.families.len().div_ceil(COLUMNS)
    }

    fn panel(&self, area: &Area<'_>, family: &Family) -> Result<(), Fault> {
        let figures = self.scaling.points.iter().filter(|figure| figure.family == family.name);
        let point = |figure: &Figure| (figure.size as f64, 1e9 * figure.seconds_per_unit);
        let all = figures.clone().map(point);
        let axes = [
            Axis { name: family.axis, range: around(all.clone().map(|(x, _)| x), 2.0) },
            // Where all is well, it should not look wild.
            Axis { name: &format!("ns for each {}", family.unit), range: around(all.map(|(_, y)| y), 10.0) },
        ];
        let mut chart = chart(area, family.about, axes)?;
        for (index, &count) in self.threads.iter().enumerate() {
            let points: Vec<_> =
                figures.clone().filter(|figure| figure.threads == count).map(point).collect();
            let colour = colour(index);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(threads(count))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
            chart.draw_series(points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
        }
        let steep = figures.filter(|figure| {
            let same = |cliff: &Cliff| {
                (&cliff.family, cliff.threads, cliff.to) == (&figure.family, figure.threads, figure.size)
            };
            self.cliffs.iter().any(same)
        });
        chart.draw_series(steep.map(|figure| Circle::new(point(figure), 7, COLOURS[3].stroke_width(2))))?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .label_font((FAMILY, LABEL))
            .draw()?;
        Ok(())
    }
}

impl Picture for Panels<'_> {
    fn size(&self) -> (u32, u32) {
        let columns = self.families.len().min(COLUMNS);
        (SIZE.0 * columns as u32, SIZE.1 * self.rows() as u32)
    }

    fn draw(&self, root: &Area<'_>) -> Result<(), Fault> {
        let areas = root.split_evenly((self.rows(), self.families.len().min(COLUMNS)));
        for (area, family) in areas.iter().zip(&self.families) {
            self.panel(area, family)?;
        }
        Ok(())
    }
}
