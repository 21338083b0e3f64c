//! How a workload is timed: warm up, then several repetitions of as many calls as fill a given time.

use std::hint::black_box;
use std::time::Instant;

use crate::proc;

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Seconds that one repetition lasts.
    pub min_time: f64,
    /// Seconds before the first.
    pub warm: f64,
    /// Repetitions.
    pub reps: usize,
}

impl Timing {
    /// For figures that count.
    pub const USUAL: Timing = Timing { min_time: 0.4, warm: 0.3, reps: 5 };
    /// For a first look.
    pub const QUICK: Timing = Timing { min_time: 0.05, warm: 0.05, reps: 2 };
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Metric {
    StepsPerSecond,
    /// Less is better.
    NanosecondsPerOp,
}

/// What is known about a workload after it was run.
pub(crate) struct Measured {
    pub(crate) metric: Metric,
    /// Of each repetition, in the metric's unit.
    pub(crate) values: Vec<f64>,
    /// CPU seconds of the process per second of the clock: below 0.97 on one thread, others had the core.
    pub(crate) utilisation: Option<f64>,
    /// Of one repetition.
    pub(crate) calls: usize,
    /// Values that show that the work was done right.
    pub(crate) check: Vec<f64>,
}

impl Timing {
    /// Steps per second of a call that is one step. What it returns is dropped within the timed part.
    pub(crate) fn steps<R>(&self, check: f64, mut call: impl FnMut() -> R) -> Measured {
        let calls = self.warm_up(&mut call);
        let measured = repeated(self.reps, calls, call);
        let values = measured.values.into_iter().map(|seconds| calls as f64 / seconds).collect();
        Measured { metric: Metric::StepsPerSecond, values, check: vec![check], ..measured }
    }

    /// Nanoseconds per operation of a call that does `ops` of them.
    pub(crate) fn nanoseconds<R>(&self, ops: usize, check: f64, mut call: impl FnMut() -> R) -> Measured {
        let calls = self.warm_up(&mut call);
        let measured = repeated(self.reps, calls, call);
        let values =
            measured.values.into_iter().map(|seconds| seconds * 1e9 / (calls * ops) as f64).collect();
        Measured { metric: Metric::NanosecondsPerOp, values, check: vec![check], ..measured }
    }

    /// Calls that fill one repetition, judged by the quickest of the warm-up.
    fn warm_up<R>(&self, call: &mut impl FnMut() -> R) -> usize {
        let start = Instant::now();
        let (mut calls, mut quickest) = (0, f64::INFINITY);
        while calls < 2 || start.elapsed().as_secs_f64() < self.warm {
            let before = Instant::now();
            drop(black_box(call()));
            quickest = before.elapsed().as_secs_f64().min(quickest);
            calls += 1;
        }
        (self.min_time / quickest.max(1e-9)).ceil().max(1.0) as usize
    }
}

/// The seconds of each of `reps` repetitions of `calls` calls.
pub(crate) fn repeated<R>(reps: usize, calls: usize, mut call: impl FnMut() -> R) -> Measured {
    let (start, cpu) = (Instant::now(), proc::cpu_seconds());
    let mut values = Vec::with_capacity(reps);
    for _ in 0..reps {
        let before = Instant::now();
        for _ in 0..calls {
            drop(black_box(call()));
        }
        values.push(before.elapsed().as_secs_f64());
    }
    let wall = start.elapsed().as_secs_f64();
    let utilisation = proc::cpu_seconds().zip(cpu).map(|(after, before)| (after - before) / wall);
    Measured { metric: Metric::StepsPerSecond, values, utilisation, calls, check: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::Timing;

    #[test]
    fn a_call_that_sleeps_is_timed_right() {
        let timing = Timing { min_time: 0.02, warm: 0.0, reps: 3 };
        let pause = || std::thread::sleep(std::time::Duration::from_millis(2));
        let steps = timing.steps(0.0, pause);
        assert_eq!(steps.values.len(), 3);
        // A busy machine may make it slower, nothing makes it faster.
        assert!(steps.values.iter().all(|&rate| rate > 1.0 && rate <= 500.0), "{:?}", steps.values);
        let ops = timing.nanoseconds(1000, 0.0, pause);
        assert!(ops.values.iter().all(|&ns| ns >= 2000.0), "{:?}", ops.values);
    }
}
