//! Query parameters. Unknown ones are ignored.

use std::ops::RangeInclusive;

use im_chats_protocol::error::Error;
use im_chats_protocol::model::ChatGuid;
use percent_encoding::percent_decode_str;

use crate::service::proto::Timestamp;

/// The parameters of one request, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string.
    ///
    /// # Errors
    /// `invalidArgument` when a parameter is not UTF-8.
    pub fn parse(text: &str) -> Result<Self, Error> {
        text.split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                let name = decode(name).ok_or_else(|| Error::invalid("query", "a parameter's name is not UTF-8"))?;
                match decode(value) {
                    Some(value) => Ok((name, value)),
                    None => Err(Error::invalid(name, "this is not UTF-8")),
                }
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// A text, by the parameter's JSON name or proto name; empty when absent.
    ///
    /// # Errors
    /// `invalidArgument` when it is given more than once.
    pub fn text(&self, name: &'static str) -> Result<&str, Error> {
        Ok(self.find(name)?.unwrap_or_default())
    }

    /// The parameters, and those that stand in the path.
    #[must_use]
    pub fn with_path<'a>(mut self, path: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.0.extend(path.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        self
    }

    /// A text; none when it is absent or empty.
    ///
    /// # Errors
    /// `invalidArgument` when it is given more than once.
    pub fn optional_text(&self, name: &'static str) -> Result<Option<String>, Error> {
        Ok(self.find(name)?.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    fn find(&self, name: &'static str) -> Result<Option<&str>, Error> {
        let snake = snake_case(name);
        let mut found = self.0.iter().filter(|(key, _)| key == name || *key == snake).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Error::invalid(name, "this query parameter is given more than once")),
            (found, None) => Ok(found),
        }
    }

    /// A whole number in decimal digits; none when absent.
    ///
    /// # Errors
    /// `invalidArgument` when it is given more than once, is something else, or outside `range`.
    pub fn number(&self, name: &'static str, range: RangeInclusive<usize>) -> Result<Option<usize>, Error> {
        let Some(text) = self.find(name)? else { return Ok(None) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && range.contains(number));
        number.map(Some).ok_or_else(|| {
            let expected = format!("expected a whole number from {} to {}", range.start(), range.end());
            Error::invalid(name, expected).with_context("value", shown(text))
        })
    }

    /// A chat GUID. A `+` that was not encoded arrives as a space. No GUID has a space there, so it becomes a `+` again.
    ///
    /// # Errors
    /// `invalidArgument` when it is absent, or given more than once.
    pub fn guid(&self, name: &'static str) -> Result<String, Error> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Err(Error::invalid(name, "give the chat's GUID as a query parameter"));
        }
        let spaced = ChatGuid::GROUP_PREFIX.replace('+', " ");
        Ok(text.strip_prefix(&spaced).map_or_else(|| text.to_owned(), |rest| ChatGuid::group(rest).to_string()))
    }

    /// An address. A `+` that was not encoded arrives as a space. No address begins with one, so it becomes a `+` again.
    ///
    /// # Errors
    /// `invalidArgument` when it is absent, or given more than once.
    pub fn address(&self, name: &'static str) -> Result<String, Error> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Err(Error::invalid(name, "give an e-mail address or a phone number as a query parameter"));
        }
        Ok(text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}")))
    }

    /// A point in time, RFC 3339; none when absent. A `+` of its offset that was not encoded arrives as a space, and becomes one again.
    ///
    /// # Errors
    /// `invalidArgument` when it is given more than once, or cannot be read.
    pub fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Error> {
        let Some(text) = self.find(name)? else { return Ok(None) };
        let parsed = Timestamp::parse(text).or_else(|| Timestamp::parse(&text.replace(' ', "+")));
        parsed.map(Some).ok_or_else(|| {
            Error::invalid(name, "expected a time such as 2026-01-01T12:00:00Z (RFC 3339)").with_context("value", shown(text))
        })
    }

    /// A whole number of 32 bits; none when absent. What it must be is the service's to say.
    ///
    /// # Errors
    /// `invalidArgument` when it is given more than once, or is something else.
    pub fn integer(&self, name: &'static str) -> Result<Option<i32>, Error> {
        let Some(text) = self.find(name)? else { return Ok(None) };
        let digits = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(Some).ok_or_else(|| Error::invalid(name, "expected a whole number").with_context("value", shown(text)))
    }

    /// A boolean; false when absent.
    ///
    /// # Errors
    /// As [`Query::optional_flag`].
    pub fn flag(&self, name: &'static str) -> Result<bool, Error> {
        self.optional_flag(name).map(Option::unwrap_or_default)
    }

    /// A boolean; none when absent.
    ///
    /// # Errors
    /// `invalidArgument` when it is given more than once, or is neither `true` nor `false`.
    pub fn optional_flag(&self, name: &'static str) -> Result<Option<bool>, Error> {
        match self.find(name)? {
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            None => Ok(None),
            Some(other) => Err(Error::invalid(name, "write true or false").with_context("value", shown(other))),
        }
    }
}

