//! What the pictures share.

use plotters::coord::combinators::LogCoord;
use plotters::prelude::*;
use std::ops::Range;

use crate::canvas::{Area, Canvas};
use crate::font::FAMILY;
use crate::picture::{COLOURS, Fault};

pub(super) const TITLE: i32 = 15;
pub(super) const LABEL: i32 = 12;

/// A chart of two logarithmic axes.
pub(super) type Chart<'a, 'b> = ChartContext<'a, Canvas<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;

/// A name below, beside or above a chart, and the values that it shows.
pub(super) struct Axis<'t> {
    pub(super) name: &'t str,
    pub(super) range: Range<f64>,
}

/// The colour of the nth number of threads.
pub(super) fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// "1 thread", "2 threads"
pub(super) fn threads(count: usize) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

/// From a little below the lowest of some positive values to a little above the highest; at least a factor of `least` apart.
pub(super) fn around(values: impl Iterator<Item = f64> + Clone, least: f64) -> Range<f64> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(0.0, f64::max);
    if !(low > 0.0 && high.is_finite()) {
        return 1.0..10.0;
    }
    let room = (least / (high / low)).max(1.0).sqrt() * 1.15;
    low / room..high * room
}

/// Axes and mesh.
pub(super) fn chart<'a, 'b, 't>(
    area: &'a Area<'b>,
    title: &str,
    [x, y]: [Axis<'t>; 2],
) -> Result<Chart<'a, 'b>, Fault> {
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FAMILY, TITLE))
        .margin(10)
        .x_label_area_size(34)
        .y_label_area_size(56)
        .build_cartesian_2d(x.range.log_scale(), y.range.log_scale())?;
    let label = |value: &f64| {
        let ten = value.log10().floor();
        // Between powers of ten there is room for two.
        let leading = (value / 10f64.powf(ten)).round();
        if [1.0, 2.0, 5.0, 10.0].contains(&leading) {
            format!("{value:.*}", (-ten).max(0.0) as usize)
        } else {
            String::new()
        }
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .axis_style(BLACK.mix(0.5))
        .x_desc(x.name)
        .y_desc(y.name)
        .x_labels(12)
        .y_labels(12)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .label_style((FAMILY, LABEL))
        .draw()?;
    Ok(chart)
}
