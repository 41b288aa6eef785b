// Bad input of the calls about groups, polls and attachments.

import { sunset } from "../../support/picture.mjs";
import { all } from "../world.mjs";
import { failed, invalid, missing, reused } from "./expected.mjs";
import { ALICE, BOB, CAROL, KEY, MAX_ATTACHMENT_BYTES, NOBODY, NOWHERE, UNKNOWN } from "./stage.mjs";

const DORA = "dora@example.com";
const ICON = sunset(4, 4);

/** What every call about a group refuses; `call` gets a client, a chat and options. */
const onGroup = (call, { takesKey = true } = {}) => [
  ["a direct chat", invalid("chatGuid"), ({ im, direct }) => call(im, direct)],
  ["a group that is not there", missing("chatNotFound"), ({ im }) => call(im, NOWHERE)],
  ["a group that was left", failed, ({ im, left }) => call(im, left)],
  ...(takesKey ? [["the key of another write", reused, ({ im, group }) => call(im, group, { clientMessageId: KEY })]] : []),
];

/** The same of every write to a poll. */
const onPoll = (call) => [
  ["a poll that is not there", missing("pollNotFound"), ({ im }) => call(im, UNKNOWN)],
  ["no poll", invalid("pollMessageGuid"), ({ im }) => call(im, " ")],
  ["a message that is no poll", missing("pollNotFound"), ({ im, own }) => call(im, own)],
  ["a poll that was unsent", failed, ({ im, takenPoll }) => call(im, takenPoll)],
  ["a poll of a group that was left", failed, ({ im, pollThere }) => call(im, pollThere)],
  ["the key of another write", reused, ({ im, poll }) => call(im, poll, { clientMessageId: KEY })],
];

