//! A small deterministic generator, so that no version of a dependency ever changes the examples.

/// `SplitMix64`: one addition and three mixing steps per number, and every seed is a good one.
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`. The bias of the multiplication is far below what an example could show.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let scaled = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u32::try_from(scaled).expect("smaller than the bound, which is 32 bits wide")
    }

    /// One of the choices, each as likely as its weight is large.
    pub(super) fn weighted<'a, T>(&mut self, choices: &'a [T], weight: impl Fn(&T) -> u32) -> &'a T {
        let mut ticket = self.below(choices.iter().map(&weight).sum());
        choices
            .iter()
            .find(|choice| match ticket.checked_sub(weight(choice)) {
                Some(rest) => {
                    ticket = rest;
                    false
                }
                None => true,
            })
            .expect("a ticket is smaller than the sum of the weights")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn weights_decide_how_often_a_choice_is_taken() {
        let mut random = Random::new(7);
        let taken = (0..10_000).filter(|_| *random.weighted(&[(0, 1), (1, 3)], |choice| choice.1) == (1, 3)).count();
        assert!((7_300..7_700).contains(&taken), "{taken}");
    }
}
