//! `flambeau bench`: how fast this machine is, and how fast flambeau is on it.

mod plot;
mod roofline;
mod scaling;
mod table;

use clap::{Args, Subcommand};
use flambeau::{Error, Result};
use flambeau_bench::scaling::{FAMILIES, Family};
use flambeau_bench::{Program, Results, Timing, Workload, workloads};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::{count, threads};
use crate::columns::Style;
use crate::console::say;
use crate::picture;
use crate::progress::Steps;

/// The first word of the processes that measure, which this program starts.
pub(crate) const WORKER: &str = "bench-worker";

/// Measure this machine, and flambeau on it
///
/// Shows what the machine does at most (multiply-adds in registers, bytes to and from the caches and the memory) and how near
/// each workload comes to that. Workloads run in processes of their own, one after the other; the machine should do nothing
/// else meanwhile. The least memory traffic and arithmetic that a workload needs set its limit.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    command: Option<BenchCommand>,

    /// Beginnings of the workloads' names, such as W1 or W6_conv [default: all]
    #[arg(value_name = "WORKLOAD")]
    workloads: Vec<String>,

    #[command(flatten)]
    common: Common,

    /// Print the names of the workloads and what they do
    #[arg(long)]
    list: bool,

    /// Measure the machine alone
    #[arg(long, conflicts_with_all = ["workloads", "plot"])]
    peak: bool,

    /// Show what `--json` printed earlier, and measure nothing; of several files, the fastest figures
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["workloads", "peak", "list", "threads", "quick"])]
    from: Vec<PathBuf>,
}

/// What all measurements take.
#[derive(Debug, Args)]
struct Common {
    /// Numbers of threads [default: 1 and one a core]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = threads)]
    threads: Vec<usize>,

    /// Measure for a short time: a first look
    #[arg(long)]
    quick: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Print the tables as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,

    /// Draw a picture too: .svg or .png
    #[arg(long, value_name = "FILE", value_parser = picture::file)]
    plot: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  flambeau bench
  flambeau bench W1 W6_conv --threads 1
  flambeau bench --peak
  flambeau bench --json > bench.json
  flambeau bench --from bench.json --plot roofline.svg
  flambeau bench scaling --plot scaling.svg";

#[derive(Debug, Subcommand)]
enum BenchCommand {
    Scaling(ScalingArgs),
}

/// Measure whether time grows in step with work
///
/// Trains small networks of growing batch, width, depth or image, and shows the time for a unit of work: for a sample, a
/// multiply-add, a layer, a pixel. Where that is more than 1.3 times as long at the next size, there is a cliff; both sides are
/// then measured again.
#[derive(Debug, Args)]
#[command(after_help = SCALING_EXAMPLES)]
struct ScalingArgs {
    /// Families of networks [default: all]
    #[arg(value_name = "FAMILY", value_parser = family())]
    families: Vec<String>,

    #[command(flatten)]
    common: Common,

    /// Leave out larger sizes
    #[arg(long, value_name = "SIZE", value_parser = count)]
    up_to: Option<usize>,

    /// Show what `--json` printed earlier, and measure nothing; of several files, the fastest figures
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["families", "up_to", "threads", "quick"])]
    from: Vec<PathBuf>,
}

const SCALING_EXAMPLES: &str = "\
Examples:
  flambeau bench scaling
  flambeau bench scaling mlp-batch cnn-batch --threads 1
  flambeau bench scaling --json > scaling.json
  flambeau bench scaling --from scaling.json --plot scaling.svg";

fn family() -> clap::builder::PossibleValuesParser {
    FAMILIES.iter().map(|family| family.name).collect::<Vec<_>>().into()
}

impl Common {
    fn threads(&self) -> Vec<usize> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut threads = if self.threads.is_empty() { vec![1, cores] } else { self.threads.clone() };
        threads.sort_unstable();
        threads.dedup();
        threads
    }

    fn timing(&self, usual: Timing) -> Timing {
        if self.quick { Timing::QUICK } else { usual }
    }

    fn style(&self) -> Style {
        if self.markdown { Style::Markdown } else { Style::Plain }
    }
}

