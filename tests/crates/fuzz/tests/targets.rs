//! Every target takes its seeds, seeds that were damaged, and bytes that mean nothing.

#![cfg(test)]

mod names {
    include!("../../../../xtask/src/fuzz/names.rs");
}

use im_chats_fuzz::{TARGETS, Target};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Cases a target, of each kind.
const CASES: u32 = 4_000;

/// What happens to a seed.
#[derive(Debug, Clone)]
enum Damage {
    Replace(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    /// A stretch of another seed.
    Splice(usize, usize, usize),
    Repeat(usize, usize),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let at = 0..2_000_usize;
    let damage = prop_oneof![
        3 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        2 => (at.clone(), proptest::collection::vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        2 => (at.clone(), prop_oneof![Just("\n"), Just("0"), Just("-1"), Just("9007199254740993"), Just("null"), Just("\"\\ud800\""), Just("{}"), Just("[")])
            .prop_map(|(at, text)| Damage::Insert(at, text.as_bytes().to_vec())),
        2 => (at.clone(), 1..40_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        1 => (at.clone(), at.clone(), 1..200_usize).prop_map(|(seed, at, length)| Damage::Splice(seed, at, length)),
        1 => (at, 1..200_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ];
    proptest::collection::vec(damage, 1..6)
}

fn damaged(seeds: &[Vec<u8>], which: usize, damages: &[Damage]) -> Vec<u8> {
    let mut data = seeds[which % seeds.len()].clone();
    for damage in damages {
        let place = |at: usize, length: usize| if length == 0 { 0 } else { at % length };
        match damage {
            Damage::Replace(at, byte) => {
                let at = place(*at, data.len());
                if let Some(slot) = data.get_mut(at) {
                    *slot = *byte;
                }
            }
            Damage::Insert(at, bytes) => {
                let at = place(*at, data.len() + 1);
                data.splice(at..at, bytes.iter().copied());
            }
            Damage::Remove(at, length) => {
                let at = place(*at, data.len());
                data.drain(at..(at + length).min(data.len()));
            }
            Damage::Splice(seed, at, length) => {
                let other = &seeds[seed % seeds.len()];
                let from = place(*at, other.len());
                data.extend_from_slice(&other[from..(from + length).min(other.len())]);
            }
            Damage::Repeat(at, length) => {
                let at = place(*at, data.len());
                data.extend_from_within(at..(at + length).min(data.len()));
            }
        }
    }
    data
}

fn each(target: &Target) {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| (target.run)(seed));
    let mut runner = TestRunner::new(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&(any::<usize>(), damages()), |(which, damages)| {
        (target.run)(&damaged(&seeds, which, &damages));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{}: a damaged seed: {failure}", target.name));
    let outcome = runner.run(&proptest::collection::vec(any::<u8>(), 0..256), |bytes| {
        (target.run)(&bytes);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{}: random bytes: {failure}", target.name));
}

#[test]
fn no_frame_of_a_server_breaks_the_client() {
    each(&TARGETS[0]);
}

#[test]
fn no_frame_of_a_client_breaks_the_server() {
    each(&TARGETS[1]);
}

#[test]
fn no_body_breaks_the_gateway() {
    each(&TARGETS[2]);
}

#[test]
fn no_answer_breaks_the_sdk() {
    each(&TARGETS[3]);
}

#[test]
fn no_text_is_read_as_another_than_it_is_written() {
    each(&TARGETS[4]);
}

#[test]
fn cargo_xtask_fuzz_knows_every_target_by_its_name() {
    let built = |name: &&str| cfg!(feature = "gateway") || !names::OF_THE_GATEWAY.contains(name);
    let expected: Vec<&str> = names::TARGETS.into_iter().filter(built).collect();
    assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), expected);
}
