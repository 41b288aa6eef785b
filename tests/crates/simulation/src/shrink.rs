//! Makes a failing scenario short.

use crate::report::{Options, Report, Simulation};

/// The fewest steps found with which `seed` still fails, and what then happens: larger pieces are left out first, then
/// smaller ones, until no single step can go.
#[must_use]
pub fn shrink<S: Simulation>(seed: u64, options: &Options<S::Bug>) -> Report<S::Figures> {
    let only = |keep: Vec<usize>, trace: bool| S::run(seed, &Options { bug: options.bug, keep: Some(keep), trace });
    let fails = |keep: Vec<usize>| {
        let report = only(keep, false);
        report.failure.is_some().then_some(report.steps)
    };
    let mut steps = S::run(seed, &Options { bug: options.bug, keep: options.keep.clone(), trace: false }).steps;
    let mut piece = steps.len().div_ceil(2).max(1);
    loop {
        let mut index = 0;
        let mut shorter = false;
        while index < steps.len() {
            let mut without = steps.clone();
            without.drain(index..(index + piece).min(steps.len()));
            match fails(without) {
                Some(kept) => (steps, shorter) = (kept, true),
                None => index += piece,
            }
        }
        if piece == 1 && !shorter {
            break;
        }
        piece = piece.div_ceil(2).max(1);
    }
    only(steps, true)
}
