//! Reads the transcripts of `docs/protocol.md`.
//!
//! A transcript is a fenced block whose info string is `transcript NAME [server-only] [virtual]`. Each line of it is one
//! [`Step`]; what the lines look like is told in `docs/protocol.md` itself, under "How to read the transcripts". The crate
//! only reads: it has no dependencies, no JSON and no I/O, so that a test of either end, native or in a browser, can use it.

use std::fmt;

mod line;

pub use line::{Directive, Step};

/// One exchange, from opening the socket to wherever the page stops telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Unique in its page.
    pub name: String,
    /// The line of the page where its block begins, from 1: what a failing test should point at.
    pub line: usize,
    /// Whether only a server can run it, because the client in it does what ours never would.
    pub server_only: bool,
    /// Whether it needs a clock or a log that the test commands, so that it cannot run against a real process.
    pub virtual_only: bool,
    /// What happens, in order, each with its line in the page.
    pub steps: Vec<(usize, Step)>,
}

/// Why a page's transcripts cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line of the page, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ParseError {}

const OPENING: &str = "```transcript";
const FENCE: &str = "```";

/// Every transcript of a page, in the order of the page.
///
/// # Errors
/// The first line that is no step, a block without an end, or a name that is missing or used twice. A page without any
/// transcript is an error too: a test over it would pass by testing nothing.
pub fn parse(markdown: &str) -> Result<Vec<Transcript>, ParseError> {
    let mut found: Vec<Transcript> = Vec::new();
    let mut open: Option<Transcript> = None;
    for (index, text) in markdown.lines().enumerate() {
        let line = index.saturating_add(1);
        let fail = |reason: String| ParseError { line, reason };
        match open.as_mut() {
            None => {
                if let Some(info) = text.strip_prefix(OPENING) {
                    let transcript = heading(info, line).map_err(fail)?;
                    if found.iter().any(|other| other.name == transcript.name) {
                        return Err(fail(format!("the name {} is used twice", transcript.name)));
                    }
                    open = Some(transcript);
                }
            }
            Some(transcript) if text.trim_end() != FENCE => line::read(text, line, &mut transcript.steps).map_err(fail)?,
            Some(_) => found.extend(open.take()),
        }
    }
    match open {
        Some(transcript) => Err(ParseError { line: transcript.line, reason: "the block has no end".to_owned() }),
        None if found.is_empty() => Err(ParseError { line: 1, reason: "the page has no transcript".to_owned() }),
        None => Ok(found),
    }
}

fn heading(info: &str, line: usize) -> Result<Transcript, String> {
    let mut words = info.split_whitespace();
    let name = words.next().ok_or("a transcript needs a name")?.to_owned();
    let mut transcript = Transcript { name, line, server_only: false, virtual_only: false, steps: Vec::new() };
    for word in words {
        match word {
            "server-only" => transcript.server_only = true,
            "virtual" => transcript.virtual_only = true,
            _ => return Err(format!("{word:?} is not known: server-only or virtual")),
        }
    }
    Ok(transcript)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "text\n```json\n> no step\n```\n```transcript first virtual\n# why\n~ append chat.archived any;-;a@b.c 3\n\
                        > {\"type\":\"ping\",\n    \"n\":1}\n< {\"type\":\"pong\",\"n\":1}\n\n! close 4400\n```\n";

    #[test]
    fn steps_come_in_order_with_their_lines() {
        let all = parse(PAGE).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].name.as_str(), all[0].line, all[0].virtual_only, all[0].server_only), ("first", 5, true, false));
        assert_eq!(
            all[0].steps,
            [
                (7, Step::Directive(Directive::Append { kind: "chat.archived".into(), chat: "any;-;a@b.c".into(), count: 3 })),
                (8, Step::Client("{\"type\":\"ping\",\"n\":1}".into())),
                (10, Step::Server("{\"type\":\"pong\",\"n\":1}".into())),
                (12, Step::Close(4400)),
            ]
        );
    }

    #[test]
    fn a_session_stands_for_its_first_two_frames() {
        let all = parse("```transcript a\n~ session 7\n```").unwrap();
        let [(2, Step::Client(init)), (2, Step::Server(ready))] = all[0].steps.as_slice() else { panic!("{all:?}") };
        assert!(init.contains(r#""type":"init""#) && ready.contains(r#""first":0,"head":7}"#));
    }

    #[test]
    fn what_cannot_be_read_is_pointed_at() {
        for (page, line) in [
            ("no block", 1),
            ("```transcript a\n> x\n", 1),
            ("```transcript\n```", 1),
            ("```transcript a\n```\n```transcript a\n```", 3),
            ("```transcript a sometimes\n```", 1),
            ("```transcript a\nhello\n```", 2),
            ("```transcript a\n~ fly\n```", 2),
            ("```transcript a\n~ advance soon\n```", 2),
            ("```transcript a\n! close now\n```", 2),
            ("```transcript a\n    indented\n```", 2),
        ] {
            assert_eq!(parse(page).map_err(|error| error.line), Err(line), "{page}");
        }
    }
}