/// The first 64 characters, which is what an error repeats of a value.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn snake_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut snake, letter| {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        snake
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_arrive_however_they_were_encoded() {
        for text in
            ["chatGuid=any%3B%2B%3Bg1", "chatGuid=any;+;g1", "x=%20&chat_guid=any;%2b;g1&", "x=1&x=2&chatGuid=any;%2B;g1"]
        {
            assert_eq!(Query::parse(text).unwrap().guid("chatGuid"), Ok("any;+;g1".to_owned()), "{text}");
        }
        assert_eq!(Query::parse("").unwrap().guid("chatGuid").unwrap_err().context_value("field"), Some("chatGuid"));
        assert_eq!(Query::parse("chatGuid=%ff").unwrap_err().context_value("field"), Some("chatGuid"));
    }

    #[test]
    fn a_parameter_that_is_given_twice_is_refused_by_name() {
        for text in ["chatGuid=a&chatGuid=b", "chatGuid=a&chatGuid=a", "chatGuid=a&chat_guid=b", "chatGuid=&chatGuid=a"] {
            assert_eq!(
                Query::parse(text).unwrap().guid("chatGuid").unwrap_err().context_value("field"),
                Some("chatGuid"),
                "{text}"
            );
        }
        let flags = Query::parse("includeArchived=true&includeArchived=false").unwrap();
        assert_eq!(flags.flag("includeArchived").unwrap_err().context_value("field"), Some("includeArchived"));
    }

    #[test]
    fn a_flag_is_true_or_false() {
        for (text, value) in [
            ("", Some(false)),
            ("includeArchived=true", Some(true)),
            ("includeArchived=false", Some(false)),
            ("includeArchived=yes", None),
            ("includeArchived=", None),
        ] {
            assert_eq!(Query::parse(text).unwrap().flag("includeArchived").ok(), value, "{text}");
        }
    }

    #[test]
    fn times_whole_numbers_and_addresses_are_read_as_clients_write_them() {
        let query = |text: &str| Query::parse(text).unwrap();
        let noon = Timestamp::parse("2026-01-01T12:00:00Z");
        for text in [
            "before=2026-01-01T12:00:00Z",
            "before=2026-01-01T14:00:00%2B02:00",
            "before=2026-01-01T14:00:00+02:00",
            "before=2026-01-01T07:00:00-05:00",
        ] {
            assert_eq!(query(text).time("before"), Ok(noon), "{text}");
        }
        for text in ["before=", "before=1767268800", "before=2026-01-01", "before=yesterday"] {
            assert_eq!(query(text).time("before").unwrap_err().context_value("field"), Some("before"), "{text}");
        }
        for (text, number) in [("n=0", 0), ("n=-5", -5), ("n=2147483647", i32::MAX)] {
            assert_eq!(query(text).integer("n"), Ok(Some(number)), "{text}");
        }
        for text in ["n=", "n=1.0", "n=2147483648", "n=%2B5", "n=five"] {
            assert_eq!(query(text).integer("n").unwrap_err().context_value("field"), Some("n"), "{text}");
        }
        assert_eq!(query("address=+491511234567").address("address").as_deref(), Ok("+491511234567"));
        assert_eq!(query("").with_path([("messageGuid", "M 1")]).text("messageGuid"), Ok("M 1"));
        assert_eq!(query("pageToken=").optional_text("pageToken"), Ok(None));
    }

    #[test]
    fn a_number_is_digits_within_its_range() {
        for (text, value) in [
            ("", Some(None)),
            ("limit=1", Some(Some(1))),
            ("limit=007", Some(Some(7))),
            ("limit=0", None),
            ("limit=1001", None),
            ("limit=", None),
            ("limit=%2B5", None),
            ("limit=-5", None),
            ("limit=99999999999999999999999", None),
        ] {
            assert_eq!(Query::parse(text).unwrap().number("limit", 1..=1000).ok(), value, "{text}");
        }
    }
}
