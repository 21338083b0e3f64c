//! What the processor says of its last-level cache.

use std::sync::OnceLock;

/// The last-level cache that a core reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastLevel {
    pub(crate) bytes: usize,
    /// Whether a core reads it several times as fast as memory by itself. AMD's Zen does (70–90 GB/s of 20–40); Intel's servers,
    /// where it is spread over all cores, do not (27 of 15).
    pub(crate) is_fast: bool,
}

/// That of this machine, asked once.
#[inline]
pub(crate) fn last_level() -> LastLevel {
    static CACHE: OnceLock<LastLevel> = OnceLock::new();
    *CACHE.get_or_init(|| detect().unwrap_or(LastLevel { bytes: 32 << 20, is_fast: false }))
}

/// By the deterministic cache parameters of `cpuid` (Intel's manual, volume 2A; AMD's, volume 3, appendix E).
#[cfg(target_arch = "x86_64")]
fn detect() -> Option<LastLevel> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    let vendor = __cpuid(0);
    let is_amd = vendor.ebx.to_le_bytes() == *b"Auth";
    let (last, leaf) = if is_amd { (__cpuid(0x8000_0000).eax, 0x8000_001D) } else { (vendor.eax, 4) };
    if last < leaf {
        return None;
    }
    let field = |register: u32, from: u32, bits: u32| (register >> from & ((1 << bits) - 1)) as usize;
    (0..8)
        .map(|index| __cpuid_count(leaf, index))
        .take_while(|cache| field(cache.eax, 0, 5) != 0)
        .filter(|cache| field(cache.eax, 5, 3) == 3)
        .map(|cache| {
            let [ways, parts, line] =
                [(22, 10), (12, 10), (0, 12)].map(|(from, bits)| field(cache.ebx, from, bits) + 1);
            LastLevel { bytes: ways * parts * line * (cache.ecx as usize + 1), is_fast: is_amd }
        })
        .next()
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Option<LastLevel> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_has_a_size() {
        let bytes = last_level().bytes;
        assert!((1 << 20..1 << 32).contains(&bytes), "{bytes}");
    }
}
