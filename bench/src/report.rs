//! The JSON lines.

use serde::Serialize;
use serde_json::{Value, json};

use crate::timing::{Measured, Metric};

/// Whose line it is.
pub(crate) struct Report<'a> {
    pub(crate) peer: &'a str,
    pub(crate) threads: usize,
    pub(crate) workload: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    peer: &'a str,
    threads: usize,
    workload: &'a str,
    metric: &'a str,
    value: Option<f64>,
    #[serde(flatten)]
    rest: Option<Rest<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Rest<'a> {
    Measured { lo: f64, hi: f64, util: Option<f64>, calls: usize, check: Value },
    Error { error: &'a str },
}

impl Report<'_> {
    pub(crate) fn measured(&self, measured: &Measured) {
        let metric = match measured.metric {
            Metric::StepsPerSecond => "steps_per_s",
            Metric::NanosecondsPerOp => "ns_per_op",
        };
        let mut values = measured.values.clone();
        values.sort_by(f64::total_cmp);
        let rest = Rest::Measured {
            lo: values[0],
            hi: values[values.len() - 1],
            util: measured.utilisation.map(|util| (util * 1000.0).round() / 1000.0),
            calls: measured.calls,
            check: match measured.check[..] {
                [one] => json!(one),
                ref several => json!(several),
            },
        };
        self.print(metric, Some(median(&values)), Some(rest));
    }

    pub(crate) fn peak_rss(&self, megabytes: f64) {
        self.print("peak_rss_mb", Some(megabytes), None);
    }

    pub(crate) fn error(&self, error: &str) {
        self.print("error", None, Some(Rest::Error { error }));
    }

    #[allow(clippy::print_stdout, reason = "the program's output is the measurements")]
    fn print(&self, metric: &str, value: Option<f64>, rest: Option<Rest<'_>>) {
        let &Report { peer, threads, workload } = self;
        let line = Line { peer, threads, workload, metric, value, rest };
        println!("{}", serde_json::to_string(&line).expect("strings and numbers"));
    }
}

fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[half - 1] + sorted[half]) / 2.0 } else { sorted[half] }
}

#[cfg(test)]
mod tests {
    use super::{Line, Rest, median};

    #[test]
    fn lines_have_the_fields_of_the_harness() {
        let rest = Rest::Measured { lo: 1.0, hi: 3.0, util: None, calls: 7, check: 0.5.into() };
        let line =
            Line { peer: "p", threads: 2, workload: "w", metric: "m", value: Some(2.0), rest: Some(rest) };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"peer":"p","threads":2,"workload":"w","metric":"m","value":2.0,"lo":1.0,"hi":3.0,"util":null,"calls":7,"check":0.5}"#
        );
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!((median(&[1.0, 2.0, 9.0]), median(&[1.0, 2.0, 4.0, 9.0])), (2.0, 3.0));
    }
}
