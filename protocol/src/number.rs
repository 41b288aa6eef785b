//! Whole numbers as JavaScript holds them.

use alloc::string::{String, ToString};

/// The largest integer that JavaScript holds exactly, 2^53 − 1. A sequence above it is refused, never rounded.
pub const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_991;

/// A number in decimal. One function for all types of numbers: the wasm would have one copy for each otherwise.
#[must_use]
pub fn decimal(number: u64) -> String {
    number.to_string()
}

/// `number` as an integer, when it is one of 0 to 2^53 − 1.
#[must_use]
pub fn safe_integer(number: f64) -> Option<u64> {
    // Within the range both casts are exact, so a fraction is what makes a difference.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53 - 1")]
    whole_part(number).filter(|whole| *whole as f64 == number)
}

/// `number` without its fraction, when that is one of 0 to 2^53 − 1.
#[must_use]
pub fn whole_part(number: f64) -> Option<u64> {
    // There is no conversion trait between the two, and no `floor` without the standard library.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: within range")]
    (0.0..9_007_199_254_740_992.0).contains(&number).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_is_a_safe_integer_or_refused(number in proptest::num::f64::ANY) {
            if let Some(integer) = safe_integer(number) {
                prop_assert!(integer <= MAX_SAFE_INTEGER);
                prop_assert_eq!(integer.to_string().parse::<f64>(), Ok(number));
            }
        }
    }

    #[test]
    fn integers_up_to_the_last_exact_one_are_taken() {
        for (number, integer) in [(0.0, 0), (7.0, 7), (9_007_199_254_740_991.0, MAX_SAFE_INTEGER)] {
            assert_eq!(safe_integer(number), Some(integer));
        }
        for number in [-1.0, 1.5, 9_007_199_254_740_992.0, f64::NAN, f64::INFINITY] {
            assert_eq!(safe_integer(number), None, "{number}");
        }
        assert_eq!((whole_part(1.5), whole_part(-0.5)), (Some(1), None));
    }
}
