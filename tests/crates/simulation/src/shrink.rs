//! Makes a failing scenario short.

use crate::report::{Options, Report};
use crate::run;

/// The fewest steps found with which `seed` still fails, and what then happens: larger pieces are left out first, then
/// smaller ones, until no single step can go.
#[must_use]
pub fn shrink(seed: u64, options: &Options) -> Report {
    let fails = |keep: Vec<usize>| {
        let report = run(seed, &Options { keep: Some(keep), trace: false, ..options.clone() });
        report.failure.is_some().then_some(report.steps)
    };
    let mut steps = run(seed, options).steps;
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
    run(seed, &Options { keep: Some(steps), trace: true, ..options.clone() })
}
