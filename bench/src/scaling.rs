//! Whether cost grows in step with work: training steps of small networks by batch, width, depth and size of the images.

use flambeau::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Timing;
use crate::machine::Machine;
use crate::measure::Program;
use crate::timing::Measured;
use crate::training;

/// Time for a unit of work at the next size may be at most so many times that at the size.
pub const MOST: f64 = 1.3;
/// How often both sides of a cliff are measured again, for it may have been another program's doing.
const AGAIN: usize = 2;
const PREFIX: &str = "scaling/";
const CLASSES: usize = 10;

/// Networks that differ in one thing.
pub struct Family {
    /// What the command line takes.
    pub name: &'static str,
    /// What the network is.
    pub about: &'static str,
    /// What differs.
    pub axis: &'static str,
    /// What the time is divided by.
    pub unit: &'static str,
    /// Of what differs.
    pub sizes: &'static [usize],
    /// Units of work in a step.
    work: fn(usize) -> f64,
    /// Network, shape of an input, and batch.
    network: fn(usize) -> (Sequential, Vec<usize>, usize),
}

/// All that there are.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "mlp-batch",
        about: "MLP 784–200–200–10",
        axis: "batch",
        unit: "sample",
        sizes: &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
        work: |batch| batch as f64,
        network: |batch| (mlp(784, 200, 2), vec![784], batch),
    },
    Family {
        name: "mlp-width",
        about: "MLP of equal widths, batch of 64",
        axis: "width",
        unit: "multiply-add",
        sizes: &[64, 128, 256, 512, 1024, 2048, 4096],
        work: |width| (64 * width * (5 * width + 3 * CLASSES)) as f64,
        network: |width| (mlp(width, width, 2), vec![width], 64),
    },
    Family {
        name: "mlp-depth",
        about: "MLP of width 128, batch of 64",
        axis: "layers",
        // The first layer has no gradient of its input, and the last few outputs: a layer is not always the same work.
        unit: "multiply-add",
        sizes: &[2, 4, 8, 16, 32, 64, 128, 200],
        work: |layers| (64 * (128 * 128 * (3 * (layers - 1) - 1) + 3 * 128 * CLASSES)) as f64,
        network: |layers| (mlp(128, 128, layers - 1), vec![128], 64),
    },
    Family {
        name: "cnn-batch",
        about: "CNN of 16, 32 channels, 28 × 28 pixels",
        axis: "batch",
        unit: "sample",
        sizes: &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
        work: |batch| batch as f64,
        network: |batch| (cnn(1, 16, 32), vec![1, 28, 28], batch),
    },
    Family {
        name: "cnn-channels",
        about: "CNN on 16 × 16 pixels, batch of 16",
        axis: "channels",
        unit: "multiply-add",
        sizes: &[4, 8, 16, 32, 64, 128, 256],
        // The first convolution has 3 inputs, whose gradient is not wanted.
        work: |n| (16 * (256 * 9 * 3 * n * 2 + 64 * 9 * n * n * 3 + n * CLASSES * 3)) as f64,
        network: |channels| (cnn(3, channels, channels), vec![3, 16, 16], 16),
    },
    Family {
        name: "cnn-size",
        about: "CNN of 16, 32 channels, batch of 4",
        axis: "side",
        unit: "pixel",
        sizes: &[8, 16, 32, 64, 128, 256, 512],
        work: |side| (4 * side * side) as f64,
        network: |side| (cnn(3, 16, 32), vec![3, side, side], 4),
    },
];

fn mlp(inputs: usize, width: usize, hidden: usize) -> Sequential {
    let mut layers = Sequential::new(());
    let mut from = inputs;
    for _ in 0..hidden {
        layers = layers.add(Linear::new(from, width)).add(ReLU::default());
        from = width;
    }
    layers.add(Linear::new(from, CLASSES))
}

fn cnn(inputs: usize, first: usize, second: usize) -> Sequential {
    Sequential::new((
        Conv2d::new(inputs, first, 3).padding(1),
        ReLU::default(),
        MaxPool2d::new(2),
        Conv2d::new(first, second, 3).padding(1),
        ReLU::default(),
        MaxPool2d::new(2),
        AdaptiveAvgPool2d::new(1),
        Flatten::default(),
        Linear::new(second, CLASSES),
    ))
}

/// One network of a family.
#[derive(Clone, Copy)]
pub struct Point {
    family: &'static Family,
    size: usize,
}

impl Point {
    /// The one that [`Point::name`] gave this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (family, size) = name.strip_prefix(PREFIX)?.split_once('/')?;
        let family = FAMILIES.iter().find(|own| own.name == family)?;
        let size = size.parse().ok().filter(|size| family.sizes.contains(size))?;
        Some(Point { family, size })
    }

    /// What [`run`](crate::run) takes.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}/{}", self.family.name, self.size)
    }

    /// Training steps with SGD and momentum, over two batches in turns.
    pub(crate) fn measure(&self, timing: &Timing) -> Measured {
        let (model, shape, batch) = (self.family.network)(self.size);
        let data = training::ready(&model, &shape, batch, 2);
        let mut optimizer = SGD::new(model.parameters(), 0.001).momentum(0.9);
        training::steps(timing, &model, &mut optimizer, &data)
    }
}

/// What was measured on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Where.
    pub machine: Machine,
    /// In order of families, threads and sizes.
    pub points: Vec<Figure>,
}

/// What was measured of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Its family.
    pub family: String,
    /// With so many threads.
    pub threads: usize,
    /// What differs within the family.
    pub size: usize,
    /// Of the quickest repetition, for a step: other load only slows.
    pub seconds: f64,
    /// Those seconds divided by the units of work in a step.
    pub seconds_per_unit: f64,
    /// The most memory that was resident, of 2²⁰ bytes each.
    pub peak_rss_mb: Option<f64>,
}

