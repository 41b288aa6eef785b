//! A relay's part of the deny list, in pieces that NATS takes as values. A line stays in its piece for as long as it is denied, so that
//! at no moment it is in none.

use std::collections::{BTreeMap, BTreeSet};

/// The pieces, by number.
pub(super) type Chunks = BTreeMap<u32, BTreeSet<String>>;

/// What is to be written one after the other, so that the pieces hold `wanted` in the end, and meanwhile all that they hold now or then.
/// An empty piece is to be taken away.
pub(super) fn plan(current: &Chunks, wanted: &BTreeSet<String>, room: usize) -> Vec<(u32, BTreeSet<String>)> {
    let mut seen = BTreeSet::new();
    let mut last: Chunks = current
        .iter()
        .map(|(number, lines)| {
            (*number, lines.iter().filter(|line| wanted.contains(*line) && seen.insert(*line)).cloned().collect())
        })
        .collect();
    let mut grown = current.clone();
    let mut number = 0_u32;
    let mut size = grown.get(&0).map_or(0, size_of);
    for line in wanted.iter().filter(|line| !seen.contains(line)) {
        while size > 0 && size.saturating_add(line.len()).saturating_add(1) > room {
            number = number.saturating_add(1);
            size = grown.get(&number).map_or(0, size_of);
        }
        size = size.saturating_add(line.len()).saturating_add(1);
        grown.entry(number).or_default().insert(line.clone());
        last.entry(number).or_default().insert(line.clone());
    }
    let first = grown.iter().filter(|(number, lines)| current.get(number) != Some(lines));
    let first = first.map(|(number, lines)| (*number, lines.clone()));
    let then = last.into_iter().filter(|(number, lines)| grown.get(number) != Some(lines));
    first.chain(then).collect()
}

fn size_of(lines: &BTreeSet<String>) -> usize {
    lines.iter().map(|line| line.len().saturating_add(1)).sum()
}

/// A piece as a value.
pub(super) fn text(lines: &BTreeSet<String>) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// A value as a piece.
pub(super) fn lines(value: &[u8]) -> BTreeSet<String> {
    String::from_utf8_lossy(value).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn union(chunks: &Chunks) -> BTreeSet<String> {
        chunks.values().flatten().cloned().collect()
    }

    proptest! {
        #[test]
        fn the_pieces_become_what_is_wanted_and_no_line_is_ever_missing(
            lists in prop::collection::vec(prop::collection::btree_set("[a-z]{1,30}", 0..40), 1..6),
            room in 1_usize..100,
        ) {
            let mut chunks = Chunks::new();
            for wanted in lists {
                let before = union(&chunks);
                for (number, lines) in plan(&chunks, &wanted, room) {
                    prop_assert!(lines.len() <= 1 || size_of(&lines) <= room, "{lines:?}");
                    prop_assert_eq!(self::lines(text(&lines).as_bytes()), lines.clone());
                    if lines.is_empty() { chunks.remove(&number); } else { chunks.insert(number, lines); }
                    let now = union(&chunks);
                    prop_assert!(before.intersection(&wanted).all(|line| now.contains(line)));
                }
                prop_assert_eq!(&union(&chunks), &wanted);
                prop_assert_eq!(chunks.values().map(BTreeSet::len).sum::<usize>(), wanted.len(), "each once");
                prop_assert!(plan(&chunks, &wanted, room).is_empty());
            }
        }
    }
}
