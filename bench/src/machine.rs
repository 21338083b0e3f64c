//! The machine: what it says of itself, and what it does at most.

use std::fs::read_to_string;
use std::path::Path;
use std::time::{Duration, Instant};

use flambeau_kernels::{DType, Storage, peak};
use serde::{Deserialize, Serialize};

use crate::Work;

/// What is known without measuring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// As it calls itself.
    pub processor: String,
    /// That this process may use.
    pub cores: usize,
    /// The instruction set in use: `avx512`, `avx2` or `scalar`.
    pub instruction_set: String,
    /// Of the first core, from the smallest on; empty where the system does not tell.
    pub caches: Vec<Cache>,
}

/// A cache for data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cache {
    /// 1 is the nearest.
    pub level: usize,
    /// Bytes.
    pub size: usize,
    /// Cores that share it.
    pub cores: usize,
}

/// What a number of threads does at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The threads.
    pub threads: usize,
    /// 10⁹ floating-point operations a second: multiply-adds of `f32`, each counted as two.
    pub gflops: f64,
    /// From the nearest place on.
    pub places: Vec<Place>,
}

/// A level of the memory, and its speed in 10⁹ bytes a second, as a program counts them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// `L2`, `L3` or `memory`.
    pub name: String,
    /// Bytes that fit, in the caches of all threads together; nothing for the memory.
    pub size: Option<usize>,
    /// Reading.
    pub read: f64,
    /// Reading and writing.
    pub copy: f64,
    /// a + ½ · b into a third array.
    pub triad: f64,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            info.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        Machine {
            processor: field("model name").unwrap_or_else(|| std::env::consts::ARCH.into()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            instruction_set: peak::instruction_set().into(),
            caches: caches(Path::new("/sys/devices/system/cpu/cpu0/cache")),
        }
    }

    fn cache(&self, level: usize) -> Option<&Cache> {
        self.caches.iter().find(|cache| cache.level == level)
    }

    /// Measures what so many threads do at most, each figure the best of `repetitions` of so long.
    pub fn limits(&self, threads: usize, repetitions: usize, each: Duration) -> Limits {
        // All limits of arithmetic hang on this one: it takes longer, lest all bursts meet other load.
        let mut none = vec![(); threads];
        let gflops = together(&mut none, 3 * repetitions, each, |()| peak::multiply_add(20_000)) / 1e9;
        // All threads' part of a cache, and the bytes of an array of each thread: three of them fill half of it.
        let cached = |level: usize| {
            let cache = self.cache(level)?;
            let size = cache.size * threads.div_ceil(cache.cores);
            Some((format!("L{level}"), Some(size), size / threads / 6))
        };
        let large = self.cache(3).map_or(0, |cache| 4 * cache.size).clamp(128 << 20, 256 << 20);
        let memory = ("memory".to_owned(), None, large / threads);
        let place = |(name, size, bytes): (String, Option<usize>, usize)| {
            let length = (bytes / size_of::<f32>()).next_multiple_of(256);
            let past = size.is_none();
            let mut arrays: Vec<_> = (0..threads).map(|_| [(); 3].map(|()| ones(length))).collect();
            let mut rate = |counted: usize, pass: &(dyn Fn(&mut [Storage; 3]) + Sync)| {
                let bytes = together(&mut arrays, repetitions, each, |arrays| {
                    pass(arrays);
                    counted * length * size_of::<f32>()
                });
                bytes / 1e9
            };
            Place {
                read: rate(1, &|[a, ..]| {
                    std::hint::black_box(peak::read(a.as_mut_slice()));
                }),
                copy: rate(2, &|[a, b, _]| peak::copy(a.as_mut_slice(), b.as_mut_slice(), past)),
                triad: rate(3, &|[a, b, c]| {
                    peak::triad(a.as_mut_slice(), b.as_mut_slice(), c.as_mut_slice(), past);
                }),
                name,
                size,
            }
        };
        let places = [cached(2), cached(3), Some(memory)].into_iter().flatten().map(place).collect();
        Limits { threads, gflops, places }
    }
}

impl Limits {
    /// The nearest place that holds what a step touches.
    pub fn place(&self, work: &Work) -> Option<&Place> {
        let touched = work.read + work.written;
        self.places.iter().find(|place| place.size.is_none_or(|size| touched <= size as f64))
    }

    /// The seconds that a step takes at least: for its arithmetic, and for its memory.
    pub fn seconds(&self, work: &Work) -> (f64, f64) {
        let rate = self.place(work).map_or(f64::INFINITY, |place| place.rate(work));
        (work.flop / (1e9 * self.gflops), (work.read + work.written) / (1e9 * rate))
    }

