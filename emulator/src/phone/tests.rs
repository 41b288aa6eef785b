use proptest::prelude::*;

use super::*;

/// Google's own answers; `numbers.cjs` writes it.
const NUMBERS: &str = include_str!("numbers.tsv");

/// Ranges that a country opened or closed between the two versions of the metadata.
const NEWER_METADATA: [&str; 3] = ["+26779100934", "+29092158", "+4537123456"];

struct Expected<'a> {
    given: &'a str,
    kind: &'a str,
    region: &'a str,
    e164: &'a str,
}

fn numbers() -> impl Iterator<Item = Expected<'static>> {
    NUMBERS.lines().map(|line| {
        let mut fields = line.split('\t');
        let given = fields.next().unwrap();
        let kind = fields.next().unwrap();
        let region = fields.next().unwrap_or_default();
        Expected { given, kind, region, e164: fields.next().unwrap_or(given) }
    })
}

/// A verdict as a text, so that all differences can be shown at once.
fn verdict(result: Result<Phone, &'static str>) -> String {
    match result {
        Ok(phone) => format!("{} {}", phone.e164, phone.country.unwrap_or_default()),
        Err(reason) if reason.contains("premium") => "premium".to_owned(),
        Err(reason) if reason.contains("service") => "service".to_owned(),
        Err(_) => "no number".to_owned(),
    }
}

#[test]
fn every_example_number_and_its_neighbours_are_judged_as_google_judges_them() {
    let differing: Vec<String> = numbers()
        .filter(|expected| !NEWER_METADATA.contains(&expected.given))
        .filter_map(|Expected { given, kind, region, e164 }| {
            let google = match kind {
                "-" => "no number".to_owned(),
                "PREMIUM_RATE" => "premium".to_owned(),
                "TOLL_FREE" | "SHARED_COST" | "PAGER" | "UAN" | "VOICEMAIL" => "service".to_owned(),
                _ => format!("{e164} {}", if region == "001" { "" } else { region }),
            };
            let ours = verdict(parse(given));
            (ours != google).then(|| format!("{given} ({kind}): {ours}, but Google says {google}"))
        })
        .collect();
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    for Phone { e164, .. } in numbers().filter_map(|expected| parse(expected.given).ok()) {
        assert_eq!(parse(&e164).map(|phone| phone.e164), Ok(e164.clone()), "the canonical form is its own");
    }
    let kinds: std::collections::BTreeSet<_> = numbers().map(|expected| expected.kind).collect();
    assert_eq!(kinds.len(), 12, "every kind of number is among them: {kinds:?}");
}

#[test]
fn a_national_prefix_that_is_part_of_the_number_stays() {
    for (written, e164) in [
        ("+7 812 710-90-79", "+78127109079"),
        ("+7 8 812 710-90-79", "+78127109079"),
        ("+370 801 23456", "+37080123456"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+39 06 4991 0001", "+390649910001"),
    ] {
        assert_eq!(parse(written).map(|phone| phone.e164), Ok(e164.to_owned()), "{written}");
    }
}

#[test]
fn what_is_copied_from_an_apple_device_is_a_number() {
    for written in [
        "\u{202a}+1 (415) 555-2671\u{202c}",
        "\u{2068}+1 415 555 2671\u{2069}",
        "\u{200e}+1\u{a0}(415)\u{a0}555\u{2011}2671\u{200f}",
        "+1\u{202f}415\u{2013}555\u{2212}2671",
        "＋１（４１５）５５５－２６７１",
        "(+1) 415-555-2671",
        "tel:+1-415-555-2671",
        "TEL:+14155552671",
        "+١٤١٥٥٥٥٢٦٧١",
        "\u{feff}+1 415/555.2671",
    ] {
        assert_eq!(parse(written).map(|phone| phone.e164), Ok("+14155552671".to_owned()), "{written:?}");
    }
}

#[test]
fn what_only_resembles_a_number_is_refused() {
    for written in [
        "++14155552671",
        "1+4155552671",
        "+1 415 555 2671 +1",
        "tel:4155552671",
        "tel:+14155552671;ext=5",
        "sms:+14155552671",
        "+1 415 555 2671 ext. 5",
        "+1 415 555 ½671",
        "+1,415,555,2671",
        "+",
        "",
        "()",
        "00 1 415 555 2671",
    ] {
        assert!(parse(written).is_err(), "{written}");
    }
}

/// What may stand between two digits, several at once.
fn between() -> impl Strategy<Value = String> {
    let mark = prop::sample::select(vec![
        ' ', '-', '.', '/', '(', ')', '\t', '\u{a0}', '\u{202f}', '\u{2009}', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}',
        '\u{2212}', '\u{ff0d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202c}', '\u{2066}', '\u{2069}', '\u{200b}', '\u{feff}',
    ]);
    prop::collection::vec(mark, 0..3).prop_map(String::from_iter)
}

proptest! {
    /// However a number is written, it is the same number; and what is no number does not become one.
    #[test]
    fn the_way_of_writing_changes_nothing(
        index in any::<prop::sample::Index>(),
        marks in prop::collection::vec(between(), 20),
        zero in prop::sample::select(vec!['0', '\u{ff10}', '\u{660}', '\u{966}']),
        plus in prop::sample::select(PLUS.to_vec()),
        link in any::<bool>(),
    ) {
        let lines = NUMBERS.lines().count();
        let given = numbers().nth(index.index(lines)).unwrap().given;
        let mut written = if link { "tel:".to_owned() } else { String::new() };
        for (letter, marks) in given.chars().zip(&marks) {
            written.push_str(marks);
            written.push(letter.to_digit(10).map_or(plus, |digit| char::from_u32(u32::from(zero) + digit).unwrap()));
        }
        prop_assert_eq!(verdict(parse(&written)), verdict(parse(given)), "{:?}", written);
    }

    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        drop(parse(&text));
    }
}
