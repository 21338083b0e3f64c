//! The figures of all workloads, each beside what the machine could do.

use std::time::Duration;

use flambeau::Result;
use serde::{Deserialize, Serialize};

use crate::machine::{Limits, Machine};
use crate::measure::{Program, starts};
use crate::workloads::{Kind, WORKLOADS, Workload};
use crate::{Timing, Work};

/// What was measured on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Where.
    pub machine: Machine,
    /// What it does at most, by threads.
    pub limits: Vec<Limits>,
    /// What flambeau does.
    pub workloads: Vec<Row>,
}

/// What was measured of a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub workload: String,
    /// With so many threads.
    pub threads: usize,
    /// `steps_per_s`; `ns_per_op` and `seconds`, of which less is better.
    pub metric: String,
    /// The median of the repetitions.
    pub value: f64,
    /// The lowest of them.
    pub lo: f64,
    /// The highest of them.
    pub hi: f64,
    /// Calls in a repetition.
    pub calls: usize,
    /// Whether other programs had a part of the only core.
    pub disturbed: bool,
    /// The most memory that was resident, of 2²⁰ bytes each; the whole process's.
    pub peak_rss_mb: Option<f64>,
    /// What a step must do.
    pub work: Option<Work>,
    /// How near that came to the limit.
    pub reached: Option<Reached>,
}

/// A rate beside the highest that the machine allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// 10⁹ floating-point operations a second.
    pub gflops: f64,
    /// 10⁹ bytes a second.
    pub gigabytes: f64,
    /// Steps a second, at most: the lower of what arithmetic and memory allow.
    pub limit: f64,
    /// The part of the limit that was reached.
    pub share: f64,
    /// What sets the limit: `arithmetic`, or the place in memory.
    pub bound: String,
}

impl Results {
    /// Measures what the machine does at most. `report` hears what is measured next.
    pub fn of_machine(threads: &[usize], timing: &Timing, mut report: impl FnMut(&str)) -> Self {
        let machine = Machine::here();
        let each = Duration::from_secs_f64((timing.min_time / 8.0).max(0.005));
        let limits = |&threads: &usize| {
            report(&format!("the machine, threads {threads}"));
            machine.limits(threads, timing.reps, each)
        };
        let limits = threads.iter().map(limits).collect();
        Results { machine, limits, workloads: Vec::new() }
    }

    /// Measures a workload and adds its row. The cold start has one thread in any case.
    ///
    /// # Errors
    /// If the process cannot be run, or fails, or computes something wrong.
    pub fn measure(
        &mut self,
        program: &Program,
        workload: &Workload,
        threads: usize,
        timing: &Timing,
    ) -> Result<()> {
        let figures = match workload.kind {
            Kind::Repeated(_) => program.figures(workload.name, threads, timing)?,
            Kind::FirstStep(_) => program.cold_start(workload.name, starts(timing))?,
        };
        self.workloads.push(Row {
            workload: workload.name.into(),
            threads,
            metric: figures.metric,
            value: figures.value,
            lo: figures.lo,
            hi: figures.hi,
            calls: figures.calls,
            disturbed: figures.disturbed,
            peak_rss_mb: figures.peak_rss_mb,
            work: workload.work,
            reached: None,
        });
        self.settle();
        Ok(())
    }

    /// Takes what another measurement on the same machine found faster: other load only slows.
    pub fn merge(&mut self, other: Results) {
        for limits in other.limits {
            match self.limits.iter_mut().find(|own| own.threads == limits.threads) {
                Some(own) => own.merge(limits),
                None => self.limits.push(limits),
            }
        }
        for row in other.workloads {
            let same = |own: &&mut Row| own.workload == row.workload && own.threads == row.threads;
            match self.workloads.iter_mut().find(same) {
                Some(own) if row.speed() > own.speed() => *own = row,
                Some(_) => {}
                None => self.workloads.push(row),
            }
        }
        self.settle();
    }

    /// Puts all in order, and the rates beside their limits.
    fn settle(&mut self) {
        self.limits.sort_by_key(|limits| limits.threads);
        let place = |name: &str| WORKLOADS.iter().position(|workload| workload.name == name);
        self.workloads.sort_by_key(|row| (place(&row.workload), row.threads));
        for row in &mut self.workloads {
            let limits = self.limits.iter().find(|limits| limits.threads == row.threads);
            row.reached = limits.and_then(|limits| row.reached(limits));
        }
    }
}

impl Row {
    /// More is better.
    fn speed(&self) -> f64 {
        if self.metric == "steps_per_s" { self.value } else { 1.0 / self.value }
    }

    fn reached(&self, limits: &Limits) -> Option<Reached> {
        let work = self.work?;
        let (arithmetic, memory) = limits.seconds(&work);
        let seconds = arithmetic.max(memory);
        let bound = if arithmetic >= memory { "arithmetic" } else { limits.place(&work)?.name.as_str() };
        Some(Reached {
            gflops: work.flop * self.value / 1e9,
            gigabytes: (work.read + work.written) * self.value / 1e9,
            limit: 1.0 / seconds,
            share: self.value * seconds,
            bound: bound.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Place;

    fn row(workload: &str, threads: usize, value: f64) -> Row {
        let work = Some(Work { flop: 1e9, read: 4e8, written: 1e8 });
        let workload = workload.into();
        Row {
            workload,
            threads,
            value,
            work,
            metric: "steps_per_s".into(),
            lo: value,
            hi: value,
            calls: 1,
            disturbed: false,
            peak_rss_mb: None,
            reached: None,
        }
    }

    fn results(gflops: f64, rows: Vec<Row>) -> Results {
        let memory = Place { name: "memory".into(), size: None, read: 10.0, copy: 20.0, triad: 15.0 };
        let machine =
            Machine { processor: "p".into(), cores: 1, instruction_set: "scalar".into(), caches: vec![] };
        Results {
            machine,
            limits: vec![Limits { threads: 1, gflops, places: vec![memory] }],
            workloads: rows,
        }
    }

    #[test]
    fn the_faster_of_two_measurements_counts() {
        let mut all = results(10.0, vec![row("W2_b64", 1, 4.0), row("W1_b64", 1, 3.0)]);
        all.merge(results(20.0, vec![row("W2_b64", 1, 5.0), row("W1_b64", 2, 1.0)]));
        let rows: Vec<_> = all.workloads.iter().map(|r| (r.workload.as_str(), r.threads, r.value)).collect();
        assert_eq!(rows, [("W1_b64", 1, 3.0), ("W1_b64", 2, 1.0), ("W2_b64", 1, 5.0)]);
        // 10⁹ operations take 1/20 s, 5·10⁸ bytes 1/40 s.
        let reached = all.workloads[2].reached.as_ref().unwrap();
        assert_eq!((reached.limit, reached.share, &*reached.bound), (20.0, 0.25, "arithmetic"));
        assert_eq!((reached.gflops, reached.gigabytes), (5.0, 2.5));
        assert_eq!(all.workloads[1].reached, None, "nothing is known of two threads");
    }

    #[test]
    fn results_are_read_as_they_were_written() {
        let mut all = results(10.0, vec![row("W1_b64", 1, 3.0)]);
        all.settle();
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), all);
    }
}
