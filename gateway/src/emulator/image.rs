//! What kind of image bytes are, judged by the bytes alone.

use im_chats::error::Error;

/// Largest background taken, in bytes.
pub const MAX_IMAGE_BYTES: usize = 20 * 1024 * 1024;

/// ISO media brands of HEIC: HEVC-coded stills and sequences.
const HEIC_BRANDS: [&[u8]; 8] = [b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"];

/// ISO media brands of HEIF in general; what codec is inside, the other brands say.
const HEIF_BRANDS: [&[u8]; 2] = [b"mif1", b"msf1"];

/// ISO media brands of AVIF, which is HEIF with a codec that backgrounds do not take.
const AVIF_BRANDS: [&[u8]; 2] = [b"avif", b"avis"];

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
        if data.is_empty() {
            return Err(Error::invalid(field, "a background must not be empty"));
        }
        if data.len() > MAX_IMAGE_BYTES {
            return Err(Error::invalid(field, format!("a background has at most {MAX_IMAGE_BYTES} bytes"))
                .with_context("bytes", data.len().to_string())
                .with_context("limit", MAX_IMAGE_BYTES.to_string()));
        }
        if let Some(kind) = iso_media(data) {
            return Ok(kind);
        }
        match infer::get(data).map(|kind| kind.mime_type()) {
            Some("image/jpeg") => Ok(Self::Jpeg),
            Some("image/png") => Ok(Self::Png),
            Some(other) => Err(Error::invalid(field, format!("a background is JPEG, PNG, HEIC or HEIF; this is {other}"))
                .with_context("detected", other)),
            None => Err(Error::invalid(field, "a background is JPEG, PNG, HEIC or HEIF; this is none of them")),
        }
    }
}

/// HEIC and HEIF by the brands of their first box: `infer` knows two of the brands that iPhones and others write.
fn iso_media(data: &[u8]) -> Option<ImageType> {
    if data.get(4..8)? != b"ftyp" {
        return None;
    }
    let length = usize::try_from(u32::from_be_bytes(data.get(0..4)?.try_into().ok()?)).ok()?;
    let major = data.get(8..12)?;
    let compatible = data.get(16..length).unwrap_or_default().as_chunks::<4>().0;
    let mentions =
        |brands: &[&[u8]]| brands.contains(&major) || compatible.iter().any(|brand| brands.contains(&brand.as_slice()));
    if HEIC_BRANDS.contains(&major) {
        Some(ImageType::Heic)
    } else if mentions(&AVIF_BRANDS) || !HEIF_BRANDS.contains(&major) {
        None
    } else if mentions(&HEIC_BRANDS) {
        Some(ImageType::Heic)
    } else {
        Some(ImageType::Heif)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_four_kinds_are_known_by_their_bytes() {
        let cases = [
            (vec![0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F', 0], ImageType::Jpeg),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), ImageType::Png),
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
    fn everything_else_is_refused() {
        let cases: [(&[u8], Option<&str>); 10] = [
            (b"", None),
            (b"GIF89a\x01\0\x01\0", Some("image/gif")),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp")),
            (&ftyp(b"avif", &[b"avif", b"mif1"]), Some("image/avif")),
            (&ftyp(b"mif1", &[b"mif1", b"avif"]), None),
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
                assert_eq!(error.context_value("detected"), detected);
            }
        }
        assert_eq!(
            ImageType::detect(&vec![0xff; MAX_IMAGE_BYTES + 1], "data").unwrap_err().context_value("limit"),
            Some("20971520")
        );
    }
}
