// Bad input of the calls about messages.

import { failed, invalid, missing, reused, unsupported } from "./expected.mjs";
import { ALICE, KEY, NOBODY, NOWHERE, UNKNOWN } from "./stage.mjs";

const LOVE = { kind: "love" };
const CARD = {
  appName: "Menu",
  extensionBundleId: "com.example.menu.MessagesExtension",
  teamId: "TEAM123456",
  url: "https://example.com/menu",
  layout: { caption: "Today" },
};

/** By method: `[what is wrong, what comes of it, the call, the only transport]`; the call has what `prepare` left. */
export const MESSAGES = {
  "messages.sendText": [
    ["an empty text", invalid("text"), ({ im, direct }) => im.messages.sendText(direct, "")],
    ["a text of white space", invalid("text"), ({ im, direct }) => im.messages.sendText(direct, "  \n ")],
    ["a text with NUL", invalid("text"), ({ im, direct }) => im.messages.sendText(direct, "a\0b")],
    // In UTF-8, of which protobuf is, there are no halves.
    ["half of a surrogate pair", invalid("text"), ({ im, direct }) => im.messages.sendText(direct, "a\ud83d"), "http"],
    ["a text that is too long", invalid("text"), ({ im, direct }) => im.messages.sendText(direct, "é".repeat(10_001))],
    ["a text that is longer than a request may be", invalid("body"), ({ im, direct }) => im.messages.sendText(direct, "é".repeat(200_000))],
    ["a chat that is not there", missing("chatNotFound"), ({ im }) => im.messages.sendText(NOBODY, "Hello")],
    ["a group that is not there", missing("chatNotFound"), ({ im }) => im.messages.sendText(NOWHERE, "Hello")],
    ["a GUID with NUL", invalid("chatGuid"), ({ im }) => im.messages.sendText("any;-;a\0b", "Hello")],
    ["a group that was left", failed, ({ im, left }) => im.messages.sendText(left, "Hello")],
    [
      "a reply to a message that is not there",
      missing("messageNotFound"),
      ({ im, direct }) => im.messages.sendText(direct, "Hello", { replyTo: UNKNOWN }),
    ],
    ["a reply to nothing", invalid("replyTo.messageGuid"), ({ im, direct }) => im.messages.sendText(direct, "Hello", { replyTo: " " })],
    [
      "a reply to a message of another chat",
      invalid("replyTo.messageGuid"),
      ({ im, direct, elsewhere }) => im.messages.sendText(direct, "Hello", { replyTo: elsewhere }),
    ],
    ["a reply to a message that was unsent", failed, ({ im, direct, unsent }) => im.messages.sendText(direct, "Hello", { replyTo: unsent })],
    ...[3, -1].map((partIndex) => [
      `a reply to bubble ${partIndex}`,
      invalid("replyTo.targetPartIndex"),
      ({ im, direct, own }) => im.messages.sendText(direct, "Hello", { replyTo: { guid: own, partIndex } }),
    ]),
    ["a subject with NUL", invalid("subject"), ({ im, direct }) => im.messages.sendText(direct, "Hello", { subject: "a\0b" })],
    ["an effect that is not one", invalid("effectId"), ({ im, direct }) => im.messages.sendText(direct, "Hello", { effect: "com.example.boom" })],
    ...[
      ["beyond the text", "length", { type: "bold", start: 3, length: 9 }],
      ["before the text", "start", { type: "bold", start: -1, length: 2 }],
      ["of no length", "length", { type: "bold", start: 0, length: 0 }],
      ["of no known type", "type", { type: "loud", start: 0, length: 1 }],
      ["with an effect that is not one", "effectName", { type: "effect", start: 0, length: 1, effectName: "fly" }],
    ].map(([what, field, format]) => [
      `formatting ${what}`,
      invalid(`formatting[0].${field}`),
      ({ im, direct }) => im.messages.sendText(direct, "Hello", { formatting: [format] }),
    ]),
    [
      "a key that is too long",
      invalid("clientMessageId"),
      ({ im, direct }) => im.messages.sendText(direct, "Hello", { clientMessageId: "k".repeat(2_000) }),
    ],
    ["the key of another text", reused, ({ im, direct }) => im.messages.sendText(direct, "Another", { clientMessageId: KEY })],
    ["the key of the text to another chat", reused, ({ im, group }) => im.messages.sendText(group, "Mine", { clientMessageId: KEY })],
  ],
  "messages.sendAttachment": [
    ["an attachment that is not there", missing("attachmentNotFound"), ({ im, direct }) => im.messages.sendAttachment(direct, UNKNOWN)],
    ["no attachment", invalid("attachment.attachmentGuid"), ({ im, direct }) => im.messages.sendAttachment(direct, "")],
    [
      "an attachment of somebody else",
      invalid("attachment.attachmentGuid"),
      ({ im, direct, foreign }) => im.messages.sendAttachment(direct, foreign),
    ],
    ["a chat that is not there", missing("chatNotFound"), ({ im, file }) => im.messages.sendAttachment(NOBODY, file)],
    ["a group that was left", failed, ({ im, left, file }) => im.messages.sendAttachment(left, file)],
    [
      "a reply to a message of another chat",
      invalid("replyTo.messageGuid"),
      ({ im, direct, file, elsewhere }) => im.messages.sendAttachment(direct, file, { replyTo: elsewhere }),
    ],
    ["the key of another write", reused, ({ im, direct, file }) => im.messages.sendAttachment(direct, file, { clientMessageId: KEY })],
  ],
  "messages.sendMultipart": [
    ["no parts", invalid("parts"), ({ im, direct }) => im.messages.sendMultipart(direct, [])],
    ["too many parts", invalid("parts"), ({ im, direct }) => im.messages.sendMultipart(direct, Array.from({ length: 101 }, () => ({ text: "a" })))],
    ["an empty part", invalid("parts[0].text"), ({ im, direct }) => im.messages.sendMultipart(direct, [{ text: " " }])],
    ["a second part with NUL", invalid("parts[1].text"), ({ im, direct }) => im.messages.sendMultipart(direct, [{ text: "a" }, { text: "\0b" }])],
    [
      "an attachment that is not there",
      missing("attachmentNotFound"),
      ({ im, direct }) => im.messages.sendMultipart(direct, [{ attachmentGuid: UNKNOWN }]),
    ],
    [
      "an attachment of somebody else",
      invalid("parts[0].attachment.attachmentGuid"),
      ({ im, direct, foreign }) => im.messages.sendMultipart(direct, [{ attachmentGuid: foreign }]),
    ],
    [
      "a person who cannot be named",
      invalid("parts[0].mentionedAddress"),
      ({ im, direct }) => im.messages.sendMultipart(direct, [{ text: "Hello", mentionedAddress: "nonsense" }]),
    ],
    ["a group that was left", failed, ({ im, left }) => im.messages.sendMultipart(left, [{ text: "Hello" }])],
    ["the key of another write", reused, ({ im, direct }) => im.messages.sendMultipart(direct, [{ text: "Mine" }], { clientMessageId: KEY })],
  ],
  "messages.edit": [
    ["an empty text", invalid("newText"), ({ im, direct, own }) => im.messages.edit(direct, own, "  ")],
    ["a text with NUL", invalid("newText"), ({ im, direct, own }) => im.messages.edit(direct, own, "a\0b")],
    ["half of a surrogate pair", invalid("newText"), ({ im, direct, own }) => im.messages.edit(direct, own, "\udc00"), "http"],
    ["a message of somebody else", failed, ({ im, direct, theirs }) => im.messages.edit(direct, theirs, "Mine")],
    ["a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.edit(direct, UNKNOWN, "Hello")],
    ["no message", invalid("target.messageGuid"), ({ im, direct }) => im.messages.edit(direct, "", "Hello")],
    ["a message of another chat", invalid("target.messageGuid"), ({ im, direct, elsewhere }) => im.messages.edit(direct, elsewhere, "Hello")],
    ["a message that was unsent", failed, ({ im, direct, unsent }) => im.messages.edit(direct, unsent, "Hello")],
    ["a picture", failed, ({ im, direct, picture }) => im.messages.edit(direct, picture, "Hello")],
    [
      "a bubble that is not there",
      invalid("target.targetPartIndex"),
      ({ im, direct, own }) => im.messages.edit(direct, own, "Hello", { partIndex: 4 }),
    ],
    ["a group that was left", failed, ({ im, left, ownThere }) => im.messages.edit(left, ownThere, "Hello")],
    ["the key of another write", reused, ({ im, direct, own }) => im.messages.edit(direct, own, "Hello", { clientMessageId: KEY })],
  ],
  "messages.unsend": [
    ["a message of somebody else", failed, ({ im, direct, theirs }) => im.messages.unsend(direct, theirs)],
    ["a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.unsend(direct, UNKNOWN)],
    ["a message of another chat", invalid("target.messageGuid"), ({ im, direct, elsewhere }) => im.messages.unsend(direct, elsewhere)],
    ["a message that was unsent", failed, ({ im, direct, unsent }) => im.messages.unsend(direct, unsent)],
    ["a bubble that is not there", invalid("target.targetPartIndex"), ({ im, direct, own }) => im.messages.unsend(direct, own, { partIndex: 1 })],
    ["a group that was left", failed, ({ im, left, ownThere }) => im.messages.unsend(left, ownThere)],
    ["the key of another write", reused, ({ im, direct, own }) => im.messages.unsend(direct, own, { clientMessageId: KEY })],
  ],
  "messages.setReaction": [
    ["a message that was unsent", failed, ({ im, direct, unsent }) => im.messages.setReaction(direct, unsent, LOVE, true)],
    ["a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.setReaction(direct, UNKNOWN, LOVE, true)],
    [
      "a message of another chat",
      invalid("target.messageGuid"),
      ({ im, direct, elsewhere }) => im.messages.setReaction(direct, elsewhere, LOVE, true),
    ],
    ["two emoji", invalid("reaction.emoji"), ({ im, direct, own }) => im.messages.setReaction(direct, own, { kind: "emoji", emoji: "🎂🎂" }, true)],
    ["no emoji", invalid("reaction.emoji"), ({ im, direct, own }) => im.messages.setReaction(direct, own, { kind: "emoji", emoji: "" }, true)],
    ["a letter", invalid("reaction.emoji"), ({ im, direct, own }) => im.messages.setReaction(direct, own, { kind: "emoji", emoji: "a" }, true)],
    [
      "a bubble that is not there",
      invalid("target.targetPartIndex"),
      ({ im, direct, own }) => im.messages.setReaction(direct, own, LOVE, true, { partIndex: 1 }),
    ],
    ["a group that was left", failed, ({ im, left, ownThere }) => im.messages.setReaction(left, ownThere, LOVE, true)],
    ["the key of another write", reused, ({ im, direct, own }) => im.messages.setReaction(direct, own, LOVE, true, { clientMessageId: KEY })],
  ],
  "messages.get": [
    ["a message that is not there", missing("messageNotFound"), ({ im }) => im.messages.get(UNKNOWN)],
    ["a name that is too long", invalid("messageGuid"), ({ im }) => im.messages.get("m".repeat(300))],
  ],
  "messages.getEmbeddedMedia": [
    ["a chat that is not there", missing("chatNotFound"), ({ im, own }) => im.messages.getEmbeddedMedia(NOBODY, own)],
    ["a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.getEmbeddedMedia(direct, UNKNOWN)],
    ["a message of another chat", invalid("messageGuid"), ({ im, direct, elsewhere }) => im.messages.getEmbeddedMedia(direct, elsewhere)],
    [
      "a message without any",
      { class: "ValidationError", code: "operationNotSupported" },
      ({ im, direct, own }) => im.messages.getEmbeddedMedia(direct, own),
    ],
  ],
  "messages.listInChat": [
    ["a chat that is not there", missing("chatNotFound"), ({ im }) => im.messages.listInChat(NOBODY)],
    ...[0, -1, 101].map((pageSize) => [`pages of ${pageSize}`, invalid("pageSize"), ({ im, direct }) => im.messages.listInChat(direct, { pageSize })]),
    ["a page token that is not one", invalid("pageToken"), ({ im, direct }) => im.messages.listInChat(direct, { pageToken: "nonsense" })],
    ["a page token of another chat", invalid("pageToken"), ({ im, direct, elsewhere }) => im.messages.listInChat(direct, { pageToken: elsewhere })],
  ],
  "messages.listRecent": [
    ...[0, -1, 101].map((pageSize) => [`pages of ${pageSize}`, invalid("pageSize"), ({ im }) => im.messages.listRecent({ pageSize })]),
    ["a page token that is not one", invalid("pageToken"), ({ im }) => im.messages.listRecent({ pageToken: "nonsense" })],
  ],
  "messages.placeSticker": [
    ["a sticker", unsupported, ({ im, direct, own, file }) => im.messages.placeSticker(direct, own, file, { x: 0.5, y: 0.5 })],
  ],
  "messages.notifySilenced": [["a person", unsupported, ({ im, direct, own }) => im.messages.notifySilenced(direct, own)]],
  "messages.sendCustomizedMiniApp": [["a card", unsupported, ({ im, direct }) => im.messages.sendCustomizedMiniApp(direct, CARD)]],
  "messages.updateCustomizedMiniApp": [
    [
      "a card",
      unsupported,
      ({ im, direct, own }) => im.messages.updateCustomizedMiniApp({ chatGuid: direct, messageGuid: own, targetMessageGuid: own, sessionId: own }, CARD),
    ],
  ],
  "addresses.get": [["an address", unsupported, ({ im }) => im.addresses.get(ALICE)]],
  "addresses.isFocusSilenced": [["an address", unsupported, ({ im }) => im.addresses.isFocusSilenced(ALICE)]],
  "addresses.isIMessageAvailable": [["an address", unsupported, ({ im }) => im.addresses.isIMessageAvailable(ALICE)]],
  "locations.list": [["nobody", unsupported, ({ im }) => im.locations.list()]],
  "locations.get": [["a friend", unsupported, ({ im }) => im.locations.get(ALICE)]],
  "locations.request": [["a friend", unsupported, ({ im, direct }) => im.locations.request(direct, ALICE)]],
};
