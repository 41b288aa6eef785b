/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `> text`: the client sends this text frame.
    Client(String),
    /// `< json`: the server sends this frame; compared as JSON, not as text.
    Server(String),
    /// `! close CODE`: the server closes the socket with this code.
    Close(u16),
    /// `~ …`: something happens outside the frames.
    Directive(Directive),
}

/// What a signed token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its subject.
    pub subject: String,
    /// Its scopes, separated by spaces.
    pub scopes: String,
    /// The chats that it is limited to; none = every chat.
    pub chats: Vec<String>,
}

/// What happens outside the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// `~ connect none`, or a subprotocol: how the socket is opened, instead of with the right subprotocol.
    Connect {
        /// The one subprotocol that is offered.
        subprotocol: Option<String>,
    },
    /// `~ authorization TOKEN`: the upgrade carries `Authorization: Bearer TOKEN`.
    Authorization {
        /// The token.
        token: String,
    },
    /// `~ token TEXT EXPIRES_MS [SUBJECT SCOPES [CHATS]]`: from now on the server takes this token too, for so long. Scopes and chats are
    /// separated by commas; without a subject it is the operator's.
    Token {
        /// The token.
        token: String,
        /// How long it is good for, in milliseconds.
        expires_in_ms: u64,
        /// Whose it is, when it is not the operator's.
        user: Option<User>,
    },
    /// `~ append TYPE CHAT [COUNT]`: the log grows by events of this type in this chat.
    Append {
        /// The event's `type`.
        kind: String,
        /// The event's `chatGuid`.
        chat: String,
        /// How many.
        count: u64,
    },
    /// `~ prune SEQUENCE`: the log forgets everything up to and including this sequence.
    Prune {
        /// The last sequence that is gone.
        through: u64,
    },
    /// `~ replace-log ID`: the log is replaced by an empty one with this id.
    ReplaceLog {
        /// The new log's id.
        id: String,
    },
    /// `~ advance MS`: so much time passes.
    Advance {
        /// Milliseconds.
        ms: u64,
    },
    /// `~ drain`: the server is told to stop.
    Drain,
    /// `~ binary N`: the client sends a binary frame of this many bytes.
    Binary {
        /// Its size in bytes.
        bytes: usize,
    },
    /// `~ oversized N`: the client sends a text frame of this many bytes.
    Oversized {
        /// Its size in bytes.
        bytes: usize,
    },
}

/// What `~ session HEAD` stands for: the beginning that every exchange has.
const INIT: &str = r#"{"type":"init","token":"secret","client":{"name":"im-chats","version":"0.1.0"}}"#;
const READY: &str = r#"{"type":"ready","protocol":1,"log":{"id":"log-1","first":0,"head":HEAD},"heartbeatIntervalMs":15000,"limits":{"maxFrameBytes":65536,"maxOutgoingFrameBytes":1048576,"maxBatchEvents":256,"maxSubscriptions":4096},"features":["filters"]}"#;

/// Reads one line into `steps`. A line that begins with blanks continues the frame above it.
pub(crate) fn read(text: &str, line: usize, steps: &mut Vec<(usize, Step)>) -> Result<(), String> {
    let text = text.trim_end();
    if text.is_empty() || text.starts_with('#') {
        return Ok(());
    }
    if text.starts_with(' ') {
        return match steps.last_mut() {
            Some((_, Step::Client(frame) | Step::Server(frame))) => {
                frame.push_str(text.trim_start());
                Ok(())
            }
            _ => Err("an indented line continues a frame, and there is none above it".to_owned()),
        };
    }
    if let Some(head) = text.strip_prefix("~ session ") {
        let head: u64 = number(head.trim())?;
        steps.push((line, Step::Client(INIT.to_owned())));
        steps.push((line, Step::Server(READY.replace("HEAD", &head.to_string()))));
        return Ok(());
    }
    let step = match text.split_once(' ').map(|(mark, rest)| (mark, rest.trim_start())) {
        Some((">", frame)) => Step::Client(frame.to_owned()),
        Some(("<", frame)) => Step::Server(frame.to_owned()),
        Some(("!", rest)) => match rest.strip_prefix("close ").map(str::parse) {
            Some(Ok(code)) => Step::Close(code),
            _ => return Err("after ! comes: close CODE".to_owned()),
        },
        Some(("~", rest)) => Step::Directive(directive(rest)?),
        _ => return Err("a line begins with >, <, !, ~, # or blanks".to_owned()),
    };
    steps.push((line, step));
    Ok(())
}

fn directive(text: &str) -> Result<Directive, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    Ok(match words.as_slice() {
        ["connect", "none"] => Directive::Connect { subprotocol: None },
        ["connect", name] => Directive::Connect { subprotocol: Some((*name).to_owned()) },
        ["authorization", token] => Directive::Authorization { token: (*token).to_owned() },
        ["token", token, ms, user @ ..] => {
            let user = match user {
                [] => None,
                [subject, scopes] => Some(signed(subject, scopes, "")),
                [subject, scopes, chats] => Some(signed(subject, scopes, chats)),
                _ => return Err("after ~ token come: TEXT MS [SUBJECT SCOPES [CHATS]]".to_owned()),
            };
            Directive::Token { token: (*token).to_owned(), expires_in_ms: number(ms)?, user }
        }
        ["append", kind, chat] => append(kind, chat, 1),
        ["append", kind, chat, count] => append(kind, chat, number(count)?),
        ["prune", through] => Directive::Prune { through: number(through)? },
        ["replace-log", id] => Directive::ReplaceLog { id: (*id).to_owned() },
        ["advance", ms] => Directive::Advance { ms: number(ms)? },
        ["drain"] => Directive::Drain,
        ["binary", bytes] => Directive::Binary { bytes: number(bytes)? },
        ["oversized", bytes] => Directive::Oversized { bytes: number(bytes)? },
        _ => return Err(format!("no such directive: {text}")),
    })
}

fn signed(subject: &str, scopes: &str, chats: &str) -> User {
    let chats = chats.split(',').filter(|chat| !chat.is_empty()).map(str::to_owned).collect();
    User { subject: subject.to_owned(), scopes: scopes.replace(',', " "), chats }
}

fn append(kind: &str, chat: &str, count: u64) -> Directive {
    Directive::Append { kind: kind.to_owned(), chat: chat.to_owned(), count }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}
