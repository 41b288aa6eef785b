//! Which versions of nats-server keep what they confirmed.

use super::error::OLDEST;

/// Whether a server of this version keeps what it confirmed: [`OLDEST`] or newer. What is no version is not.
pub(super) fn is_new_enough(version: &str) -> bool {
    parse(version).zip(parse(OLDEST)).is_some_and(|(version, oldest)| version >= oldest)
}

/// The three numbers, and whether it is released: 2.11.0-RC.1 comes before 2.11.0.
fn parse(version: &str) -> Option<([u64; 3], bool)> {
    let version = version.trim().trim_start_matches('v');
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let (numbers, released) = version.split_once('-').map_or((version, true), |(numbers, _)| (numbers, false));
    let mut numbers = numbers.split('.').map(str::parse);
    let found = [numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?];
    numbers.next().is_none().then_some((found, released))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number_and_what_is_not_released_comes_before() {
        for new in ["2.10.23", "v2.10.23", "2.10.100", "2.11.0-RC.1", "2.11.0", "3.0.0", "2.10.25+build", "2.10.24-beta"] {
            assert!(is_new_enough(new), "{new}");
        }
        for old in ["2.10.22", "2.10.23-RC.1", "2.9.99", "1.99.99", "", "2.11", "2.11.x", "2.11.0.1", "latest"] {
            assert!(!is_new_enough(old), "{old}");
        }
    }
}
