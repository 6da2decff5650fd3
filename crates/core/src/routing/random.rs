//! Random numbers for jitter and load balancing: fast, reproducible from a seed, and not suitable for secrets.

use super::num::float;

/// The `SplitMix64` generator (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number in [0, 1).
    pub fn next_f64(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        float(bits >> 11) / float(1 << 53)
    }
}

/// The same as a function, for the planner.
pub fn seeded(seed: u64) -> impl FnMut() -> f64 {
    let mut generator = SplitMix64::new(seed);
    move || generator.next_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_even_and_repeatable() {
        let mut rng = seeded(7);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            let number = rng();
            counts[usize::try_from(super::super::num::count(number * 10.0)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 500), "{counts:?}");
        let first = |seed| seeded(seed)().to_bits();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
