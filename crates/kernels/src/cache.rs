//! What the processor says of its caches.

use std::sync::OnceLock;

/// What kernels ask about a core's caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caches {
    /// Bytes of the last level that a core reaches.
    pub(crate) last: usize,
    /// Whether a core reads the last level several times as fast as memory without asking ahead. AMD's Zen 3 and 4 do:
    /// 70–90 GB/s, and memory at 20–40. A Xeon, where it is spread over all cores, reads it at 27 GB/s and memory at 15.
    pub(crate) is_last_fast: bool,
    /// Whether the second level is taken to give a line of 64 bytes a cycle and not half of one: where the first has more
    /// than 32 KiB, as in Zen 5 and in Intel's since Ice Lake. Zen 4 has 32.
    pub(crate) is_second_wide: bool,
}

/// Where the processor does not say.
const UNKNOWN: Caches = Caches { last: 32 << 20, is_last_fast: false, is_second_wide: true };

/// Those of this machine, asked once.
#[inline]
pub(crate) fn caches() -> Caches {
    static CACHES: OnceLock<Caches> = OnceLock::new();
    *CACHES.get_or_init(|| detect().unwrap_or(UNKNOWN))
}

/// By the deterministic cache parameters of `cpuid` (Intel's manual, volume 2A; AMD's, volume 3, appendix E).
#[cfg(target_arch = "x86_64")]
fn detect() -> Option<Caches> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    let vendor = __cpuid(0);
    let is_amd = vendor.ebx.to_le_bytes() == *b"Auth";
    let (highest, leaf) = if is_amd { (__cpuid(0x8000_0000).eax, 0x8000_001D) } else { (vendor.eax, 4) };
    if highest < leaf {
        return None;
    }
    // AMD's extended family counts from 0x0F; Zen is 0x17 and above.
    let is_zen = is_amd && __cpuid(1).eax >> 20 & 0xFF >= 8;
    let levels: [_; 8] = std::array::from_fn(|index| __cpuid_count(leaf, index as u32));
    Some(described(&levels.map(|level| [level.eax, level.ebx, level.ecx]), is_zen))
}

/// By the registers EAX, EBX and ECX for each cache. A size that is not believable is none.
#[cfg(any(target_arch = "x86_64", test))]
fn described(levels: &[[u32; 3]], is_zen: bool) -> Caches {
    let last = data_cache(levels, 3).filter(|bytes| (1 << 20..=1 << 30).contains(bytes));
    Caches {
        last: last.unwrap_or(UNKNOWN.last),
        is_last_fast: is_zen && last.is_some(),
        is_second_wide: data_cache(levels, 1).map_or(UNKNOWN.is_second_wide, |first| first > 32 << 10),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Option<Caches> {
    None
}

/// Bytes of a level, as far as it keeps data; none if it is not there.
#[cfg(any(target_arch = "x86_64", test))]
fn data_cache(levels: &[[u32; 3]], number: u32) -> Option<usize> {
    let is_it = |&&[eax, ..]: &&[u32; 3]| eax >> 5 & 7 == number && [1, 3].contains(&(eax & 0x1F));
    let [_, ebx, ecx] = levels.iter().find(is_it)?;
    let field = |from: u32, bits: u32| u64::from(ebx >> from & ((1 << bits) - 1)) + 1;
    let (ways, parts, line, sets) = (field(22, 10), field(12, 10), field(0, 12), u64::from(*ecx) + 1);
    usize::try_from(ways.saturating_mul(parts).saturating_mul(line).saturating_mul(sets)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_the_registers() {
        let zen4 = [
            [0x121, 0x1C0_003F, 0x3F],
            [0x122, 0x1C0_003F, 0x3F],
            [0x143, 0x1C0_003F, 0x7FF],
            [0x4163, 0x3C0_003F, 0x7FFF],
        ];
        assert_eq!(
            [1, 2, 3].map(|number| data_cache(&zen4, number)),
            [32 << 10, 1 << 20, 32 << 20].map(Some)
        );
        assert_eq!(data_cache(&zen4[1..3], 1), None);
        assert_eq!(data_cache(&zen4[..3], 3), None);
        assert_eq!(data_cache(&[[0; 3]; 8], 3), None);
        assert!(caches().last >= 1 << 20);
    }

    #[test]
    fn what_is_not_believable_is_as_if_unknown() {
        let zen = |first: u32, last: [u32; 3]| described(&[[0x121, first, 0x3F], last], true);
        let (zen4, zen5, third) = (0x1C0_003F, 0x2C0_003F, [0x4163, 0x3C0_003F, 0x7FFF]);
        let known = Caches { last: 32 << 20, is_last_fast: true, is_second_wide: false };
        assert_eq!(zen(zen4, third), known);
        assert_eq!(zen(zen5, third), Caches { is_second_wide: true, ..known });
        assert_eq!(zen(zen4, [0x163, u32::MAX, u32::MAX]), Caches { is_last_fast: false, ..known });
        assert_eq!(described(&[[0; 3]; 8], true), UNKNOWN);
    }
}
