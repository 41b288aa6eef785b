//! Digests as text.

/// Bytes in hexadecimal digits, as `sha256sum` writes them.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// The first bytes of a digest.
#[must_use]
pub fn first_hex(digest: &[u8], bytes: usize) -> String {
    hex(digest.get(..bytes).unwrap_or(digest))
}
