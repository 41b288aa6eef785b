//! Marks that come with a copied address and are no part of it.

/// Marks that cannot be seen and mean nothing in an address, but are copied with it: those that set the direction of text,
/// which Apple's apps put around numbers, and spaces of no width.
pub(super) const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}