/// Two sizes between which the time for a unit of work grows too much.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cliff {
    /// Of networks.
    pub family: String,
    /// With so many threads.
    pub threads: usize,
    /// The smaller size.
    pub from: usize,
    /// The larger size.
    pub to: usize,
    /// Time for a unit of work at the larger to that at the smaller.
    pub ratio: f64,
}

impl Scaling {
    /// Of no network yet.
    pub fn here() -> Self {
        Scaling { machine: Machine::here(), points: Vec::new() }
    }

    /// The networks of these families up to a size, each with these numbers of threads.
    pub fn planned(
        families: &[&'static Family],
        threads: &[usize],
        most: Option<usize>,
    ) -> Vec<(Point, usize)> {
        let sizes = |family: &'static Family| family.sizes.iter().map(move |&size| Point { family, size });
        let points = families.iter().flat_map(|family| sizes(family));
        let points = points.filter(|point| most.is_none_or(|most| point.size <= most));
        points.flat_map(|point| threads.iter().map(move |&threads| (point, threads))).collect()
    }

    /// Measures one; a figure that is there already stays if it is lower.
    ///
    /// # Errors
    /// If the process cannot be run, or fails.
    pub fn measure(
        &mut self,
        program: &Program,
        (point, threads): (Point, usize),
        timing: &Timing,
    ) -> flambeau::Result<()> {
        let figures = program.figures(&point.name(), threads, timing)?;
        let seconds = 1.0 / figures.hi;
        self.take(Figure {
            family: point.family.name.into(),
            threads,
            size: point.size,
            seconds,
            seconds_per_unit: seconds / (point.family.work)(point.size),
            peak_rss_mb: figures.peak_rss_mb,
        });
        Ok(())
    }

    /// Measures both sides of each cliff again. `report` hears what is measured next.
    ///
    /// # Errors
    /// If the process cannot be run, or fails.
    pub fn confirm(
        &mut self,
        program: &Program,
        timing: &Timing,
        mut report: impl FnMut(&str),
    ) -> flambeau::Result<()> {
        for _ in 0..AGAIN {
            for cliff in self.cliffs() {
                for size in [cliff.from, cliff.to] {
                    let name = format!("{PREFIX}{}/{size}", cliff.family);
                    report(&format!("again {name}, threads {}", cliff.threads));
                    if let Some(point) = Point::named(&name) {
                        self.measure(program, (point, cliff.threads), timing)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes what another measurement on the same machine found faster.
    pub fn merge(&mut self, other: Scaling) {
        other.points.into_iter().for_each(|figure| self.take(figure));
    }

    fn take(&mut self, figure: Figure) {
        let key = |figure: &Figure| (place(&figure.family), figure.threads, figure.size);
        match self.points.binary_search_by_key(&key(&figure), key) {
            Ok(at) if self.points[at].seconds > figure.seconds => self.points[at] = figure,
            Ok(_) => {}
            Err(at) => self.points.insert(at, figure),
        }
    }

    /// Where the time for a unit of work at the next size is more than [`MOST`] times that at the size.
    pub fn cliffs(&self) -> Vec<Cliff> {
        let pairs = self.points.iter().zip(self.points.iter().skip(1));
        let pairs = pairs.filter(|(a, b)| a.family == b.family && a.threads == b.threads);
        let cliff = |(a, b): (&Figure, &Figure)| Cliff {
            family: a.family.clone(),
            threads: a.threads,
            from: a.size,
            to: b.size,
            ratio: b.seconds_per_unit / a.seconds_per_unit,
        };
        pairs.map(cliff).filter(|cliff| cliff.ratio > MOST).collect()
    }
}

fn place(family: &str) -> Option<usize> {
    FAMILIES.iter().position(|own| own.name == family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(family: &str, threads: usize, size: usize, seconds: f64) -> Figure {
        let seconds_per_unit = seconds / size as f64;
        Figure { family: family.into(), threads, size, seconds, seconds_per_unit, peak_rss_mb: None }
    }

    #[test]
    fn a_cliff_is_seen_within_a_family_and_a_number_of_threads() {
        let mut all = Scaling::here();
        for (threads, size, seconds) in [(2, 4, 9.0), (1, 2, 2.0), (1, 1, 1.0), (1, 4, 5.3), (2, 2, 1.0)] {
            all.take(figure("mlp-batch", threads, size, seconds));
        }
        all.take(figure("cnn-batch", 1, 1, 100.0));
        let cliff = |threads, from, to, ratio| Cliff { family: "mlp-batch".into(), threads, from, to, ratio };
        assert_eq!(all.cliffs(), [cliff(1, 2, 4, 5.3 / 4.0), cliff(2, 2, 4, 4.5)]);
        // Measured again, one was other load.
        let mut again = Scaling::here();
        again.take(figure("mlp-batch", 1, 4, 5.1));
        again.take(figure("mlp-batch", 2, 4, 9.5));
        all.merge(again);
        assert_eq!(all.cliffs(), [cliff(2, 2, 4, 4.5)]);
    }

    #[test]
    fn every_network_takes_its_input() {
        let timing = Timing { min_time: 0.0, warm: 0.0, reps: 1 };
        for family in FAMILIES {
            let point = Point { family, size: family.sizes[0] };
            assert!(Point::named(&point.name()).is_some_and(|named| named.size == point.size));
            let loss = point.measure(&timing).check[0];
            assert!((1.0..5.0).contains(&loss), "{}: {loss}", point.name());
        }
    }
}
