//! Files: what they are, and how messages have them.

use serde_json::json;

use super::*;
use crate::limits::{MAX_ATTACHMENT_BYTES, MAX_FILE_NAME_BYTES};

const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic............";

const MOV: &[u8] = b"\0\0\0\x14ftypqt  \0\0\0\0qt  ............";

fn file(name: &str, data: &[u8]) -> FileDescription {
    FileDescription::detect(name, data, "data").unwrap()
}

fn upload(world: &mut World, name: &str, data: &[u8], actor: Actor) -> Attachment {
    match world.run(Command::Upload { file: file(name, data), companion: None, actor }) {
        (Reply::Attachment(attachment), events) if events.is_empty() => *attachment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_what_its_bytes_say_and_else_what_its_name_says() {
    for (name, data, mime, uti) in [
        ("photo.txt", &b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..], "image/jpeg", "public.jpeg"),
        ("a", HEIC, "image/heic", "public.heic"),
        ("a.mov", MOV, "video/quicktime", "com.apple.quicktime-movie"),
        ("a", b"%PDF-1.7\n", "application/pdf", "com.adobe.pdf"),
        ("a.txt", b"hello", "text/plain", "public.plain-text"),
        ("a.CSV", b"a,b", "text/csv", "public.comma-separated-values-text"),
        ("voice.m4a", b"....", "audio/m4a", "com.apple.m4a-audio"),
        ("a.zip", b"PK\x03\x04....", "application/zip", "public.zip-archive"),
        (
            "a.docx",
            b"PK\x03\x04....",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "org.openxmlformats.wordprocessingml.document",
        ),
        ("a.webp", b"RIFF....WEBPVP8 ", "image/webp", "org.webmproject.webp"),
        ("a", b"hello", "application/octet-stream", "public.data"),
        ("a.unheard", b"hello", "application/octet-stream", "public.data"),
    ] {
        let found = file(name, data);
        assert_eq!((found.mime.as_str(), found.uti.as_str(), found.bytes), (mime, uti, data.len() as u64), "{name}");
    }
}

#[test]
fn a_name_loses_what_has_no_place_in_one() {
    for (given, name) in [
        ("photo.jpg", "photo.jpg"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\a.txt", "a.txt"),
        ("../..", "attachment"),
        ("", "attachment"),
        (" \u{202e}\n", "attachment"),
        (".hidden", "hidden"),
        ("a\0b\r\n\u{202e}c.txt", "abc.txt"),
        ("a:b\"c?.txt", "a_b_c_.txt"),
        ("naïve 📷.png", "naïve 📷.png"),
    ] {
        assert_eq!(file(given, b"x").name, name, "{given:?}");
    }
    let long = file(&("é".repeat(200) + ".jpeg"), b"x").name;
    assert!(long.len() <= MAX_FILE_NAME_BYTES && long.len() > MAX_FILE_NAME_BYTES - 2 && long.ends_with("é.jpeg"), "{long}");
}

#[test]
fn an_empty_file_and_one_that_is_too_large_are_refused() {
    let refused = |data: &[u8]| FileDescription::detect("a", data, "data").unwrap_err();
    assert_eq!(refused(b"").context_value("field"), Some("data"));
    let most = usize::try_from(MAX_ATTACHMENT_BYTES).unwrap();
    let mut data = vec![b' '; most + 1];
    let error = refused(&data);
    assert_eq!((error.context_value("field"), error.context_value("limit")), (Some("data"), Some("104857600")));
    data.truncate(most);
    assert_eq!(file("a", &data).bytes, MAX_ATTACHMENT_BYTES);
}

#[test]
fn a_file_that_was_uploaded_is_sent_in_a_message() {
    let mut world = World::new();
    let attachment = upload(&mut world, "photo.heic", HEIC, None);
    let guid = attachment.info.guid.clone();
    assert_eq!(
        json!(attachment),
        json!({ "info": {
            "guid": guid, "fileName": "photo.heic", "mimeType": "image/heic", "uti": "public.heic", "totalBytes": HEIC.len(),
            "isOutgoing": true, "transferState": "finished", "isHidden": false, "isSticker": false,
        } })
    );
    assert_eq!(world.state.attachment(&guid), Ok(&attachment));
    let message = world.send(DIRECT, Draft::file(guid.clone(), Some("/tmp/shown.heic".to_owned())).audio(true), None);
    let sent = &message.content.attachments.as_ref().unwrap()[0];
    assert_eq!((sent.guid.as_str(), sent.file_name.as_str()), (guid.as_str(), "shown.heic"));
    assert_eq!((message.content.text.as_deref(), message.is_audio_message, message.part_count), (None, Some(true), Some(1)));
    let edit = Command::Edit { target: target(DIRECT, &message.guid), text: "x".to_owned(), actor: None };
    assert_eq!(world.refused(edit), code("preconditionFailed"), "there is no text in it");
    let answer = world.send(DIRECT, draft("nice").reply_to(Some(ReplyTo { message: message.guid, part: Some(0) })), alice());
    assert_eq!(answer.thread_originator_part.as_deref(), Some("0:0:1"));
}

#[test]
fn a_file_can_be_sent_only_by_who_brought_it() {
    let mut world = World::new();
    let theirs = upload(&mut world, "a.txt", b"x", alice()).info;
    let own = upload(&mut world, "a.txt", b"x", None).info;
    assert!(!theirs.is_outgoing);
    let send = |draft: Draft, actor: Actor| Command::Send { chat: DIRECT.to_owned(), draft: Box::new(draft), actor };
    let one = |guid: &str| Draft::file(guid.to_owned(), None);
    assert_eq!(world.refused(send(one(&theirs.guid), None)), invalid("attachment.attachmentGuid"));
    assert_eq!(world.refused(send(one(&own.guid), alice())), invalid("attachment.attachmentGuid"));
    assert_eq!(world.refused(send(one("nothing"), None)), code("attachmentNotFound"));
    let text = Part::text("a", Vec::new(), None, "parts[0].text").unwrap();
    let several = Draft::parts(vec![text, Part::file(theirs.guid.clone(), None)]).unwrap();
    assert_eq!(world.refused(send(several, None)), invalid("parts[1].attachment.attachmentGuid"));
    let only = Draft::parts(vec![Part::file(theirs.guid.clone(), None)]).unwrap();
    assert_eq!(world.refused(send(only, None)), invalid("parts[0].attachment.attachmentGuid"), "a list of one is a list");
    let message = world.send(DIRECT, one(&theirs.guid), alice());
    assert_eq!(message.content.attachments.unwrap()[0].guid, theirs.guid);
}

#[test]
fn a_live_photo_is_a_picture_and_a_movie() {
    let mut world = World::new();
    let live = |picture: &[u8], video: &[u8]| Command::Upload {
        file: file("live.HEIC", picture),
        companion: Some(FileDescription::detect("", video, "companion.data").unwrap()),
        actor: None,
    };
    assert_eq!(world.refused(live(MOV, MOV)), invalid("data"));
    assert_eq!(world.refused(live(HEIC, HEIC)), invalid("companion.data"));
    let Reply::Attachment(attachment) = world.run(live(HEIC, MOV)).0 else { panic!("no attachment") };
    assert_eq!(
        json!(attachment.companion),
        json!({ "fileName": "live.MOV", "mimeType": "video/quicktime", "totalBytes": MOV.len(), "kind": "live-photo-video" })
    );
    assert_eq!(json!(attachment.info)["companionKind"], "live-photo-video");
}
