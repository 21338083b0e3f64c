//! The command line, which every program of a comparison shares.

use crate::scaling::Point;
use crate::shapes::{SHAPES, Shape};
use crate::timing::Timing;
use crate::workloads::Workload;

pub(crate) const USAGE: &str = "\
usage: flambeau-bench [--peer NAME] [--threads N] [--min-time S] [--warm S] [--reps N] [--memory] [--exact] [WORKLOAD-PREFIX]...
       flambeau-bench --list [WORKLOAD-PREFIX]...
Shapes and points of the scaling series are named in full: shape/FAMILY/SIZES, scaling/FAMILY/SIZE.";

pub(crate) struct Arguments {
    /// Under which name the figures are printed.
    pub(crate) peer: String,
    pub(crate) threads: usize,
    pub(crate) timing: Timing,
    /// Only print the names of the workloads.
    pub(crate) list: bool,
    /// Print the most memory that was resident too: of the whole process, so it means something for one workload.
    pub(crate) memory: bool,
    /// The prefixes are whole names: one may begin another.
    exact: bool,
    prefixes: Vec<String>,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Arguments {
            peer: "flambeau".into(),
            threads: 1,
            timing: Timing { min_time: 0.4, warm: 0.5, reps: 5 },
            list: false,
            memory: false,
            exact: false,
            prefixes: Vec::new(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--peer" => parsed.peer = value()?,
                "--threads" => parsed.threads = number(&argument, &value()?)?,
                "--min-time" => parsed.timing.min_time = number(&argument, &value()?)?,
                "--warm" => parsed.timing.warm = number(&argument, &value()?)?,
                "--reps" => parsed.timing.reps = number(&argument, &value()?)?,
                "--list" => parsed.list = true,
                "--memory" => parsed.memory = true,
                "--exact" => parsed.exact = true,
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                _ => parsed.prefixes.push(argument),
            }
        }
        if parsed.threads == 0 || parsed.timing.reps == 0 {
            return Err("--threads and --reps are at least 1".into());
        }
        Ok(parsed)
    }

    /// Prefixes of workloads that we do not have are passed over: one command line serves several programs.
    pub(crate) fn wants(&self, workload: &Workload) -> bool {
        if self.prefixes.is_empty() { !workload.only_if_named() } else { self.names(workload) }
    }

    /// Whether it is among those to list: all if none is named.
    pub(crate) fn lists(&self, workload: &Workload) -> bool {
        self.prefixes.is_empty() || self.names(workload)
    }

    fn names(&self, workload: &Workload) -> bool {
        self.prefixes.iter().any(|prefix| {
            if self.exact { workload.name == prefix } else { workload.name.starts_with(prefix.as_str()) }
        })
    }

    /// Those among the names that are shapes.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = (&str, Shape)> {
        self.prefixes.iter().filter_map(|name| Some((name.as_str(), Shape::named(name)?)))
    }

    /// The shapes to list: those of the file that begin with one of the prefixes, and others that are named.
    pub(crate) fn listed_shapes(&self) -> impl Iterator<Item = &str> {
        let begins = |name: &&str| self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        let others =
            self.shapes().map(|(name, _)| name).filter(|name| !SHAPES.lines().any(|own| own == *name));
        SHAPES.lines().filter(begins).chain(others)
    }

    /// The points of the scaling series among the names.
    pub(crate) fn points(&self) -> impl Iterator<Item = (&str, Point)> {
        self.prefixes.iter().filter_map(|name| Some((name.as_str(), Point::named(name)?)))
    }
}

fn number<T: std::str::FromStr>(option: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{option} {text}: not a number of the kind it takes"))
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use crate::workloads::WORKLOADS;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(String::from))
    }

    fn wanted(line: &str) -> Vec<&str> {
        let arguments = parse(line).unwrap();
        WORKLOADS.iter().filter(|w| arguments.wants(w)).map(|w| w.name).collect()
    }

    #[test]
    fn reads_the_options_of_the_harness() {
        let arguments = parse("--peer ours --threads 2 --min-time 0.1 --warm 0.2 --reps 3 W1").unwrap();
        assert_eq!((arguments.peer.as_str(), arguments.threads, arguments.timing.reps), ("ours", 2, 3));
        assert_eq!((arguments.timing.min_time, arguments.timing.warm), (0.1, 0.2));
        for wrong in ["--threads", "--threads two", "--threads 0", "--reps 0", "--verbose"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn prefixes_choose_and_unknown_ones_choose_nothing() {
        assert_eq!(wanted("W1_b64 W6_tiny W77"), ["W1_b64", "W6_tiny_grad", "W6_tiny_nograd"]);
        assert_eq!(wanted("W77"), [""; 0]);
        assert_eq!(wanted("").len(), WORKLOADS.len() - 1, "all but the cold start");
        assert_eq!(wanted("W8"), ["W8_cold"]);
        assert_eq!(wanted("W6_ce_fwd"), ["W6_ce_fwd", "W6_ce_fwdbwd"]);
        assert_eq!(wanted("--exact W6_ce_fwd W6_ce"), ["W6_ce_fwd"]);
        let points = parse("scaling/mlp-batch/64 scaling/mlp-batch/65 scaling W1").unwrap();
        assert_eq!(points.points().map(|(name, _)| name).collect::<Vec<_>>(), ["scaling/mlp-batch/64"]);
    }

    #[test]
    fn shapes_are_measured_if_named_whole_and_listed_by_their_beginnings() {
        let named =
            parse("shape/relu/7 shape/relu shape/relu/7x8 shape/mlp_grad/1x2x3 shape/sum_grad/2x3 W1")
                .unwrap();
        let names: Vec<_> = named.shapes().map(|(name, _)| name).collect();
        assert_eq!(names, ["shape/relu/7", "shape/sum_grad/2x3"]);
        let listed = parse("--list shape/bmm shape/relu/7 shape/relu/1000000 W1").unwrap();
        let listed: Vec<_> = listed.listed_shapes().collect();
        let bmm = ["shape/bmm/64x100x32x100", "shape/bmm/16x256x64x256"];
        assert_eq!(listed, [["shape/relu/1000000"].as_slice(), &bmm, &["shape/relu/7"]].concat());
    }
}
