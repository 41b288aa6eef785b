//! E-mail addresses, in one form for each mailbox: RFC 5321 for the address, RFC 5890 for the domain.
//!
//! The form is the one that goes over the wire to mail servers, which Apple's services show as well: all ASCII, in lower case,
//! the domain in Punycode, the local part quoted only where it must be. `idna` judges and converts domains as browsers do;
//! `email_address` judges the local part. Both together are 45 KB of compressed wasm.

use email_address::EmailAddress;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// Longest address, in bytes: the longest path of RFC 5321, without its angle brackets.
pub const MAX_BYTES: usize = 254;

const FORM: &str = "not a valid e-mail address; write it in full, such as alice@example.com";

/// The canonical form of an address.
pub(super) fn parse(text: &str) -> Result<String, &'static str> {
    let (local, domain) = without_scheme(text).rsplit_once('@').ok_or(FORM)?;
    let address = format!("{}@{}", local_part(local)?, self::domain(domain)?);
    if address.len() > MAX_BYTES {
        return Err("too long for an e-mail address: at most 254 bytes, with the domain in Punycode");
    }
    Ok(address)
}

/// Copying a link gives `mailto:` with it.
fn without_scheme(text: &str) -> &str {
    match text.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto") => rest,
        _ => text,
    }
}

fn local_part(text: &str) -> Result<String, &'static str> {
    if !text.is_ascii() {
        return Err("not a valid e-mail address: what stands before the @ must be ASCII");
    }
    let text = text.to_ascii_lowercase();
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let canonical = match quoted.map(unescape) {
        None => text,
        Some(None) => return Err(FORM),
        // Quotes that nothing needs: without them it is the same mailbox.
        Some(Some(plain)) if !plain.contains('"') && EmailAddress::is_valid_local_part(&plain) => plain,
        Some(Some(plain)) => format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\"")),
    };
    if EmailAddress::is_valid_local_part(&canonical) { Ok(canonical) } else { Err(FORM) }
}

/// What a quoted string means; nothing when a quote or a backslash in it stands alone.
fn unescape(quoted: &str) -> Option<String> {
    let mut letters = quoted.chars();
    let mut plain = String::with_capacity(quoted.len());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return None,
            '\\' => plain.push(letters.next()?),
            letter => plain.push(letter),
        }
    }
    Some(plain)
}

