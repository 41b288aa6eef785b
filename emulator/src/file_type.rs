//! What kind of file bytes are: by the bytes, then by the name's ending.

use im_chats_protocol::error::Error;

use crate::command::FileDescription;
use crate::image::ImageType;
use crate::limits::{MAX_ATTACHMENT_BYTES, MAX_FILE_NAME_BYTES};
use crate::marks::is_invisible;

/// The name of a file that came without one.
const NAMELESS: &str = "attachment";

/// What a file is that nothing else is known of.
const UNKNOWN: (&str, &str) = ("application/octet-stream", "public.data");

/// Endings, each with the media type and Apple's uniform type identifier. The first line of a media type gives its identifier.
const TYPES: &[(&str, &str, &str)] = &[
    ("jpg", "image/jpeg", "public.jpeg"),
    ("jpeg", "image/jpeg", "public.jpeg"),
    ("png", "image/png", "public.png"),
    ("gif", "image/gif", "com.compuserve.gif"),
    ("heic", "image/heic", "public.heic"),
    ("heif", "image/heif", "public.heif"),
    ("tiff", "image/tiff", "public.tiff"),
    ("tif", "image/tiff", "public.tiff"),
    ("bmp", "image/bmp", "com.microsoft.bmp"),
    ("webp", "image/webp", "org.webmproject.webp"),
    ("avif", "image/avif", "public.avif"),
    ("svg", "image/svg+xml", "public.svg-image"),
    ("ico", "image/vnd.microsoft.icon", "com.microsoft.ico"),
    ("psd", "image/vnd.adobe.photoshop", "com.adobe.photoshop-image"),
    ("mov", "video/quicktime", "com.apple.quicktime-movie"),
    ("mp4", "video/mp4", "public.mpeg-4"),
    ("m4v", "video/x-m4v", "com.apple.m4v-video"),
    ("webm", "video/webm", "org.webmproject.webm"),
    ("avi", "video/x-msvideo", "public.avi"),
    ("mpg", "video/mpeg", "public.mpeg"),
    ("mkv", "video/x-matroska", "org.matroska.mkv"),
    ("m4a", "audio/m4a", "com.apple.m4a-audio"),
    ("mp3", "audio/mpeg", "public.mp3"),
    ("wav", "audio/x-wav", "com.microsoft.waveform-audio"),
    ("aiff", "audio/x-aiff", "public.aiff-audio"),
    ("aif", "audio/x-aiff", "public.aiff-audio"),
    ("flac", "audio/x-flac", "org.xiph.flac"),
    ("caf", "audio/x-caf", "com.apple.coreaudio-format"),
    ("aac", "audio/aac", "public.aac-audio"),
    ("amr", "audio/amr", "org.3gpp.adaptive-multi-rate-audio"),
    ("ogg", "audio/ogg", "org.xiph.ogg-audio"),
    ("opus", "audio/opus", "org.xiph.opus"),
    ("pdf", "application/pdf", "com.adobe.pdf"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "org.openxmlformats.wordprocessingml.document",
    ),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "org.openxmlformats.spreadsheetml.sheet"),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "org.openxmlformats.presentationml.presentation",
    ),
    ("doc", "application/msword", "com.microsoft.word.doc"),
    ("xls", "application/vnd.ms-excel", "com.microsoft.excel.xls"),
    ("ppt", "application/vnd.ms-powerpoint", "com.microsoft.powerpoint.ppt"),
    ("txt", "text/plain", "public.plain-text"),
    ("csv", "text/csv", "public.comma-separated-values-text"),
    ("json", "application/json", "public.json"),
    ("html", "text/html", "public.html"),
    ("htm", "text/html", "public.html"),
    ("xml", "text/xml", "public.xml"),
    ("rtf", "application/rtf", "public.rtf"),
    ("md", "text/markdown", "net.daringfireball.markdown"),
    ("vcf", "text/vcard", "public.vcard"),
    ("ics", "text/calendar", "com.apple.ical.ics"),
    ("epub", "application/epub+zip", "org.idpf.epub-container"),
    ("zip", "application/zip", "public.zip-archive"),
    ("tar", "application/x-tar", "public.tar-archive"),
    ("gz", "application/gzip", "org.gnu.gnu-zip-archive"),
    ("bz2", "application/x-bzip2", "public.bzip2-archive"),
    ("xz", "application/x-xz", "org.tukaani.xz-archive"),
    ("7z", "application/x-7z-compressed", "org.7-zip.7-zip-archive"),
];

impl FileDescription {
    /// Judges a file by its bytes, then by the ending of its name; the name loses what has no place in one. `field` is what an
    /// error names.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field` when there are no bytes or too many.
    pub fn detect(name: &str, data: &[u8], field: &str) -> Result<Self, Error> {
        let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
        if bytes == 0 {
            return Err(Error::invalid(field.to_owned(), "a file has at least one byte"));
        }
        if bytes > MAX_ATTACHMENT_BYTES {
            return Err(Error::invalid(field.to_owned(), format!("at most {MAX_ATTACHMENT_BYTES} bytes"))
                .with_context("bytes", bytes.to_string())
                .with_context("limit", MAX_ATTACHMENT_BYTES.to_string()));
        }
        let name = file_name(name);
        let (mime, uti) = by_bytes(data, &name).or_else(|| by_name(&name)).unwrap_or(UNKNOWN);
        Ok(Self { name, mime: mime.to_owned(), uti: uti.to_owned(), bytes })
    }
}

/// A name without a path, control characters, and what cannot be seen, and not too long; its ending stays.
pub(crate) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|letter| !letter.is_control() && !is_invisible(*letter))
        .map(|letter| if matches!(letter, ':' | '"' | '<' | '>' | '|' | '?' | '*') { '_' } else { letter })
        .collect();
    let clean = clean.trim().trim_start_matches('.');
    if clean.is_empty() {
        return NAMELESS.to_owned();
    }
    if clean.len() <= MAX_FILE_NAME_BYTES {
        return clean.to_owned();
    }
    let ending = ending(clean).filter(|ending| ending.len() < 32).map(|ending| format!(".{ending}")).unwrap_or_default();
    let mut short = String::new();
    for letter in clean.chars() {
        if short.len().saturating_add(letter.len_utf8()).saturating_add(ending.len()) > MAX_FILE_NAME_BYTES {
            break;
        }
        short.push(letter);
    }
    short + &ending
}

fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| !ending.is_empty())
}

fn by_name(name: &str) -> Option<(&'static str, &'static str)> {
    let ending = ending(name)?.to_ascii_lowercase();
    TYPES.iter().find(|(known, ..)| *known == ending).map(|(_, mime, uti)| (*mime, *uti))
}

fn by_bytes(data: &[u8], name: &str) -> Option<(&'static str, &'static str)> {
    let mime = match ImageType::of(data) {
        Some(image) => image.mime(),
        None => infer::get(data)?.mime_type(),
    };
    // Some kinds are others at heart, and only the name tells: a document is a ZIP archive, and any text may look like another.
    let is_vague = matches!(mime, "application/zip" | "text/plain" | "text/xml" | "text/html" | "application/octet-stream");
    if is_vague && let Some(named) = by_name(name) {
        return Some(named);
    }
    TYPES.iter().find(|(_, known, _)| *known == mime).map(|(_, mime, uti)| (*mime, *uti)).or(Some((mime, UNKNOWN.1)))
}
