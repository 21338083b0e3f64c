//! Which instruction set the loops are compiled for, chosen once at run time.
//!
//! A loop is written once, as the `run` of a [`Kernel`] marked `#[inline(always)]`; [`dispatch`] inlines it into
//! one function per instruction set, where the compiler vectorises it for that set. Loops use no fused
//! multiply-add and fixed lane counts, so their results do not depend on the set; those of matrix products and
//! convolutions, which multiply and add at once (`lanes`), do, by rounding.
//! `FLAMBEAU_ISA=scalar|avx2|avx512` forces one.

use std::sync::OnceLock;

/// An instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isa {
    /// The target's baseline.
    Scalar,
    /// AVX2 and FMA, 256 bits.
    Avx2,
    /// AVX-512 F, BW, DQ and VL, 512 bits.
    Avx512,
}

/// The widest instruction set that this processor has.
pub fn detect() -> Isa {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = avx2
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if avx512 {
            return Isa::Avx512;
        }
        if avx2 {
            return Isa::Avx2;
        }
    }
    Isa::Scalar
}

/// The instruction set in use: the best that the processor has, or what `FLAMBEAU_ISA` names.
///
/// # Panics
/// If `FLAMBEAU_ISA` is not `scalar`, `avx2` or `avx512`, or names a set that the processor lacks.
#[inline]
pub fn isa() -> Isa {
    static ISA: OnceLock<Isa> = OnceLock::new();
    *ISA.get_or_init(|| {
        let best = detect();
        let Ok(name) = std::env::var("FLAMBEAU_ISA") else { return best };
        let forced = match name.as_str() {
            "scalar" => Isa::Scalar,
            "avx2" => Isa::Avx2,
            "avx512" => Isa::Avx512,
            _ => panic!("FLAMBEAU_ISA={name} is unknown; use scalar, avx2 or avx512"),
        };
        assert!(forced as u8 <= best as u8, "FLAMBEAU_ISA={name}, but this processor has {best:?} at most");
        forced
    })
}

/// A loop to be compiled for each instruction set. Mark `run` `#[inline(always)]`.
pub trait Kernel {
    /// What the loop returns.
    type Output;
    /// Whether it is worth being compiled for each instruction set, and not for the baseline alone, which already has
    /// vectors of 16 bytes. Default: yes.
    const WIDE: bool = true;
    /// The loop.
    fn run(self) -> Self::Output;
}

/// Runs a kernel compiled for the instruction set in use.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    if const { !K::WIDE } {
        return kernel.run();
    }
    match isa() {
        Isa::Scalar => kernel.run(),
        // SAFETY: `isa` returns a set only if the processor has it.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => kernel.run(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
