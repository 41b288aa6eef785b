// Everything that the cases of bad input speak of, made once.

import { randomUUID } from "node:crypto";

import { peopleOf } from "../../support/people.mjs";
import { sunset } from "../../support/picture.mjs";

export const ALICE = "alice@example.com";
export const BOB = "bob@example.com";
export const CAROL = "carol@example.com";

/** The most bytes of an attachment. */
export const MAX_ATTACHMENT_BYTES = 104_857_600;

/** The name of nothing. */
export const UNKNOWN = randomUUID().toUpperCase();

// A recipient that nobody can have: to one who might exist, a message can be sent without a chat before it.
export const NOBODY = "any;-;nobody";
export const NOWHERE = "any;+;nowhere";

/** A key that a text was sent with. */
export const KEY = "key of a text";

export async function prepare({ im, service }) {
  const people = peopleOf(service);
  const chat = async (...addresses) => (await im.chats.create(addresses)).chat.guid;
  const [direct, group, left] = [await chat(ALICE), await chat(ALICE, BOB), await chat(ALICE, BOB, CAROL)];
  const stage = { im, direct, group, left, since: Date.now() };
  stage.own = (await im.messages.sendText(direct, "Mine", { clientMessageId: KEY })).guid;
  stage.elsewhere = (await im.messages.sendText(group, "In the group")).guid;
  stage.unsent = (await im.messages.sendText(direct, "Not this")).guid;
  await im.messages.unsend(direct, stage.unsent);
  stage.theirs = (await people.says(direct, ALICE, "Theirs")).guid;
  const sent = await people.says(direct, ALICE, "", { attachment: { fileName: "a.png", data: sunset(4, 4).toString("base64") } });
  stage.foreign = sent.content.attachments[0].guid;
  stage.file = (await im.attachments.upload({ fileName: "b.png", data: sunset(4, 4) })).attachment.guid;
  stage.picture = (await im.messages.sendAttachment(direct, stage.file)).guid;
  stage.poll = (await im.polls.create(group, "Dinner?", ["Yes", "No"])).pollMessageGuid;
  stage.takenPoll = (await im.polls.create(group, "Lunch?", ["Yes", "No"])).pollMessageGuid;
  await im.messages.unsend(group, stage.takenPoll);
  stage.ownThere = (await im.messages.sendText(left, "Good-bye")).guid;
  stage.pollThere = (await im.polls.create(left, "Supper?", ["Yes", "No"])).pollMessageGuid;
  await im.groups.leave(left);
  return stage;
}

/** A message can be taken back for two minutes: after one, there is another. Says whether there is. */
export async function refresh(stage) {
  if (Date.now() - stage.since < 60_000) return false;
  stage.since = Date.now();
  stage.own = (await stage.im.messages.sendText(stage.direct, "Mine too")).guid;
  return true;
}
