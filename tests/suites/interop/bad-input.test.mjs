// Bad input of every call about messages, groups, polls and attachments: the error says what is wrong, over both transports of the vendor's
// SDK, at the emulator and through a relay, and nothing was stored.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";

import { MESSAGES } from "./bad-input/messages.mjs";
import { OTHERS } from "./bad-input/others.mjs";
import { RAW } from "./bad-input/raw.mjs";
import { MAX_ATTACHMENT_BYTES, prepare, refresh } from "./bad-input/stage.mjs";
import { declaredMethods } from "./methods/run.mjs";
import { outcomeOf } from "./outcome.mjs";
import { importInstalled, openSdk, resolveInstalled } from "./sdk.mjs";
import { all, openWorld } from "./world.mjs";

const CASES = { ...MESSAGES, ...OTHERS };

/** The most bytes of an attachment. */
const MAX_ATTACHMENT_BYTES = 104_857_600;

const UNKNOWN = randomUUID().toUpperCase();
// A recipient that nobody can have: to one who might exist, a message can be sent without a chat before it.
const NOBODY = "any;-;nobody";

/** What a case comes to: the class and code of the error and, of bad input, the field. */
const invalid = (field) => ({ class: "ValidationError", code: "invalidArgument", field });
const failed = { class: "ValidationError", code: "preconditionFailed" };
const missing = (code) => ({ class: "NotFoundError", code });

