//! The options of messages and groups, as TypeScript knows them. `input.rs` reads them.

#![expect(dead_code, reason = "only their TypeScript is used")]

use tsify::Tsify;

/// A reaction that is no emoji, by its name.
///
/// - `love`: a heart
/// - `like`: a thumb up
/// - `dislike`: a thumb down
/// - `laugh`: ha ha
/// - `emphasize`: two exclamation marks
/// - `question`: a question mark
#[derive(Tsify)]
pub enum MessageReactionName {
    #[serde(rename = "love")]
    Love,
    #[serde(rename = "like")]
    Like,
    #[serde(rename = "dislike")]
    Dislike,
    #[serde(rename = "laugh")]
    Laugh,
    #[serde(rename = "emphasize")]
    Emphasize,
    #[serde(rename = "question")]
    Question,
}

/// The message that is answered, and which part of it.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ReplyTarget {
    /// The `guid` of the message.
    guid: String,
    /// The part of the message, 0-based. Without it the whole message is answered.
    #[tsify(optional, type = "number | undefined")]
    part_index: f64,
}

/// Options of `messages.send`.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct SendMessageOptions {
    /// The message that this one answers, by its `guid`, or one part of it. It must be in the same chat. Without it the message
    /// answers none.
    #[tsify(optional, type = "string | ReplyTarget | undefined")]
    reply_to: (),
    /// Effect of the message, by its short name (`"confetti"`) or Apple's identifier (`MessageEffect.confetti`). Without it the
    /// message has none.
    #[tsify(optional, type = "MessageEffectName | MessageEffect | undefined")]
    effect: (),
    /// Subject line. Without it the message has none.
    #[tsify(optional, type = "string | undefined")]
    subject: (),
    /// How stretches of the text look: at most 1,000. `start` and `length` count UTF-16 units, as JavaScript's strings do, and `type`
    /// is `bold`, `italic`, `underline`, `strikethrough` or `effect`; an `effect` has an `effectName`: `big`, `small`, `shake`, `nod`,
    /// `explode`, `ripple`, `bloom` or `jitter`. Without it the text is plain.
    #[tsify(optional, type = "readonly TextFormat[] | undefined")]
    formatting: (),
    /// Idempotency key of this one message: the same key and the same request give the first result again. Any text of 1 to 255 bytes in
    /// UTF-8 that is not only white space and has no control characters. Without it the call makes one of its own, which holds for its
    /// own retries; see `autoIdempotency` of `createClient`.
    #[tsify(optional, type = "string | undefined")]
    client_message_id: (),
}

/// Options of `messages.sendAttachment`.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct SendAttachmentOptions {
    /// Name of the file, such as `"photo.jpg"`. Needed with bytes. An attachment that is sent by its `guid` keeps its name without it.
    #[tsify(optional, type = "string | undefined")]
    file_name: (),
    /// Whether it is a voice message. Default false.
    #[tsify(optional, type = "boolean | undefined")]
    is_audio_message: (),
    /// The message that this one answers, by its `guid`, or one part of it. It must be in the same chat. Without it the message
    /// answers none.
    #[tsify(optional, type = "string | ReplyTarget | undefined")]
    reply_to: (),
    /// Effect of the message, by its short name (`"confetti"`) or Apple's identifier (`MessageEffect.confetti`). Without it the
    /// message has none.
    #[tsify(optional, type = "MessageEffectName | MessageEffect | undefined")]
    effect: (),
    /// Idempotency key of the upload and the message together, as of `messages.send`. Without it the call makes one of its own.
    #[tsify(optional, type = "string | undefined")]
    client_message_id: (),
}

/// Options of `messages.edit`.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct EditMessageOptions {
    /// The part of the message that is changed, 0-based. Without it the whole message is.
    #[tsify(optional, type = "number | undefined")]
    part_index: (),
    /// What people see whose devices are too old for edits. Without it the service makes it of the new text.
    #[tsify(optional, type = "string | undefined")]
    backward_compat_text: (),
    /// Idempotency key of this one edit, as of `messages.send`. Without it the call makes one of its own.
    #[tsify(optional, type = "string | undefined")]
    client_message_id: (),
}

/// Options of `messages.unsend`.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct UnsendMessageOptions {
    /// The part of the message that is taken back, 0-based. Without it the whole message is.
    #[tsify(optional, type = "number | undefined")]
    part_index: (),
    /// Idempotency key of this one call, as of `messages.send`. Without it the call makes one of its own.
    #[tsify(optional, type = "string | undefined")]
    client_message_id: (),
}

/// Options of `messages.react`.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ReactOptions {
    /// Removes the reaction instead of adding it. Default false.
    #[tsify(optional, type = "boolean | undefined")]
    remove: (),
    /// The part of the message that the reaction is on, 0-based. Without it the reaction is on the whole message.
    #[tsify(optional, type = "number | undefined")]
    part_index: (),
    /// Idempotency key of this one call, as of `messages.send`. Without it the call makes one of its own.
    #[tsify(optional, type = "string | undefined")]
    client_message_id: (),
}

/// Options of `messages.list`.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ListMessagesOptions {
    /// How many messages at most, 1 to 100. Default 25.
    #[tsify(optional, type = "number | undefined")]
    page_size: (),
    /// The `nextPageToken` of the page before, with the same filters. Without it the list begins with the newest message.
    #[tsify(optional, type = "string | undefined")]
    page_token: (),
    /// Only own messages (`true`), or only those of others (`false`). Without it both.
    #[tsify(optional, type = "boolean | undefined")]
    is_from_me: (),
    /// Only messages that were read (`true`), or only those that were not (`false`). Without it both.
    #[tsify(optional, type = "boolean | undefined")]
    is_read: (),
    /// Only messages from before this time: a `Date`, or RFC 3339 text such as a message's `dateCreated`. Without it messages of any time.
    #[tsify(optional, type = "string | Date | undefined")]
    before: (),
    /// Only messages from after this time: a `Date`, or RFC 3339 text such as a message's `dateCreated`. Without it messages of any time.
    #[tsify(optional, type = "string | Date | undefined")]
    after: (),
}

/// A page of a list of messages.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct MessagePage {
    /// The messages, the newest first.
    #[tsify(type = "Message[]")]
    messages: (),
    /// What the next call takes as `pageToken`. Absent when there are no more messages.
    #[tsify(optional)]
    next_page_token: String,
}

/// Options of the calls that change a group.
#[derive(Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ChangeGroupOptions {
    /// Idempotency key of this one change: the same key and the same request give the first result again. The rules are those of
    /// `messages.send`. Without it the call makes one of its own.
    #[tsify(optional, type = "string | undefined")]
    client_message_id: (),
}
