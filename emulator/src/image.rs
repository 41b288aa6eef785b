//! What kind of image bytes are, judged by the bytes alone.

use im_chats_protocol::error::Error;
use im_chats_protocol::limits::check_image_size;

/// The first bytes of every PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The first bytes of every GIF.
const GIF: [&[u8]; 2] = [b"GIF87a", b"GIF89a"];

/// ISO media brands of pictures coded with HEVC: HEIC.
const HEVC_BRANDS: [Brand; 11] =
    [*b"heic", *b"heix", *b"hevc", *b"hevx", *b"heim", *b"heis", *b"hevm", *b"hevs", *b"MiHB", *b"MiHA", *b"MiHE"];

/// ISO media brands of pictures coded with AV1: AVIF, which is HEIF with a codec that backgrounds do not take.
const AV1_BRANDS: [Brand; 4] = [*b"avif", *b"avis", *b"MA1B", *b"MA1A"];

/// ISO media brands of HEIF in general. The other brands say which codec is inside.
const HEIF_BRANDS: [Brand; 4] = [*b"mif1", *b"mif2", *b"msf1", *b"miaf"];

type Brand = [u8; 4];

/// The kinds of image a background can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageType {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/heic`
    Heic,
    /// `image/heif`
    Heif,
}

impl ImageType {
    /// The media type.
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Heic => "image/heic",
            Self::Heif => "image/heif",
        }
    }

    /// Judges the content.
    ///
    /// # Errors
    /// `invalidArgument` with `context.field` when it is empty, too large, or of another kind; `context.detected` says which,
    /// where that is known.
    pub fn detect(data: &[u8], field: &'static str) -> Result<Self, Error> {
        check_image_size(data.len(), field)?;
        Self::judge(data, field, "a background is JPEG, PNG, HEIC or HEIF")
    }

    /// The kind, where it is one of these.
    pub(crate) fn of(data: &[u8]) -> Option<Self> {
        Self::judge(data, "", "").ok()
    }

    fn judge(data: &[u8], field: &'static str, rule: &'static str) -> Result<Self, Error> {
        let other = |detected: Option<&'static str>| {
            let found = detected.unwrap_or("none of them");
            let error = Error::invalid(field, format!("{rule}; this is {found}"));
            detected.into_iter().fold(error, |error, detected| error.with_context("detected", detected))
        };
        let brands = match Brands::read(data) {
            Ok(brands) => brands,
            Err(Damaged) => {
                let message = "the image is damaged or cut off: its first box (ftyp) does not end where it says";
                return Err(Error::invalid(field, message));
            }
        };
        if let Some(verdict) = brands.and_then(|brands| brands.verdict()) {
            return verdict.map_err(|detected| other(Some(detected)));
        }
        if data.starts_with(PNG) {
            return Ok(Self::Png);
        }
        match infer::get(data).map(|kind| kind.mime_type()) {
            Some("image/jpeg") => Ok(Self::Jpeg),
            // Here nothing is, by a shorter look than ours.
            Some("image/png" | "image/heif") | None => Err(other(None)),
            detected => Err(other(detected)),
        }
    }
}

/// The media type of a group's icon: what a background can be, or GIF.
///
/// # Errors
/// As [`ImageType::detect`].
pub fn detect_icon(data: &[u8], field: &'static str) -> Result<&'static str, Error> {
    check_image_size(data.len(), field)?;
    if GIF.iter().any(|first| data.starts_with(first)) {
        return Ok("image/gif");
    }
    ImageType::judge(data, field, "an icon is PNG, JPEG, GIF, HEIC or HEIF").map(ImageType::mime)
}

/// The `ftyp` box of a file: what the file says that it is.
struct Brands<'a> {
    major: Brand,
    compatible: &'a [Brand],
}

/// A first box that does not add up.
struct Damaged;