/** `[what is wrong, what comes of it, the call]`, where the call has the client and what `prepare` left. */
const CASES = {
  "messages.sendText": [
    ["an empty text", invalid("text"), ({ im, direct }) => im.messages.sendText(direct, "  \n ")],
    ["a text with NUL", invalid("text"), ({ im, direct }) => im.messages.sendText(direct, "a\0b")],
    ["a text that is too long", invalid("text"), ({ im, direct }) => im.messages.sendText(direct, "é".repeat(200_000))],
    ["a chat that is not there", missing("chatNotFound"), ({ im }) => im.messages.sendText(NOBODY, "Hello")],
    ["no GUID of a chat", invalid("chatGuid"), ({ im }) => im.messages.sendText("alice", "Hello")],
    ["a reply to a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.sendText(direct, "Hello", { replyTo: UNKNOWN })],
    ["a reply to a message of another chat", invalid("replyTo.messageGuid"), ({ im, direct, elsewhere }) => im.messages.sendText(direct, "Hello", { replyTo: elsewhere })],
    ["a reply to a message that was unsent", failed, ({ im, direct, unsent }) => im.messages.sendText(direct, "Hello", { replyTo: unsent })],
    [
      "a reply to a bubble that is not there",
      invalid("replyTo.targetPartIndex"),
      ({ im, direct, own }) => im.messages.sendText(direct, "Hello", { replyTo: { guid: own, partIndex: 3 } }),
    ],
    ["an effect that is not one", invalid("effectId"), ({ im, direct }) => im.messages.sendText(direct, "Hello", { effect: "com.example.boom" })],
    [
      "formatting beyond the text",
      invalid("formatting[0]"),
      ({ im, direct }) => im.messages.sendText(direct, "Hello", { formatting: [{ type: "bold", start: 3, length: 9 }] }),
    ],
  ],
  "messages.sendAttachment": [
    ["an attachment that is not there", missing("attachmentNotFound"), ({ im, direct }) => im.messages.sendAttachment(direct, UNKNOWN)],
    ["an attachment of somebody else", invalid("attachment.attachmentGuid"), ({ im, direct, foreign }) => im.messages.sendAttachment(direct, foreign)],
    ["a chat that is not there", missing("chatNotFound"), ({ im, file }) => im.messages.sendAttachment(NOBODY, file)],
  ],
  "messages.sendMultipart": [
    ["no parts", invalid("parts"), ({ im, direct }) => im.messages.sendMultipart(direct, [])],
    ["an empty part", invalid("parts[0].text"), ({ im, direct }) => im.messages.sendMultipart(direct, [{ text: " " }])],
    ["an attachment that is not there", missing("attachmentNotFound"), ({ im, direct }) => im.messages.sendMultipart(direct, [{ attachmentGuid: UNKNOWN }])],
  ],
  "messages.edit": [
    ["an empty text", invalid("newText"), ({ im, direct, own }) => im.messages.edit(direct, own, "  ")],
    ["a message of somebody else", failed, ({ im, direct, theirs }) => im.messages.edit(direct, theirs, "Mine")],
    ["a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.edit(direct, UNKNOWN, "Hello")],
    ["a message that was unsent", failed, ({ im, direct, unsent }) => im.messages.edit(direct, unsent, "Hello")],
    ["a picture", failed, ({ im, direct, picture }) => im.messages.edit(direct, picture, "Hello")],
    ["a bubble that is not there", invalid("target.partIndex"), ({ im, direct, own }) => im.messages.edit(direct, own, "Hello", { partIndex: 4 })],
  ],
  "messages.unsend": [
    ["a message of somebody else", failed, ({ im, direct, theirs }) => im.messages.unsend(direct, theirs)],
    ["a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.unsend(direct, UNKNOWN)],
    ["a message that was unsent", failed, ({ im, direct, unsent }) => im.messages.unsend(direct, unsent)],
  ],
  "messages.setReaction": [
    ["a message that was unsent", failed, ({ im, direct, unsent }) => im.messages.setReaction(direct, unsent, { kind: "love" }, true)],
    ["a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.setReaction(direct, UNKNOWN, { kind: "love" }, true)],
    ["two emoji", invalid("reaction.emoji"), ({ im, direct, own }) => im.messages.setReaction(direct, own, { kind: "emoji", emoji: "🎂🎂" }, true)],
    ["no emoji", invalid("reaction.emoji"), ({ im, direct, own }) => im.messages.setReaction(direct, own, { kind: "emoji", emoji: "" }, true)],
  ],
  "messages.get": [["a message that is not there", missing("messageNotFound"), ({ im }) => im.messages.get(UNKNOWN)]],
  "messages.getEmbeddedMedia": [["a message that is not there", missing("messageNotFound"), ({ im, direct }) => im.messages.getEmbeddedMedia(direct, UNKNOWN)]],
  "messages.listInChat": [
    ["a chat that is not there", missing("chatNotFound"), ({ im }) => im.messages.listInChat(NOBODY)],
    ["pages of nothing", invalid("pageSize"), ({ im, direct }) => im.messages.listInChat(direct, { pageSize: 0 })],
    ["a page token that is not one", invalid("pageToken"), ({ im, direct }) => im.messages.listInChat(direct, { pageToken: "nonsense" })],
  ],
  "messages.listRecent": [
    ["pages that are too big", invalid("pageSize"), ({ im }) => im.messages.listRecent({ pageSize: 101 })],
    ["a page token that is not one", invalid("pageToken"), ({ im }) => im.messages.listRecent({ pageToken: "nonsense" })],
  ],
  "groups.setDisplayName": [
    ["a direct chat", invalid("chatGuid"), ({ im, direct }) => im.groups.setDisplayName(direct, "Dinner")],
    ["a name that is too long", invalid("displayName"), ({ im, group }) => im.groups.setDisplayName(group, "n".repeat(257))],
    ["a group that is not there", missing("chatNotFound"), ({ im }) => im.groups.setDisplayName("any;+;nowhere", "Dinner")],
    ["a group that was left", failed, ({ im, left }) => im.groups.setDisplayName(left, "Dinner")],
  ],
  "groups.addParticipants": [
    ["a direct chat", invalid("chatGuid"), ({ im, direct }) => im.groups.addParticipants(direct, [BOB])],
    ["nobody's address", invalid("addresses[0]"), ({ im, group }) => im.groups.addParticipants(group, ["nonsense"])],
    ["who is in already", invalid("addresses[0]"), ({ im, group }) => im.groups.addParticipants(group, [BOB])],
    ["the same person twice", invalid("addresses[1]"), ({ im, group }) => im.groups.addParticipants(group, ["dora@example.com", "DORA@example.com"])],
  ],
  "groups.removeParticipants": [
    ["a direct chat", invalid("chatGuid"), ({ im, direct }) => im.groups.removeParticipants(direct, [ALICE])],
    ["who is not in it", invalid("addresses[0]"), ({ im, group }) => im.groups.removeParticipants(group, ["dora@example.com"])],
    ["everybody", invalid("addresses"), ({ im, group }) => im.groups.removeParticipants(group, [ALICE, BOB])],
  ],
  "groups.leave": [
    ["a direct chat", invalid("chatGuid"), ({ im, direct }) => im.groups.leave(direct)],
    ["a group that was left", failed, ({ im, left }) => im.groups.leave(left)],
  ],
  "groups.setIcon": [
    ["a direct chat", invalid("chatGuid"), ({ im, direct }) => im.groups.setIcon(direct, sunset(4, 4))],
    ["bytes that are no picture", invalid("data"), ({ im, group }) => im.groups.setIcon(group, new Uint8Array([1, 2, 3]))],
  ],
  "groups.getIcon": [["a group without one", missing("groupIconNotFound"), ({ im, group }) => im.groups.getIcon(group)]],
  "polls.create": [
    ["no title", invalid("title"), ({ im, group }) => im.polls.create(group, " ", ["Yes", "No"])],
    ["one option", invalid("options"), ({ im, group }) => im.polls.create(group, "Dinner?", ["Yes"])],
    ["an empty option", invalid("options[1]"), ({ im, group }) => im.polls.create(group, "Dinner?", ["Yes", " "])],
    ["a chat that is not there", missing("chatNotFound"), ({ im }) => im.polls.create(NOBODY, "Dinner?", ["Yes", "No"])],
  ],
  "polls.get": [["a poll that is not there", missing("pollNotFound"), ({ im }) => im.polls.get(UNKNOWN)]],
  "polls.vote": [
    ["an option that is not there", invalid("optionIdentifier"), ({ im, poll }) => im.polls.vote(poll, "option-99")],
    ["a poll that is not there", missing("pollNotFound"), ({ im }) => im.polls.vote(UNKNOWN, "option-1")],
    ["a message that is no poll", missing("pollNotFound"), ({ im, own }) => im.polls.vote(own, "option-1")],
  ],
  "polls.unvote": [["a poll that is not there", missing("pollNotFound"), ({ im }) => im.polls.unvote(UNKNOWN)]],
  "polls.addOption": [
    ["an empty option", invalid("optionText"), ({ im, poll }) => im.polls.addOption(poll, " ")],
    ["a poll that is not there", missing("pollNotFound"), ({ im }) => im.polls.addOption(UNKNOWN, "Soup")],
  ],
  "attachments.get": [["an attachment that is not there", missing("attachmentNotFound"), ({ im }) => im.attachments.get(UNKNOWN)]],
  "attachments.downloadStream": [
    ["an attachment that is not there", missing("attachmentNotFound"), ({ im }) => all(im.attachments.downloadStream(UNKNOWN))],
  ],
  "attachments.upload": [
    ["an empty file", invalid("data"), ({ im }) => im.attachments.upload({ fileName: "nothing.txt", data: new Uint8Array() })],
    // Over gRPC such a message does not leave their SDK.
    ["100 MiB and a byte", invalid("data"), ({ im }) => im.attachments.upload({ fileName: "much.bin", data: new Uint8Array(MAX_ATTACHMENT_BYTES + 1) }), "http"],
  ],
};

/** Everything that the cases speak of, made once. */
async function prepare(world) {
  const { im } = world;
  const people = peopleOf(world.service);
  const [direct, group, left] = [
    (await im.chats.create([ALICE])).chat.guid,
    (await im.chats.create([ALICE, BOB])).chat.guid,
    (await im.chats.create([ALICE, BOB, "carol@example.com"])).chat.guid,
  ];
  const stage = { im, direct, group, left };
  stage.own = (await im.messages.sendText(direct, "Mine")).guid;
  stage.elsewhere = (await im.messages.sendText(group, "In the group")).guid;
  stage.unsent = (await im.messages.sendText(direct, "Not this")).guid;
  await im.messages.unsend(direct, stage.unsent);
  stage.theirs = (await people.says(direct, ALICE, "Theirs")).guid;
  const sent = await people.says(direct, ALICE, "", { attachment: { fileName: "a.png", data: sunset(4, 4).toString("base64") } });
  stage.foreign = sent.content.attachments[0].guid;
  stage.file = (await im.attachments.upload({ fileName: "b.png", data: sunset(4, 4) })).attachment.guid;
  stage.picture = (await im.messages.sendAttachment(direct, stage.file)).guid;
  stage.poll = (await im.polls.create(group, "Dinner?", ["Yes", "No"])).pollMessageGuid;
  await im.groups.leave(left);
  return stage;
}

/** Each transport, and where its calls go. */
const PLACES = ["http", "grpc"].flatMap((sdk) => ["emulator", "relay"].map((place) => ({ sdk, place })));

for (const { sdk, place } of PLACES) {
  describe(`bad input, over ${sdk}, ${place}`, () => {
    let world;
    let stage;
    let reader;

    before(async () => {
      world = await openWorld(sdk, place);
      reader = (await openSdk("ours", world.service.address, { token: world.service.token })).im;
      stage = await prepare(world);
    });
    after(async () => {
      await reader?.close();
      await world?.close();
    });

    /** Everything that a person could find at the service: the log, the chats with their counts, the messages and the polls. */
    const stored = async () => {
      const get = async (path) => {
        const [status, body] = await world.service.call("GET", path);
        assert.equal(status, 200, path);
        return body;
      };
      return {
        head: (await all(reader.events.catchUp())).at(-1).headSequence,
        chats: await get("/emulator/v1/chats"),
        messages: await get("/v1/messages:listRecent?pageSize=100"),
        polls: await Promise.all([stage.poll, stage.takenPoll, stage.pollThere].map((poll) => get(`/v1/polls/${poll}`))),
      };
    };

    let last;
    /** Does something that must be refused, and fails when anything is stored otherwise than before. Gives what `act` gave. */
    const unchanged = async (act) => {
      if ((await refresh(stage)) || !last) last = await stored();
      const result = await act();
      const [was, now] = [last, await stored()];
      last = now;
      assert.deepEqual(now, was, "something was written");
      return result;
    };

    for (const [method, cases] of Object.entries(CASES)) {
      for (const [what, expected, call, only] of cases) {
        if (only && only !== sdk) continue;
        test(`${method}: ${what}`, async () => {
          const { error, value } = await unchanged(() => outcomeOf(world.module, () => call(stage)));
          assert.ok(error, `it was taken: ${JSON.stringify(value)}`);
          const { field } = error.context ?? {};
          assert.deepEqual({ class: error.class, code: error.code, ...(field && { field }) }, expected, error.message);
        });
      }
    }

    if (sdk === "grpc") {
      test("attachments.upload: 100 MiB and a byte, from a client that has no limit of its own", async () => {
        const data = Buffer.alloc(MAX_ATTACHMENT_BYTES + 1);
        const error = await unchanged(() => uploadRaw(world.gateway, { file_name: "much.bin", data }));
        const [code, field] = ["error-code", "error-context-field"].map((name) => error?.metadata.get(name)[0]);
        assert.deepEqual({ status: error?.code, code, field }, { status: 3, code: "invalidArgument", field: "data" }, error?.message);
      });
    } else {
      for (const [what, field, path, body] of RAW) {
        test(`${path}: ${what}`, async () => {
          const [status, answer] = await unchanged(() => callRaw(world.gateway, path, body?.(stage)));
          assert.deepEqual({ status, code: answer.errorCode, field: answer.context?.field }, { status: 400, code: "invalidArgument", field });
        });
      }
    }
  });
}

/** A write when there is a body, else a read. */
async function callRaw({ address, token }, path, body) {
  const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
  const answer = await fetch(new URL(path, address), { method: body ? "POST" : "GET", headers, body });
  return [answer.status, await answer.json()];
}

/** Calls UploadAttachment as the vendor's protos have it, with a client that takes messages of any size. Gives the error. */
async function uploadRaw({ address, token }, request) {
  const [grpc, loader] = (await Promise.all(["@grpc/grpc-js", "@grpc/proto-loader"].map(importInstalled))).map((module) => module.default);
  const protos = join(dirname(resolveInstalled("@photon-ai/advanced-imessage/http")), "../proto");
  const definition = loader.loadSync("photon/imessage/v1/attachment_service.proto", { includeDirs: [protos], keepCase: true });
  const { AttachmentService } = grpc.loadPackageDefinition(definition).photon.imessage.v1;
  const client = new AttachmentService(new URL(address).host, grpc.credentials.createInsecure(), { "grpc.max_send_message_length": -1 });
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  try {
    return await new Promise((resolve) => client.UploadAttachment(request, metadata, resolve));
  } finally {
    client.close();
  }
}
