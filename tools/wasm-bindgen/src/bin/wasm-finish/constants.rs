//! The module's constants, and the places in the source among them.

use std::ops::Range;

use walrus::ir::Value;
use walrus::{ConstExpr, Data, DataKind, Module};

/// The addresses of the module's constants. Nothing else ever lies there: the stack is before them, the heap behind.
pub(crate) fn constants(module: &Module) -> Option<Range<usize>> {
    let segments = module.data.iter().filter_map(|segment| place_of(segment, 0));
    segments.reduce(|all, segment| all.start.min(segment.start)..all.end.max(segment.end))
}

/// Where constants lie, counted from `start`.
fn place_of(segment: &Data, start: usize) -> Option<Range<usize>> {
    let DataKind::Active { offset: ConstExpr::Value(Value::I32(address)), .. } = segment.kind else { return None };
    let begin = usize::try_from(address).ok()?.checked_sub(start)?;
    Some(begin..begin + segment.value.len())
}

/// Blanks the places in the source that a panic would name: no trap reads them, and they are different on every machine.
pub(crate) fn forget_places(module: &mut Module, constants: &Range<usize>) {
    let mut memory = vec![0; constants.len()];
    let places: Vec<_> = module.data.iter().filter_map(|data| Some((data.id(), place_of(data, constants.start)?))).collect();
    for (id, place) in &places {
        if let Some(constants) = memory.get_mut(place.clone()) {
            constants.copy_from_slice(&module.data.get(*id).value);
        }
    }
    blank_places(&mut memory, constants.start);
    for (id, place) in places {
        if let Some(constants) = memory.get(place) {
            module.data.get_mut(id).value.copy_from_slice(constants);
        }
    }
}

/// Blanks every `core::panic::Location` in memory that begins at `start`, and the path that it points to. It is four words: the path's
/// address and length, a line and a column.
fn blank_places(memory: &mut [u8], start: usize) {
    let word = |at: usize| memory.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)?.try_into().ok();
    let path = |at: usize| {
        let (address, length): (usize, usize) = (word(at)?, word(at + 4)?);
        let from = address.checked_sub(start)?;
        let path = memory.get(from..from.checked_add(length)?)?;
        let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
        (path.ends_with(b".rs") && path.iter().all(is_path) && at + 16 <= memory.len()).then_some(from..from + length)
    };
    let found: Vec<_> = (0..memory.len()).step_by(4).filter_map(|at| Some([at..at + 16, path(at)?])).flatten().collect();
    for place in found {
        if let Some(place) = memory.get_mut(place) {
            place.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_in_the_source_are_blanked() {
        let place = |address: u32, length: u32| [address, length, 7, 5].into_iter().flat_map(u32::to_le_bytes);
        let memory: Vec<u8> = b"textsrc/a.rsmore".iter().copied().chain(place(104, 8)).chain(place(100, 4)).collect();
        let mut blanked = memory.clone();
        blank_places(&mut blanked, 100);
        let kept: Vec<u8> = b"text".iter().copied().chain([0; 8]).chain(*b"more").chain([0; 16]).chain(place(100, 4)).collect();
        assert_eq!(blanked, kept);
        let mut elsewhere = memory.clone();
        blank_places(&mut elsewhere, 200);
        assert_eq!(elsewhere, memory);
    }
}