impl<'a> Brands<'a> {
    /// Reads the box; nothing when the file does not begin with one.
    ///
    /// By ISO 14496-12: a size of 32 bits and the type; a size of 1 means that one of 64 bits follows, 0 that the box goes on
    /// to the end of the file. Then the major brand, its version, and the compatible brands.
    fn read(data: &'a [u8]) -> Result<Option<Self>, Damaged> {
        if data.get(4..8) != Some(b"ftyp") {
            return Ok(None);
        }
        let (size, rest) = match number(data, 4) {
            Some(0) => (data.len(), data.get(8..)),
            Some(1) => (number(data.get(8..).unwrap_or_default(), 8).ok_or(Damaged)?, data.get(16..)),
            size => (size.ok_or(Damaged)?, data.get(8..)),
        };
        let rest = rest.ok_or(Damaged)?;
        let header = data.len().saturating_sub(rest.len());
        let body = size.checked_sub(header).and_then(|length| rest.get(..length)).ok_or(Damaged)?;
        let (brands, odd) = body.as_chunks::<4>();
        match brands {
            [major, _version, compatible @ ..] if odd.is_empty() => Ok(Some(Self { major: *major, compatible })),
            _ => Err(Damaged),
        }
    }

    /// Whether it is a picture that is taken, or the media type of one that is not; nothing when it is no picture.
    fn verdict(&self) -> Option<Result<ImageType, &'static str>> {
        let mentions = |wanted: &[Brand]| self.compatible.iter().any(|brand| wanted.contains(brand));
        if HEVC_BRANDS.contains(&self.major) {
            return Some(Ok(ImageType::Heic));
        }
        if AV1_BRANDS.contains(&self.major) {
            return Some(Err("image/avif"));
        }
        if !HEIF_BRANDS.contains(&self.major) && !mentions(&HEIF_BRANDS) {
            return None;
        }
        // A file may be both: who reads HEIC can show it.
        Some(if mentions(&HEVC_BRANDS) {
            Ok(ImageType::Heic)
        } else if mentions(&AV1_BRANDS) {
            Err("image/avif")
        } else {
            Ok(ImageType::Heif)
        })
    }
}

