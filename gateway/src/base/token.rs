//! Files that hold a token.

use im_chats_protocol::wire::token::check_token;

use super::watched::without_line_break;

/// Largest file of a token or a key, in bytes.
pub const MAX_TOKEN_FILE_BYTES: u64 = 64 * 1024;

/// The token that a file holds. But for the line break at its end it is taken as it is, and judged.
///
/// # Errors
/// What is wrong with it, without repeating it.
pub fn token(bytes: &[u8]) -> Result<String, String> {
    // What is not UTF-8 is not ASCII either, and the replacement character says so.
    let token = String::from_utf8_lossy(without_line_break(bytes)).into_owned();
    check_token(&token).map(|()| token)
}
