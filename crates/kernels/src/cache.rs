//! What the processor says of its last-level cache.

use std::sync::OnceLock;

/// The last-level cache that a core reaches.
#[derive(Clone, Copy)]
pub(crate) struct LastLevel {
    pub(crate) bytes: usize,
    /// Whether a core reads it several times as fast as memory without asking ahead. AMD's Zen 3 and 4 do: 70–90 GB/s, and
    /// memory at 20–40. A Xeon, where it is spread over all cores, reads it at 27 GB/s and memory at 15.
    pub(crate) is_fast: bool,
}

/// Where the processor does not say.
const UNKNOWN: LastLevel = LastLevel { bytes: 32 << 20, is_fast: false };

/// That of this machine, asked once.
#[inline]
pub(crate) fn last_level() -> LastLevel {
    static CACHE: OnceLock<LastLevel> = OnceLock::new();
    *CACHE.get_or_init(|| detect().unwrap_or(UNKNOWN))
}

/// By the deterministic cache parameters of `cpuid` (Intel's manual, volume 2A; AMD's, volume 3, appendix E).
#[cfg(target_arch = "x86_64")]
fn detect() -> Option<LastLevel> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    let vendor = __cpuid(0);
    let is_amd = vendor.ebx.to_le_bytes() == *b"Auth";
    let (last, leaf) = if is_amd { (__cpuid(0x8000_0000).eax, 0x8000_001D) } else { (vendor.eax, 4) };
    // AMD's extended family counts from 0x0F; Zen is 0x17 and above.
    let is_zen = is_amd && __cpuid(1).eax >> 20 & 0xFF >= 8;
    let levels =
        (0..8).map(|index| __cpuid_count(leaf, index)).map(|level| [level.eax, level.ebx, level.ecx]);
    (last >= leaf).then(|| third(levels)).flatten().map(|bytes| LastLevel { bytes, is_fast: is_zen })
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Option<LastLevel> {
    None
}

/// Bytes of the third level among the registers EAX, EBX and ECX for each cache; none if it is not there or not believable.
#[cfg(any(target_arch = "x86_64", test))]
fn third(mut levels: impl Iterator<Item = [u32; 3]>) -> Option<usize> {
    let [_, ebx, ecx] = levels.find(|[eax, ..]| eax >> 5 & 7 == 3 && eax & 0x1F != 0)?;
    let field = |from: u32, bits: u32| u64::from(ebx >> from & ((1 << bits) - 1)) + 1;
    let (ways, parts, line, sets) = (field(22, 10), field(12, 10), field(0, 12), u64::from(ecx) + 1);
    let bytes = ways.saturating_mul(parts).saturating_mul(line).saturating_mul(sets);
    usize::try_from(bytes).ok().filter(|bytes| (1 << 20..=1 << 30).contains(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_the_registers() {
        let zen4 = [[0x121, 0x1C0_003F, 0x3F], [0x143, 0x1C0_003F, 0x7FF], [0x4163, 0x3C0_003F, 0x7FFF]];
        assert_eq!(third(zen4.into_iter()), Some(32 << 20));
        assert_eq!(third(zen4[..2].iter().copied()), None);
        assert_eq!(third([[0; 3]; 8].into_iter()), None);
        assert_eq!(third([[0x163, u32::MAX, u32::MAX]].into_iter()), None);
        assert!(last_level().bytes >= 1 << 20);
    }
}