/// A domain of at least two labels of letters, digits and hyphens. An IP address is none: a top-level domain is never a number.
fn domain(text: &str) -> Result<String, &'static str> {
    const DOMAIN: &str = "not a valid e-mail address: no such domain can exist";
    let ascii =
        Uts46::new().to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify).map_err(|_| DOMAIN)?;
    let (_, top) = ascii.rsplit_once('.').ok_or("not a valid e-mail address: its domain needs a dot, as in example.com")?;
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DOMAIN);
    }
    Ok(ascii.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_mailbox_are_one_address() {
        for (address, spellings) in [
            (
                "kim@xn--mnchen-3ya.de",
                &["kim@münchen.de", "KIM@MÜNCHEN.DE", "kim@xn--mnchen-3ya.de", "kim@mu\u{308}nchen。de"][..],
            ),
            (
                "kim@x.org",
                &["kim@x.org", "\"kim\"@x.org", "\"k\\im\"@x.org", "Kim@X.Org", "mailto:kim@x.org", "MAILTO:kim@x.org"],
            ),
            ("\"kim lee\"@x.org", &["\"kim lee\"@x.org", "\"Kim\\ Lee\"@x.org"]),
            ("\"a\\\"b\\\\c\"@x.org", &["\"a\\\"b\\\\c\"@x.org"]),
            ("\"a@b\"@x.org", &["\"a@b\"@x.org"]),
            ("\".kim.\"@x.org", &["\".kim.\"@x.org"]),
            ("o'neil+tag/x=y@sub.example.co", &["o'neil+tag/x=y@sub.example.co"]),
        ] {
            for spelling in spellings {
                assert_eq!(parse(spelling).as_deref(), Ok(address), "{spelling}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_label = format!("kim@{}.org", "a".repeat(64));
        let long_local = format!("{}@x.org", "a".repeat(65));
        let long_domain = format!("kim@{}org", format!("{}.", "a".repeat(49)).repeat(6));
        for address in [
            "kim@exa?mple.org",
            "kim@exa%mple.org",
            "kim@exa!mple.org",
            "kim@exa_mple.org",
            "kim@exa mple.org",
            "kim@192.168.0.1",
            "kim@[192.168.0.1]",
            "kim@[IPv6:::1]",
            "kim@example.123",
            "kim@example",
            "kim@example.org.",
            "kim@.example.org",
            "kim@example..org",
            "kim@-example.org",
            "kim@example-.org",
            "kim@xn--a.org",
            "kim@ex--ample.org",
            "kim@",
            "@example.org",
            "\"\"@example.org",
            "\"kim@example.org",
            "\"ki\"m\"@example.org",
            "\"kim\\\"@example.org",
            ".kim@example.org",
            "kim.@example.org",
            "ki..m@example.org",
            "ki m@example.org",
            "kim,lee@example.org",
            "jörg@example.org",
            "kim@example.org?subject=x",
            "http:kim@example.org",
            "Kim <kim@example.org>",
            &long_label,
            &long_local,
            &long_domain,
        ] {
            let refused = parse(address).expect_err(address);
            assert!(refused.contains("e-mail"), "{address}: {refused}");
        }
    }

    #[test]
    fn the_limits_are_those_of_the_canonical_form() {
        let domain = format!("{}.{}.{}.org", "a".repeat(63), "b".repeat(63), "c".repeat(63));
        let local = "k".repeat(254 - 1 - domain.len());
        assert!(parse(&format!("{local}@{domain}")).is_ok());
        assert!(parse(&format!("{local}k@{domain}")).unwrap_err().contains("254"));
        assert!(parse(&format!("\"{}\"@x.org", "k".repeat(64))).is_ok(), "64 without the quotes that nothing needs");
        assert!(parse(&format!("{}@x.org", "k".repeat(64))).is_ok());
    }

    /// Quotes a local part, and escapes letters in it that need no escaping.
    fn quoted(local: &str, escaped: &[bool]) -> String {
        let letters = local.chars().zip(escaped.iter().chain(std::iter::repeat(&false)));
        let inside: String =
            letters.map(|(letter, escaped)| if *escaped { format!("\\{letter}") } else { letter.into() }).collect();
        format!("\"{inside}\"")
    }

    proptest! {
        #[test]
        fn the_way_of_writing_changes_nothing(
            local in "[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\\.[a-z0-9]{1,5}){0,3}",
            labels in prop::collection::vec("[a-z0-9]{1,8}|[a-zäöüß]{1,8}|[а-я]{1,8}|[一-十]{1,4}", 1..4),
            escaped in prop::collection::vec(any::<bool>(), 0..20),
        ) {
            let written = format!("{local}@{}.example", labels.join("."));
            let Ok(address) = parse(&written) else { return Ok(()) };
            prop_assert!(address.is_ascii());
            prop_assert_eq!(parse(&address), Ok(address.clone()));
            let upper = written.to_ascii_uppercase();
            let quoted = format!("{}@{}.example", quoted(&local, &escaped), labels.join("."));
            for other in [upper, quoted, format!("mailto:{written}")] {
                prop_assert_eq!(parse(&other), Ok(address.clone()), "{}", other);
            }
        }

        #[test]
        fn any_text_is_an_address_of_one_form_or_refused(text in "\\PC{0,30}@\\PC{0,30}|\"[ -~]{0,10}\"@[a-z.-]{0,12}") {
            if let Ok(address) = parse(&text) {
                prop_assert!(address.is_ascii() && address.len() <= MAX_BYTES);
                prop_assert_eq!(parse(&address), Ok(address));
            }
        }
    }
}
