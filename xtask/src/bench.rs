//! `bench`: flambeau beside PyTorch on the same workloads, run in turns so that a busy machine slows both.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::process::{self, Result, cargo};

const USAGE: &str = "usage: cargo xtask bench [--python PATH] [--rounds N] [WORKLOAD-PREFIX]...";
/// Each is timed in a process of its own, from its start to its first training step.
const COLD: &str = "W8_cold";
const COLD_STARTS: usize = 7;
/// So begin the many other shapes, each of which gets less time.
const SHAPE: &str = "shape/";
/// The metric of the most memory that was resident at once.
const PEAK: &str = "peak_rss_mb";
/// Whose most resident memory is told too.
const MEMORY: &[&str] = &["W4_b64", COLD];
/// How far PyTorch's check values may be from ours.
const TOLERANCE: f64 = 3e-4;
/// Below this use of the one core that it asked for, a process shared it with others.
const UNDISTURBED: f64 = 0.95;

struct Options {
    python: Option<String>,
    rounds: usize,
    prefixes: Vec<String>,
}

/// What a column of the table is about: workload, threads, and whether it is ours or PyTorch's.
type Key = (usize, usize, Side);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Side {
    Ours,
    PyTorch,
}

/// One round's figure.
#[derive(Clone, Debug)]
struct Figure {
    value: f64,
    less_is_better: bool,
    disturbed: bool,
    peak_rss_mb: Option<f64>,
}

