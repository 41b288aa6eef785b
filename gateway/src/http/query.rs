//! Query parameters. Unknown ones are ignored.

use std::ops::RangeInclusive;

use im_chats_protocol::error::Error;
use im_chats_protocol::model::ChatGuid;
use percent_encoding::percent_decode_str;

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

    /// A boolean; false when absent.
    ///
    /// # Errors
    /// `invalidArgument` when it is given more than once, or is neither `true` nor `false`.
    pub fn flag(&self, name: &'static str) -> Result<bool, Error> {
        match self.find(name)? {
            Some("true") => Ok(true),
            None | Some("false") => Ok(false),
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