    /// Takes what was faster in another measurement.
    pub(crate) fn merge(&mut self, other: Limits) {
        self.gflops = self.gflops.max(other.gflops);
        for (own, other) in
            self.places.iter_mut().zip(other.places).filter(|(own, other)| own.name == other.name)
        {
            own.read = own.read.max(other.read);
            own.copy = own.copy.max(other.copy);
            own.triad = own.triad.max(other.triad);
        }
    }
}

impl Place {
    /// What reads alone cannot have the speed of stores past the cache.
    fn rate(&self, work: &Work) -> f64 {
        if work.written == 0.0 { self.read } else { self.best() }
    }

    /// The highest of the three.
    pub fn best(&self) -> f64 {
        self.read.max(self.copy).max(self.triad)
    }
}

fn ones(length: usize) -> Storage {
    let mut array = Storage::new(DType::F32, length);
    array.as_mut_slice::<f32>().fill(1.0);
    array
}

/// What all threads, one for each entry, do in a second, at best: each repeats a call, which tells how much it did, in
/// bursts of so long. In the first of them two threads may still be on one core.
fn together<D: Send>(
    data: &mut [D],
    bursts: usize,
    each: Duration,
    call: impl Fn(&mut D) -> usize + Sync,
) -> f64 {
    let ready = std::sync::Barrier::new(data.len());
    let rates = |data: &mut D| {
        ready.wait();
        // A burst begins where the last one ended: a thread that waits for a core must count that.
        let mut start = Instant::now();
        let burst = |_| {
            let mut done = 0;
            loop {
                done += call(data);
                let passed = start.elapsed();
                if passed >= each {
                    start += passed;
                    return done as f64 / passed.as_secs_f64();
                }
            }
        };
        (0..=bursts).map(burst).collect::<Vec<f64>>()
    };
    let rates = &rates;
    std::thread::scope(|scope| {
        let threads: Vec<_> = data.iter_mut().map(|data| scope.spawn(move || rates(data))).collect();
        let rates: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        let sum = |burst| rates.iter().filter_map(|rates| rates.get(burst)).sum::<f64>();
        (0..=bursts).map(sum).fold(0.0, f64::max)
    })
}

/// Those that hold data, from Linux's description of a core.
fn caches(folder: &Path) -> Vec<Cache> {
    let cache = |index: usize| {
        let folder = folder.join(format!("index{index}"));
        let text = |name: &str| read_to_string(folder.join(name)).ok().map(|text| text.trim().to_owned());
        let size = text("size")?;
        let (number, factor) = match size.strip_suffix('K') {
            Some(number) => (number, 1 << 10),
            None => (size.strip_suffix('M')?, 1 << 20),
        };
        let cache = Cache {
            level: text("level")?.parse().ok()?,
            size: number.parse::<usize>().ok()?.checked_mul(factor)?,
            cores: text("shared_cpu_list").and_then(|list| listed(&list)).unwrap_or(1),
        };
        Some(cache).filter(|_| text("type").is_some_and(|kind| kind != "Instruction"))
    };
    let mut caches: Vec<Cache> = (0..8).filter_map(cache).collect();
    caches.sort_by_key(|cache| cache.level);
    caches
}

/// How many a list such as `0-3,8` names.
fn listed(list: &str) -> Option<usize> {
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        (last.parse::<usize>().ok()? + 1).checked_sub(first.parse().ok()?)
    };
    list.split(',').map(range).sum::<Option<usize>>().filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_counted() {
        assert_eq!([listed("0"), listed("0-3"), listed("0-1,8-9,12")], [Some(1), Some(4), Some(5)]);
        assert_eq!([listed(""), listed("3-1"), listed("x")], [None; 3]);
    }

    #[test]
    fn a_machine_has_a_name_and_speeds() {
        let machine = Machine::here();
        assert!(!machine.processor.is_empty() && machine.cores > 0);
        let limits = machine.limits(2, 1, Duration::from_millis(2));
        assert!(limits.gflops > 0.1, "{limits:?}");
        assert_eq!(limits.places.last().map(|place| place.name.as_str()), Some("memory"));
        assert!(limits.places.iter().all(|place| place.read > 0.1 && place.best() < 1e5), "{limits:?}");
    }

    #[test]
    fn the_limit_is_the_slower_of_arithmetic_and_memory() {
        let place = |name: &str, size, speed: f64| Place {
            name: name.into(),
            size,
            read: speed,
            copy: 2.0 * speed,
            triad: speed,
        };
        let places = vec![place("L2", Some(1000), 100.0), place("memory", None, 10.0)];
        let limits = Limits { threads: 1, gflops: 50.0, places };
        let work = |read: f64, written: f64| Work { flop: 1e9, read, written };
        assert_eq!(limits.seconds(&work(1000.0, 0.0)), (0.02, 1e-8));
        assert_eq!(limits.seconds(&work(1e9, 1e9)), (0.02, 0.1));
        assert_eq!(limits.seconds(&work(1e9, 0.0)), (0.02, 0.1));
    }
}
