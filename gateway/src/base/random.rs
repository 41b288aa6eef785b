//! Chance, for waits that shall not be the same in each process.

/// A number in 0..1: unpredictable is not needed, different in each process is.
pub(crate) fn fraction() -> f64 {
    let bits = uuid::Uuid::new_v4().as_u128() & u128::from(u32::MAX);
    f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX)
}
