//! What Linux tells about this process; nothing elsewhere.

use std::fs::read_to_string;

/// CPU seconds of all threads, to a hundredth.
pub(crate) fn cpu_seconds() -> Option<f64> {
    // The kernel counts for programs in hundredths, whatever its own tick is.
    const TICK: f64 = 0.01;
    let stat = read_to_string("/proc/self/stat").ok()?;
    // After the program's name, which may itself contain spaces, come field 3 and on; user and system time are 14 and 15.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) * TICK)
}

/// The most memory that was resident at once.
pub(crate) fn peak_rss_mb() -> Option<f64> {
    let status = read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn both_are_known_here() {
        let before = super::cpu_seconds().unwrap();
        let mut busy = 1u64;
        while super::cpu_seconds().unwrap() < before + 0.02 {
            busy = std::hint::black_box(busy.wrapping_mul(3));
        }
        assert!(super::peak_rss_mb().unwrap() > 0.5);
    }
}
