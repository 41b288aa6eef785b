//! What a bearer token may look like.

use alloc::format;
use alloc::string::String;

use crate::limits::MAX_TOKEN_BYTES;

/// Checks that a token can travel: over REST and gRPC it is part of a header, where nothing but visible ASCII arrives as it
/// was sent. The binding (`src/token.rs`) and `createClient` (`pkg-template/src/options.ts`) keep to the same characters.
///
/// # Errors
/// What is wrong, as the end of a sentence that names the token. The token is not in it.
pub fn check_token(token: &str) -> Result<(), String> {
    if token.is_empty() {
        return Err(String::from("it is empty"));
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(format!("it is longer than {MAX_TOKEN_BYTES} bytes"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(String::from("a token is made of visible ASCII characters, without spaces; this one has others"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_header_carries_unchanged_is_a_token() {
        for token in ["a", "~!", "eyJhbGciOiJIUzI1NiJ9.e30.x-_", &"x".repeat(MAX_TOKEN_BYTES)] {
            assert_eq!(check_token(token), Ok(()), "{token}");
        }
        for token in ["", " a", "a ", "a b", "tök", "a\n", "\u{feff}a", "a\u{7f}", &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            assert!(check_token(token).is_err(), "{token:?}");
        }
    }
}
