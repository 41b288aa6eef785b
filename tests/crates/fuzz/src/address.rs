//! Addresses, images and timestamps: what is taken says the same when it is read again.

use im_chats_emulator::address::Address;
use im_chats_emulator::image::ImageType;
use im_chats_gateway::service::proto::Timestamp;

pub(crate) fn run(data: &[u8]) {
    if let Err(error) = ImageType::detect(data, "data") {
        assert_eq!(error.context_value("field"), Some("data"));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(address) = Address::parse(text, "address") {
        assert_eq!(Address::parse(&address.text, "address").as_ref(), Ok(&address), "normalised twice");
        assert!(!address.display_name().is_empty());
    }
    if let Some(time) = Timestamp::parse(text)
        && let Some(written) = time.to_rfc3339()
    {
        assert_eq!(Timestamp::parse(&written), Some(time));
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "Alice@Example.com",
        "+1 (415) 555-2671",
        "12345",
        "tel:+7-812-710-90-79",
        "\u{202a}+1\u{a0}(415)\u{a0}555\u{2011}2671\u{202c}",
        "kim@m\u{fc}nchen.de",
        "\"kim\\ lee\"@xn--mnchen-3ya.de",
        "2026-01-01T12:00:00.123456789+02:00",
        "GIF89a",
        "RIFF\u{0}\u{0}\u{0}\u{0}WEBPVP8 ",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    seeds.push(b"\xff\xd8\xff\xe0\x00\x10JFIF".to_vec());
    seeds.push(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR".to_vec());
    seeds.push(b"\x00\x00\x00\x01ftyp\x00\x00\x00\x00\x00\x00\x00\x20mif1\x00\x00\x00\x00avifheic".to_vec());
    seeds.push(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic".to_vec());
    seeds
}
