//! Uploading a file: the check of its size, and the key of the upload that belongs to a message.

use crate::error::Error;
use crate::limits::{MAX_ATTACHMENT_BYTES, attachment_too_large};
use crate::number::decimal;
use alloc::borrow::ToOwned;
use alloc::string::String;

/// Checks the size of a file, in bytes.
///
/// # Errors
/// `invalidArgument` naming `field`; above the limit `context.bytes` and `context.limit` say by how much.
pub fn check_attachment_size(bytes: usize, field: &'static str) -> Result<(), Error> {
    if bytes == 0 {
        return Err(Error::invalid(field, "the file must not be empty"));
    }
    if bytes > MAX_ATTACHMENT_BYTES {
        let bytes = decimal(u64::try_from(bytes).unwrap_or(u64::MAX));
        return Err(attachment_too_large(field).with_context("bytes", bytes));
    }
    Ok(())
}

/// The key of the upload, made of the key of the message it is for: the same message again is the same upload again. It is not that key
/// itself, because one key names one write. Any text becomes one that a header carries.
#[must_use]
pub fn upload_key(key: &str) -> String {
    let mut made = "upload-".to_owned();
    // FNV-1a, from two beginnings: the key only has to be unlike others of the account.
    for beginning in [0xcbf2_9ce4_8422_2325_u64, 0x9ae1_6a3b_2f90_404f] {
        let mut hash = beginning;
        for byte in key.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        for place in 0..16_u32 {
            let digit = u32::try_from((hash >> (60 - 4 * place)) & 15).unwrap_or(0);
            made.extend(char::from_digit(digit, 16));
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::check_key;

    #[test]
    fn a_file_has_a_size() {
        assert_eq!(check_attachment_size(1, "data").and(check_attachment_size(MAX_ATTACHMENT_BYTES, "data")), Ok(()));
        assert_eq!(check_attachment_size(0, "data").unwrap_err().context_value("field"), Some("data"));
        let error = check_attachment_size(MAX_ATTACHMENT_BYTES + 1, "data").unwrap_err();
        assert_eq!(error.message, "data: at most 100 MiB");
        assert_eq!((error.context_value("bytes"), error.context_value("limit")), (Some("104857601"), Some("104857600")));
    }

    #[test]
    fn an_upload_has_a_key_of_its_own_that_a_header_carries() {
        assert_eq!(upload_key("k"), upload_key("k"));
        let keys = ["k", "l", "", "\u{1F389}", &"k".repeat(255)].map(upload_key);
        for (index, key) in keys.iter().enumerate() {
            assert!(key.len() == 39 && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
            assert_eq!(check_key(key, "clientMessageId"), Ok(()));
            assert!(keys.iter().skip(index + 1).all(|other| other != key), "{key}");
        }
    }
}