/** As in messages.mjs. */
export const OTHERS = {
  "groups.setDisplayName": [
    ...onGroup((im, chat, options) => im.groups.setDisplayName(chat, "Dinner", options)),
    ["a name with NUL", invalid("displayName"), ({ im, group }) => im.groups.setDisplayName(group, "a\0b")],
    ["a name that is too long", invalid("displayName"), ({ im, group }) => im.groups.setDisplayName(group, "n".repeat(257))],
  ],
  "groups.addParticipants": [
    ...onGroup((im, chat, options) => im.groups.addParticipants(chat, [DORA], options)),
    ["nobody", invalid("addresses"), ({ im, group }) => im.groups.addParticipants(group, [])],
    ["nobody's address", invalid("addresses[0]"), ({ im, group }) => im.groups.addParticipants(group, ["nonsense"])],
    ["a good address and a bad one", invalid("addresses[1]"), ({ im, group }) => im.groups.addParticipants(group, [DORA, "a\0b@example.com"])],
    ["who is in already", invalid("addresses[0]"), ({ im, group }) => im.groups.addParticipants(group, [BOB])],
    ["a new person and one who is in already", invalid("addresses[1]"), ({ im, group }) => im.groups.addParticipants(group, [DORA, BOB])],
    ["the same person twice", invalid("addresses[1]"), ({ im, group }) => im.groups.addParticipants(group, [DORA, "DORA@example.com"])],
    ["the account itself", invalid("addresses[0]"), ({ im, group }) => im.groups.addParticipants(group, ["me@example.com"])],
    [
      "more than a group can have",
      invalid("addresses[29]"),
      ({ im, group }) => im.groups.addParticipants(group, Array.from({ length: 30 }, (_, index) => `guest${index}@example.com`)),
    ],
  ],
  "groups.removeParticipants": [
    ...onGroup((im, chat, options) => im.groups.removeParticipants(chat, [ALICE], options)),
    ["nobody", invalid("addresses"), ({ im, group }) => im.groups.removeParticipants(group, [])],
    ["who is not in it", invalid("addresses[0]"), ({ im, group }) => im.groups.removeParticipants(group, [DORA])],
    ["one who is in it and one who is not", invalid("addresses[1]"), ({ im, group }) => im.groups.removeParticipants(group, [ALICE, CAROL])],
    ["everybody", failed, ({ im, group }) => im.groups.removeParticipants(group, [ALICE, BOB])],
  ],
  "groups.leave": onGroup((im, chat, options) => im.groups.leave(chat, options)),
  "groups.setIcon": [
    ...onGroup((im, chat, options) => im.groups.setIcon(chat, ICON, options)),
    ["no bytes", invalid("data"), ({ im, group }) => im.groups.setIcon(group, new Uint8Array())],
    ["bytes that are no picture", invalid("data"), ({ im, group }) => im.groups.setIcon(group, new Uint8Array([1, 2, 3]))],
  ],
  "groups.removeIcon": onGroup((im, chat, options) => im.groups.removeIcon(chat, options)),
  "groups.getIcon": [
    ["a direct chat", invalid("chatGuid"), ({ im, direct }) => im.groups.getIcon(direct)],
    ["a group that is not there", missing("chatNotFound"), ({ im }) => im.groups.getIcon(NOWHERE)],
    ["a group without one", missing("groupIconNotFound"), ({ im, group }) => im.groups.getIcon(group)],
  ],
  "polls.create": [
    ["no title", invalid("title"), ({ im, group }) => im.polls.create(group, " ", ["Yes", "No"])],
    ["a title with NUL", invalid("title"), ({ im, group }) => im.polls.create(group, "\0?", ["Yes", "No"])],
    ["a title that is too long", invalid("title"), ({ im, group }) => im.polls.create(group, "t".repeat(257), ["Yes", "No"])],
    ["no options", invalid("options"), ({ im, group }) => im.polls.create(group, "Dinner?", [])],
    ["one option", invalid("options"), ({ im, group }) => im.polls.create(group, "Dinner?", ["Yes"])],
    [
      "too many options",
      invalid("options"),
      ({ im, group }) => im.polls.create(group, "Dinner?", Array.from({ length: 101 }, (_, index) => `${index}`)),
    ],
    ["an empty option", invalid("options[1]"), ({ im, group }) => im.polls.create(group, "Dinner?", ["Yes", " "])],
    ["a chat that is not there", missing("chatNotFound"), ({ im }) => im.polls.create(NOBODY, "Dinner?", ["Yes", "No"])],
    ["a group that was left", failed, ({ im, left }) => im.polls.create(left, "Dinner?", ["Yes", "No"])],
    ["the key of another write", reused, ({ im, group }) => im.polls.create(group, "Dinner?", ["Yes", "No"], { clientMessageId: KEY })],
  ],
  "polls.get": [
    ["a poll that is not there", missing("pollNotFound"), ({ im }) => im.polls.get(UNKNOWN)],
    ["a message that is no poll", missing("pollNotFound"), ({ im, own }) => im.polls.get(own)],
  ],
  "polls.vote": [
    ...onPoll((im, poll, options) => im.polls.vote(poll, "option-1", options)),
    ["an option that is not there", invalid("optionIdentifier"), ({ im, poll }) => im.polls.vote(poll, "option-99")],
    ["an option's text", invalid("optionIdentifier"), ({ im, poll }) => im.polls.vote(poll, "Yes")],
    ["no option", invalid("optionIdentifier"), ({ im, poll }) => im.polls.vote(poll, "")],
  ],
  "polls.unvote": onPoll((im, poll, options) => im.polls.unvote(poll, options)),
  "polls.addOption": [
    ...onPoll((im, poll, options) => im.polls.addOption(poll, "Soup", options)),
    ["an empty option", invalid("optionText"), ({ im, poll }) => im.polls.addOption(poll, " ")],
    ["an option with NUL", invalid("optionText"), ({ im, poll }) => im.polls.addOption(poll, "So\0up")],
  ],
  "attachments.get": [["an attachment that is not there", missing("attachmentNotFound"), ({ im }) => im.attachments.get(UNKNOWN)]],
  "attachments.downloadStream": [
    ["an attachment that is not there", missing("attachmentNotFound"), ({ im }) => all(im.attachments.downloadStream(UNKNOWN))],
  ],
  "attachments.upload": [
    ["an empty file", invalid("data"), ({ im }) => im.attachments.upload({ fileName: "nothing.txt", data: new Uint8Array() })],
    [
      "the companion of a picture that has none",
      invalid("data"),
      ({ im }) =>
        im.attachments.upload({ fileName: "a.png", data: ICON, companion: { kind: "live-photo-video", data: new Uint8Array([1, 2, 3]) } }),
    ],
    // Over gRPC such a message does not leave their SDK.
    [
      "100 MiB and a byte",
      invalid("data"),
      ({ im }) => im.attachments.upload({ fileName: "much.bin", data: new Uint8Array(MAX_ATTACHMENT_BYTES + 1) }),
      "http",
    ],
  ],
};
