//! Loops in the widest vector instructions that the machine has.

/// Runs `work` compiled for them. What it calls takes part if it is inlined, so `work` is a closure that is
/// `#[inline(always)]` around a short loop.
#[inline]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        /// Compiled for what `x86-64-v3` has beyond the least that a processor can be.
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn wide<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        if has_all {
            // SAFETY: a function for certain instructions may be called where there are these instructions.
            #[expect(unsafe_code, reason = "whether the instructions are there is known only when the program runs")]
            return unsafe { wide(work) };
        }
    }
    work()
}