/// What the processes do that this program starts to measure.
pub(crate) fn work(words: impl Iterator<Item = OsString>) -> ExitCode {
    flambeau_bench::run(words.map(|word| word.to_string_lossy().into_owned()))
}

pub(crate) fn run(args: BenchArgs) -> Result<()> {
    if let Some(BenchCommand::Scaling(args)) = args.command {
        return scaling::run(&args);
    }
    let chosen = chosen(&args.workloads)?;
    if args.list {
        table::list(&chosen);
        return Ok(());
    }
    let (chosen, left_out): (Vec<_>, Vec<_>) =
        chosen.into_iter().partition(|workload| workload.missing().is_none());
    let results = match merged(&args.from, Results::merge)? {
        Some(results) => results,
        None => measure(&args, if args.peak { &[] } else { &chosen })?,
    };
    if args.common.json {
        print_json(&results)?;
    } else {
        table::print(&results, args.common.style());
        for workload in left_out.iter().filter(|_| args.from.is_empty() && !args.peak) {
            say(format_args!("left out: {} {}", workload.name, workload.missing().unwrap_or_default()));
        }
    }
    match &args.common.plot {
        Some(path) => picture::write(path, &roofline::Roofline::new(&results)?),
        None => Ok(()),
    }
}

fn measure(args: &BenchArgs, chosen: &[&Workload]) -> Result<Results> {
    let (threads, timing) = (args.common.threads(), args.common.timing(Timing::USUAL));
    // The cold start has one thread.
    let wanted = |workload: &Workload, threads: usize| threads == 1 || !workload.starts_cold();
    let plan: Vec<_> =
        chosen.iter().flat_map(|workload| threads.iter().map(move |&n| (*workload, n))).collect();
    let plan: Vec<_> = plan.into_iter().filter(|(workload, threads)| wanted(workload, *threads)).collect();
    let bar = Steps::new(threads.len() + plan.len());
    let mut results = Results::of_machine(&threads, &timing, |what| {
        bar.show(what);
        bar.done();
    });
    let program = program()?;
    for (workload, threads) in plan {
        bar.show(&format!("{}, threads {threads}", workload.name));
        results.measure(&program, workload, threads, &timing)?;
        bar.done();
    }
    Ok(results)
}

/// This program, as one that measures.
fn program() -> Result<Program> {
    let path = std::env::current_exe().map_err(|e| {
        Error::config(
            "bench",
            format!("the program's own file, which is started to measure, is not known ({e})"),
        )
    })?;
    Ok(Program::new(path, [WORKER.into()]))
}

/// Those whose names begin so.
fn chosen(prefixes: &[String]) -> Result<Vec<&'static Workload>> {
    let all = workloads();
    for prefix in prefixes {
        if !all.iter().any(|workload| workload.name.starts_with(prefix.as_str())) {
            let names: Vec<&str> = all.iter().map(|workload| workload.name).collect();
            let message = format!("no workload begins with {prefix:?}; there are {}", names.join(", "));
            return Err(Error::config("WORKLOAD", message));
        }
    }
    let wanted =
        |name: &str| prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(&**prefix));
    Ok(all.iter().filter(|workload| wanted(workload.name)).collect())
}

/// What files hold, together; nothing if there are none.
fn merged<T: DeserializeOwned>(files: &[PathBuf], merge: fn(&mut T, T)) -> Result<Option<T>> {
    let mut all = None;
    for file in files {
        let one = read(file)?;
        match &mut all {
            None => all = Some(one),
            Some(all) => merge(all, one),
        }
    }
    Ok(all)
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let bytes = std::fs::read(file).map_err(|e| Error::file(file, format!("cannot be read ({e})")))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        Error::file(
            file,
            format!("is not what `flambeau bench --json`, or `bench scaling --json`, printed ({e})"),
        )
    })
}

fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value);
    say(text.map_err(|e| Error::config("--json", format!("cannot be written ({e})")))?);
    Ok(())
}

/// The families of these names, or all.
fn families(names: &[String]) -> Vec<&'static Family> {
    FAMILIES
        .iter()
        .filter(|family| names.is_empty() || names.iter().any(|name| name == family.name))
        .collect()
}