/// The number in the first `length` bytes, where it is one that fits.
fn number(data: &[u8], length: usize) -> Option<usize> {
    let value = data.get(..length)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use im_chats_protocol::limits::MAX_IMAGE_BYTES;

    fn ftyp(major: &[u8; 4], compatible: &[&[u8; 4]]) -> Vec<u8> {
        let length = u32::try_from(16 + 4 * compatible.len()).unwrap();
        let mut data = length.to_be_bytes().to_vec();
        data.extend_from_slice(b"ftyp");
        data.extend_from_slice(major);
        data.extend_from_slice(&[0; 4]);
        compatible.iter().for_each(|brand| data.extend_from_slice(*brand));
        data.extend_from_slice(&[0; 32]);
        data
    }

    /// With a size that says something else than the length.
    fn sized(size: u32, major: &[u8; 4], compatible: &[&[u8; 4]]) -> Vec<u8> {
        let mut data = ftyp(major, compatible);
        data[..4].copy_from_slice(&size.to_be_bytes());
        data
    }

    /// With a size of 64 bits.
    fn wide(major: &[u8; 4], compatible: &[&[u8; 4]]) -> Vec<u8> {
        let narrow = ftyp(major, compatible);
        let size = u64::try_from(24 + 4 * compatible.len()).unwrap();
        [&1_u32.to_be_bytes()[..], b"ftyp", &size.to_be_bytes(), &narrow[8..]].concat()
    }

    #[test]
    fn the_four_kinds_are_known_by_their_bytes() {
        let cases = [
            (vec![0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F', 0], ImageType::Jpeg),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), ImageType::Png),
            (ftyp(b"mif1", &[b"mif1", b"heic", b"avif"]), ImageType::Heic),
            (ftyp(b"mif1", &[b"avif", b"heic"]), ImageType::Heic),
            (ftyp(b"heic", &[b"avif"]), ImageType::Heic),
            (ftyp(b"miaf", &[b"MiHB"]), ImageType::Heic),
            (ftyp(b"msf1", &[]), ImageType::Heif),
            (ftyp(b"isom", &[b"mif1", b"heic"]), ImageType::Heic),
            (sized(0, b"heic", &[b"mif1"]), ImageType::Heic),
            (wide(b"mif1", &[b"heic"]), ImageType::Heic),
            (ftyp(b"heic", &[b"mif1", b"heic"]), ImageType::Heic),
            (ftyp(b"hevc", &[]), ImageType::Heic),
            (ftyp(b"mif1", &[b"mif1", b"heic"]), ImageType::Heic),
            (ftyp(b"mif1", &[b"mif1", b"miaf"]), ImageType::Heif),
        ];
        for (data, kind) in cases {
            assert_eq!(ImageType::detect(&data, "data"), Ok(kind));
        }
    }

    #[test]
    fn each_kind_has_its_media_type() {
        let kinds = [ImageType::Jpeg, ImageType::Png, ImageType::Heic, ImageType::Heif];
        assert_eq!(kinds.map(ImageType::mime), ["image/jpeg", "image/png", "image/heic", "image/heif"]);
    }

    #[test]
    fn everything_else_is_refused() {
        let cases: [(&[u8], Option<&str>); 21] = [
            (b"", None),
            (b"GIF89a\x01\0\x01\0", Some("image/gif")),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp")),
            (&ftyp(b"avif", &[b"avif", b"mif1"]), Some("image/avif")),
            (&ftyp(b"mif1", &[b"mif1", b"avif"]), Some("image/avif")),
            (&ftyp(b"isom", &[b"miaf", b"MA1B"]), Some("image/avif")),
            (&wide(b"avif", &[b"mif1"]), Some("image/avif")),
            (&sized(0, b"mif1", &[b"avif"]), Some("image/avif")),
            (b"\x89PNG", None),
            (b"\x89PNG\r\n\x1a", None),
            (b"\x89PNG\n\x1a\n\0\0\0\rIHDR", None),
            (b"\xff\xd8", None),
            (b"\0\0\0\x18ftyp", None),
            (b"\0\0\0\x01ftyp\0\0", None),
            (b"\xff\xff\xff\xffftypmif1\0\0\0\0avif", None),
            (b"\0\0\0\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xffheic\0\0\0\0", None),
            (b"II*\0\x08\0\0\0\0\0", Some("image/tiff")),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", Some("image/bmp")),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", None),
            (&ftyp(b"isom", &[b"mp41"]), None),
            (&[7; 64], None),
        ];
        for (data, detected) in cases {
            let error = ImageType::detect(data, "data").unwrap_err();
            assert_eq!(error.context_value("field"), Some("data"));
            if detected.is_some() {
                assert_eq!(error.context_value("detected"), detected, "{data:?}");
            }
            assert!(!error.message.contains("image/heif") && !error.message.contains("image/png"), "{error}");
        }
        let large = ImageType::detect(&vec![0xff; MAX_IMAGE_BYTES + 1], "data").unwrap_err();
        assert_eq!((large.message.as_ref(), large.context_value("limit")), ("data: at most 20 MiB", Some("20971520")));
    }

    #[test]
    fn a_first_box_that_does_not_add_up_is_damage_and_no_guess() {
        let whole = ftyp(b"mif1", &[b"mif1", b"avif"]);
        let cut = &whole[..20];
        // Too small for the brands it needs, not in whole brands, beyond the end, less than its own head.
        let broken = [1, 2, 7, 8, 12, 15, 17, 22, 4096].map(|size| sized(size, b"mif1", &[b"mif1", b"avif"]));
        for data in broken.iter().map(Vec::as_slice).chain([cut]) {
            let error = ImageType::detect(data, "data").unwrap_err();
            assert!(error.message.contains("damaged"), "{data:?}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn avif_is_never_taken_for_another_kind(
            size in proptest::prelude::any::<u32>(),
            others in proptest::collection::vec(proptest::sample::select(vec![b"mif1", b"miaf", b"MA1B", b"avif"]), 0..4),
            cut in 0..80_usize,
        ) {
            let mut data = sized(size, b"mif1", &[&others[..], &[b"avif"]].concat());
            data.truncate(cut);
            proptest::prop_assert!(!matches!(ImageType::detect(&data, "data"), Ok(ImageType::Heic)));
            let mut right = ftyp(b"mif1", &[&others[..], &[b"avif"]].concat());
            right.truncate(right.len() - 32);
            right.truncate(cut.max(1));
            proptest::prop_assert!(ImageType::detect(&right, "data").is_err());
        }

        #[test]
        fn any_bytes_are_judged(data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            drop(ImageType::detect(&[&data[..4.min(data.len())], b"ftyp", &data].concat(), "data"));
            drop(ImageType::detect(&data, "data"));
        }
    }
}