pub(crate) fn run(args: &[String]) -> Result {
    let options = parse(args)?;
    process::run(&mut cargo(["build", "--release", "-p", "flambeau-bench"]))?;
    let program = process::target("release", "flambeau-bench")?;
    let listed = process::output(Command::new(&program).arg("--list").args(&options.prefixes))?;
    let workloads: Vec<&str> = listed.lines().collect();
    if workloads.is_empty() {
        let all = process::output(Command::new(&program).arg("--list"))?;
        return Err(format!(
            "no workload begins with {}; there are\n{all}{SHAPE}…",
            options.prefixes.join(" or ")
        ));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut figures: BTreeMap<Key, Vec<Figure>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for round in 1..=options.rounds {
        for (row, workload) in workloads.iter().enumerate() {
            let most = if *workload == COLD { 1 } else { cores.min(2) };
            for threads in 1..=most {
                let ours = with_arguments(Command::new(&program), workload, threads);
                let theirs = options.python.as_ref().map(|python| {
                    let mut command = Command::new(python);
                    command.arg(process::root().join("bench/torch_peer.py"));
                    with_arguments(command, workload, threads)
                });
                eprint!("round {round} of {}: {workload}, threads {threads}", options.rounds);
                let mut checks = Vec::new();
                for (side, command) in [(Side::Ours, Some(ours)), (Side::PyTorch, theirs)] {
                    let Some(mut command) = command else { continue };
                    let (figure, check) = match measure(&mut command, workload) {
                        Ok(measured) => measured,
                        // Such as a package that it lacks: the other figures still count.
                        Err(error) if side == Side::PyTorch => {
                            eprint!(", {error}");
                            wrong.push(error);
                            continue;
                        }
                        Err(error) => return Err(error),
                    };
                    eprint!(", {side:?} {}", shown(figure.value));
                    figures.entry((row, threads, side)).or_default().push(figure);
                    checks.push(check);
                }
                eprintln!();
                if let [ours, theirs] = &checks[..]
                    && !agree(ours, theirs)
                {
                    wrong.push(format!("{workload}: we compute {ours}, PyTorch {theirs}"));
                }
            }
        }
    }
    print!("{}\n\n{}{}", machine(cores), table(&workloads, &figures), summary(&figures));
    if let Some(python) = &options.python {
        let version = ["-c", "import torch; print(torch.__version__)"];
        println!("\nPyTorch {}", process::output(Command::new(python).args(version))?.trim());
    }
    wrong.sort();
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn parse(args: &[String]) -> Result<Options> {
    let mut options = Options { python: None, rounds: 3, prefixes: Vec::new() };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{USAGE}"));
        match arg.as_str() {
            "--python" => options.python = Some(value()?.clone()),
            "--rounds" => {
                let rounds = value()?.parse().ok().filter(|&rounds: &usize| rounds > 0);
                options.rounds =
                    rounds.ok_or_else(|| format!("--rounds takes a number from 1 on\n{USAGE}"))?;
            }
            option if option.starts_with('-') => return Err(format!("unknown option {option}\n{USAGE}")),
            prefix => options.prefixes.push(prefix.into()),
        }
    }
    Ok(options)
}

fn with_arguments(mut command: Command, workload: &str, threads: usize) -> Command {
    let threads = threads.to_string();
    command.args(["--threads", &threads, "--memory", workload]);
    if workload.starts_with(SHAPE) {
        command.args(["--warm", "0.1", "--min-time", "0.1", "--reps", "3"]);
    } else {
        command.args(["--warm", "0.3"]);
    }
    // PyTorch's libraries read these when they are loaded.
    command.env("OMP_NUM_THREADS", &threads).env("MKL_NUM_THREADS", &threads);
    command
}

/// Runs a program for one workload. Gives the figure and the check value.
fn measure(command: &mut Command, workload: &str) -> Result<(Figure, Value)> {
    if workload == COLD {
        return Ok((cold(command)?, Value::Null));
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{}`: {error}", process::shown(command)))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // A workload's name may begin another one's.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<Value> = lines.filter(|line| line["workload"] == workload).collect();
    let peak = |line: &&Value| line["metric"] == PEAK;
    let line = lines.iter().find(|line| !peak(line)).ok_or_else(|| {
        format!("`{}` ({}) printed nothing on {workload}", process::shown(command), output.status)
    })?;
    let Some(value) = line["value"].as_f64() else {
        return Err(format!("`{}`: {}", process::shown(command), line["error"]));
    };
    let figure = Figure {
        value,
        less_is_better: line["metric"] == "ns_per_op",
        disturbed: line["threads"] == 1 && line["util"].as_f64().is_some_and(|used| used < UNDISTURBED),
        peak_rss_mb: lines.iter().find(peak).and_then(|line| line["value"].as_f64()),
    };
    Ok((figure, line["check"].clone()))
}

/// The median of several starts; one more before fills the file cache.
fn cold(command: &mut Command) -> Result<Figure> {
    start(command)?;
    let mut starts = (0..COLD_STARTS).map(|_| start(command)).collect::<Result<Vec<_>>>()?;
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (value, peak_rss_mb) = starts[COLD_STARTS / 2];
    Ok(Figure { value, less_is_better: true, disturbed: false, peak_rss_mb })
}

/// Seconds from start to first training step, and the most memory that was resident.
fn start(command: &mut Command) -> Result<(f64, Option<f64>)> {
    let failed =
        |command: &Command, what: &dyn std::fmt::Display| format!("`{}`: {what}", process::shown(command));
    let before = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| failed(command, &error))?;
    let (mut seconds, mut peak) = (None, None);
    for line in BufReader::new(child.stdout.take().expect("piped above")).lines() {
        let line = line.map_err(|error| failed(command, &error))?;
        if line.starts_with("FIRST_STEP_DONE") {
            seconds = Some(before.elapsed().as_secs_f64());
        } else if let Ok(line) = serde_json::from_str::<Value>(&line)
            && line["metric"] == PEAK
        {
            peak = line["value"].as_f64();
        }
    }
    let status = child.wait().map_err(|error| failed(command, &error))?;
    let seconds = seconds.filter(|_| status.success());
    Ok((seconds.ok_or_else(|| failed(command, &format!("no first step ({status})")))?, peak))
}

/// Whether two check values, numbers or lists of them, are equal up to rounding.
fn agree(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64(), a.as_array(), b.as_array()) {
        (Some(a), Some(b), ..) => (a - b).abs() <= TOLERANCE * b.abs(),
        (_, _, Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b)),
        _ => a == b,
    }
}

/// As Markdown. A cell is the best round's: other load on the machine only slows. Ratios tell how many times as fast
/// as PyTorch we are; in brackets, the lowest and the highest of a round.
fn table(workloads: &[&str], figures: &BTreeMap<Key, Vec<Figure>>) -> String {
    let most = figures.keys().map(|&(_, threads, _)| threads).max().unwrap_or(1);
    let beside = figures.keys().any(|&(_, _, side)| side == Side::PyTorch);
    let mut columns = vec!["workload".to_string(), "unit".into()];
    for threads in 1..=most {
        let plural = if threads == 1 { "" } else { "s" };
        columns.push(format!("flambeau, {threads} thread{plural}"));
        if beside {
            columns.extend(["PyTorch".into(), "ratio".into()]);
        }
    }
    let mut text = format!("| {} |\n|---|---|{}\n", columns.join(" | "), "--:|".repeat(columns.len() - 2));
    let mut disturbed = false;
    for (row, workload) in workloads.iter().enumerate() {
        let mut rss = vec![format!("{workload}, peak memory"), "MB".into()];
        let mut cells = vec![workload.to_string(), unit(workload, figures.get(&(row, 1, Side::Ours)))];
        for threads in 1..=most {
            let sides = [Side::Ours, Side::PyTorch].map(|side| figures.get(&(row, threads, side)));
            for figures in &sides[..if beside { 2 } else { 1 }] {
                let best = figures.and_then(|figures| best(figures));
                disturbed |= best.is_some_and(|best| best.disturbed);
                let mark = if best.is_some_and(|best| best.disturbed) { "\\*" } else { "" };
                cells.push(best.map_or("–".into(), |best| shown(best.value) + mark));
                rss.push(best.and_then(|best| best.peak_rss_mb).map_or("–".into(), shown));
            }
            if beside {
                let ratio = |[ours, theirs]: [Option<&Vec<Figure>>; 2]| Some(ratios(ours?, theirs?));
                cells.push(ratio(sides).unwrap_or("–".into()));
                rss.push("–".into());
            }
        }
        text += &format!("| {} |\n", cells.join(" | "));
        if MEMORY.contains(workload) {
            text += &format!("| {} |\n", rss.join(" | "));
        }
    }
    if disturbed {
        text += "\n\\* Even the best round shared its core with other programs.\n";
    }
    text
}

/// How many workloads PyTorch is ahead in, and the mean ratio, for each number of threads.
fn summary(figures: &BTreeMap<Key, Vec<Figure>>) -> String {
    let mut ratios: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (&(row, threads, side), ours) in figures {
        let theirs = figures.get(&(row, threads, Side::PyTorch)).and_then(|theirs| best(theirs));
        if let (Side::Ours, Some(ours), Some(theirs)) = (side, best(ours), theirs) {
            ratios.entry(threads).or_default().push(speed(ours) / speed(theirs));
        }
    }
    let mut text = String::new();
    for (threads, ratios) in ratios {
        let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
        let behind = ratios.iter().filter(|&&ratio| ratio < 1.0).count();
        text += &format!(
            "\nThreads {threads}: geometric mean of the ratios {}; behind in {behind} of {}.\n",
            shown(mean),
            ratios.len()
        );
    }
    text
}

fn unit(workload: &str, ours: Option<&Vec<Figure>>) -> String {
    let less_is_better = ours.is_some_and(|ours| ours.iter().any(|figure| figure.less_is_better));
    (if workload == COLD {
        "s"
    } else if less_is_better {
        "ns/op"
    } else {
        "1/s"
    })
    .into()
}

fn best(figures: &[Figure]) -> Option<&Figure> {
    figures.iter().reduce(|a, b| if speed(b) > speed(a) { b } else { a })
}

fn speed(figure: &Figure) -> f64 {
    if figure.less_is_better { 1.0 / figure.value } else { figure.value }
}

fn ratios(ours: &[Figure], theirs: &[Figure]) -> String {
    let Some((best_ours, best_theirs)) = best(ours).zip(best(theirs)) else { return "–".into() };
    let rounds = ours.iter().zip(theirs).map(|(ours, theirs)| speed(ours) / speed(theirs));
    let (low, high) = rounds.fold((f64::INFINITY, 0.0f64), |(l, h), r| (l.min(r), h.max(r)));
    let ratio = shown(speed(best_ours) / speed(best_theirs));
    if ours.len() == 1 { ratio } else { format!("**{ratio}** ({}–{})", shown(low), shown(high)) }
}

/// Three digits, or all those before the point.
fn shown(value: f64) -> String {
    let digits = 2 - value.abs().max(1e-3).log10().floor() as i32;
    format!("{value:.*}", digits.max(0) as usize)
}

/// What was measured on.
fn machine(cores: usize) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        info.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim())
        })
    };
    let family = field("cpu family").zip(field("model")).map(|(f, m)| format!(" (family {f}, model {m})"));
    let widest = field("flags").and_then(|flags| {
        let has = |name: &str| flags.split(' ').any(|flag| flag == name);
        ["avx512f", "avx2"].into_iter().find(|name| has(name))
    });
    format!(
        "{}{}, cores: {cores}, {}; load of the last minute: {}",
        field("model name").unwrap_or(std::env::consts::ARCH),
        family.unwrap_or_default(),
        widest.unwrap_or("neither avx2 nor avx512f"),
        std::fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or("unknown"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{BTreeMap, Figure, Side, agree, parse, shown, summary, table};

    fn figure(value: f64, less_is_better: bool) -> Figure {
        Figure { value, less_is_better, disturbed: false, peak_rss_mb: Some(7.0) }
    }

    #[test]
    fn the_best_round_counts_and_ratios_grow_with_our_speed() {
        let figures = BTreeMap::from([
            ((0, 1, Side::Ours), vec![figure(100.0, false), figure(120.0, false)]),
            ((0, 1, Side::PyTorch), vec![figure(100.0, false), figure(60.0, false)]),
            ((1, 1, Side::Ours), vec![figure(150.0, true), figure(200.0, true)]),
            ((1, 1, Side::PyTorch), vec![figure(3000.0, true), figure(3000.0, true)]),
        ]);
        let expected = "\
| workload | unit | flambeau, 1 thread | PyTorch | ratio |
|---|---|--:|--:|--:|
| a | 1/s | 120 | 100 | **1.20** (1.00–2.00) |
| b | ns/op | 150 | 3000 | **20.0** (15.0–20.0) |
";
        assert_eq!(table(&["a", "b"], &figures), expected);
        let mean = "\nThreads 1: geometric mean of the ratios 4.90; behind in 0 of 2.\n";
        assert_eq!(summary(&figures), mean);
    }

    #[test]
    fn without_pytorch_there_is_one_column_for_each_number_of_threads() {
        let mut figures = BTreeMap::from([
            ((0, 1, Side::Ours), vec![figure(0.004, true)]),
            ((0, 2, Side::Ours), vec![figure(0.002, true)]),
        ]);
        figures.values_mut().for_each(|figures| figures[0].disturbed = figures[0].value > 0.003);
        let text = table(&["W8_cold"], &figures);
        assert!(text.contains("| W8_cold | s | 0.00400\\* | 0.00200 |\n"), "{text}");
        assert!(text.contains("| W8_cold, peak memory | MB | 7.00 | 7.00 |\n"), "{text}");
        assert!(text.ends_with("shared its core with other programs.\n"), "{text}");
    }

    #[test]
    fn three_digits() {
        assert_eq!(
            [0.0123, 1.0, 12.34, 123.4, 98765.4].map(shown),
            ["0.0123", "1.00", "12.3", "123", "98765"]
        );
    }

    #[test]
    fn checks_agree_up_to_rounding() {
        assert!(agree(&json!(1.0), &json!(1.0002)) && !agree(&json!(1.0), &json!(1.001)));
        assert!(
            agree(&json!([3.0, 2.0]), &json!([3.0001, 2.0])) && !agree(&json!([3.0]), &json!([3.0, 2.0]))
        );
        assert!(!agree(&json!(null), &json!(1.0)));
    }

    #[test]
    fn options_are_read_and_wrong_ones_refused() {
        let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
        let options = parse(&words("W1 --rounds 5 --python p W6_tiny")).unwrap();
        assert_eq!((options.rounds, options.python.as_deref()), (5, Some("p")));
        assert_eq!(options.prefixes, ["W1", "W6_tiny"]);
        for wrong in ["--rounds", "--rounds 0", "--rounds x", "--fast"] {
            assert!(parse(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
