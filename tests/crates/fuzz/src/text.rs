//! Chat GUIDs and cursors: what is taken says the same when it is read again.

use im_chats_protocol::model::{ChatGuid, Cursor};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(guid) = ChatGuid::parse(text, "chat") {
        assert_eq!(ChatGuid::parse(guid.as_str(), "chat").as_ref(), Ok(&guid));
    }
    if let Ok(cursor) = Cursor::parse(text, "after") {
        assert_eq!(Cursor::parse(&cursor.to_string(), "after").as_ref(), Ok(&cursor));
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    ["any;-;alice@example.com", "any;+;group", "1200@0b6e"].iter().map(|text| text.as_bytes().to_vec()).collect()
}
