//! What was measured, as tables.

use flambeau_bench::machine::{Cache, Limits, Machine, Place};
use flambeau_bench::{Results, Row, Workload};

use crate::columns::{self, Style};
use crate::console::say;

const NONE: &str = "–";

/// The names of workloads, and what they are.
pub(super) fn list(workloads: &[&Workload]) {
    let row = |workload: &&Workload| {
        let missing = workload.missing().map(|missing| format!(" ({missing})")).unwrap_or_default();
        vec![workload.name.to_owned(), format!("{}{missing}", workload.about())]
    };
    columns::print(["workload", "what is timed"], workloads.iter().map(row).collect(), &[]);
}

/// The machine's name, in a line.
pub(super) fn machine(machine: &Machine) -> String {
    let cache = |cache: &Cache| {
        let shared = if cache.cores > 1 { format!(" for {} cores", cache.cores) } else { String::new() };
        format!("L{} {}{shared}", cache.level, bytes(cache.size))
    };
    let caches: Vec<String> = machine.caches.iter().map(cache).collect();
    let caches = if caches.is_empty() { String::new() } else { format!("; {}", caches.join(", ")) };
    let plural = if machine.cores == 1 { "" } else { "s" };
    format!("{}, {} core{plural}, {}{caches}", machine.processor, machine.cores, machine.instruction_set)
}

/// All of it.
pub(super) fn print(results: &Results, style: Style) {
    say(machine(&results.machine));
    say("");
    limits(&results.limits, style);
    if results.workloads.is_empty() {
        return;
    }
    say("");
    let head = [
        "workload", "threads", "rate", "", "GFLOP", "MB", "GFLOP/s", "GB/s", "of limit", "bound by",
        "peak MB",
    ];
    columns::print_as(style, head, results.workloads.iter().map(row).collect(), &[1, 2, 4, 5, 6, 7, 8, 10]);
    say("");
    say(
        "GFLOP and MB: what a step must do at least; Winograd's convolutions do with less arithmetic. Peak MB: the whole",
    );
    say("process, data and all.");
    if results.workloads.iter().any(|row| row.disturbed) {
        say("*: other programs used the core meanwhile.");
    }
}

/// What the machine does at most.
fn limits(limits: &[Limits], style: Style) {
    let row = |limits: &Limits, place: &Place, first: bool| {
        let own = |text: String| if first { text } else { String::new() };
        let size = place.size.map(bytes).unwrap_or_default();
        let rates = [place.read, place.copy, place.triad].map(digits);
        let cells = [own(limits.threads.to_string()), own(digits(limits.gflops)), place.name.clone(), size];
        cells.into_iter().chain(rates).collect()
    };
    let places = |limits: &Limits| {
        let rows = limits.places.iter().enumerate().map(|(i, place)| row(limits, place, i == 0));
        rows.collect::<Vec<Vec<String>>>()
    };
    let head = ["threads", "GFLOP/s", "place", "size", "read GB/s", "copy", "a + ½b"];
    columns::print_as(style, head, limits.iter().flat_map(places).collect(), &[0, 1, 3, 4, 5, 6]);
}

fn row(row: &Row) -> Vec<String> {
    let optional = |value: Option<f64>| value.map_or(NONE.into(), digits);
    let reached = row.reached.as_ref();
    let unit = match row.metric.as_str() {
        "steps_per_s" => "/s",
        "ns_per_op" => "ns",
        _ => "s",
    };
    vec![
        row.workload.clone(),
        row.threads.to_string(),
        digits(row.value) + if row.disturbed { "*" } else { "" },
        unit.into(),
        optional(row.work.map(|work| work.flop / 1e9)),
        optional(row.work.map(|work| (work.read + work.written) / 1e6)),
        optional(reached.map(|reached| reached.gflops)),
        optional(reached.map(|reached| reached.gigabytes)),
        reached.map_or(NONE.into(), |reached| format!("{:.0} %", 100.0 * reached.share)),
        reached.map_or(NONE.into(), |reached| reached.bound.clone()),
        optional(row.peak_rss_mb),
    ]
}

/// Three digits, or all those before the point.
pub(super) fn digits(value: f64) -> String {
    let digits = 2.0 - value.abs().max(1e-4).log10().floor();
    format!("{value:.*}", digits.max(0.0) as usize)
}

fn bytes(count: usize) -> String {
    if count >= 1 << 20 { format!("{} MiB", count >> 20) } else { format!("{} KiB", count >> 10) }
}
