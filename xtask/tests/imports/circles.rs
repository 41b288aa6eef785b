//! Circles among arrows.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Arrow, ModulePath};

/// The circles, each as its arrows: modules that reach each other, however long the way.
pub fn circles(arrows: &BTreeSet<Arrow>) -> Vec<Vec<Arrow>> {
    let mut next: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> = BTreeMap::new();
    for arrow in arrows {
        next.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let reach: BTreeMap<_, _> = next.keys().map(|module| (*module, reachable(&next, module))).collect();
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for (module, reached) in &reach {
        if !reached.contains(module) || seen.contains(module) {
            continue;
        }
        let back = |other: &&ModulePath| reach.get(other).is_some_and(|reached| reached.contains(module));
        let members: BTreeSet<_> = reached.iter().copied().filter(back).collect();
        let inside = |arrow: &&Arrow| members.contains(&arrow.from) && members.contains(&arrow.to);
        circles.push(arrows.iter().filter(inside).cloned().collect());
        seen.extend(members);
    }
    circles
}

/// Every module that can be reached from this one; itself only in a circle.
fn reachable<'a>(next: &BTreeMap<&'a ModulePath, BTreeSet<&'a ModulePath>>, from: &ModulePath) -> BTreeSet<&'a ModulePath> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<_> = next.get(from).into_iter().flatten().copied().collect();
    while let Some(module) = waiting.pop() {
        if reached.insert(module) {
            waiting.extend(next.get(module).into_iter().flatten());
        }
    }
    reached
}
