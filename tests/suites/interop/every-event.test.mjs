// Events of every kind that the real service has, through the relay: as their SDK reads them from the service itself, as it reads them from
// the relay, and as ours does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { startRelay } from "../support/gateway.mjs";
import { explanation } from "./differences.mjs";
import { ABSENT, differences } from "./outcome.mjs";
import { openSdk } from "./sdk.mjs";
import { loadTypes, sampler, startUpstream } from "./upstream.mjs";
import { all } from "./world.mjs";

const KINDS = {
  messageChanged: "MessageChangeEvent",
  chatChanged: "ChatChangeEvent",
  groupChanged: "GroupChangeEvent",
  pollChanged: "PollChangeEvent",
};

let upstream;
let relay;
let frames;
const clients = [];

const open = async (sdk, { address, token }) => {
  const { im } = await openSdk(sdk, address, { token });
  clients.push(im);
  return im;
};

before(async () => {
  const types = await loadTypes();
  frames = everyEvent(types);
  // What a newer service sends: of a kind that is known, but its change is not.
  const { chatGuid, occurredAt } = frames[0].messageChanged;
  frames.push({ sequence: 1_000, chatChanged: { chatGuid, occurredAt, isFromMe: true } });
  upstream = await startUpstream(types, frames);
  relay = await startRelay(upstream);
  const ours = await open("ours", relay);
  while ((await all(ours.events.catchUp())).at(-1).headSequence < frames.at(-1).sequence) await pause(20);
});
after(async () => {
  for (const im of clients) await im.close();
  await relay?.stop();
  upstream?.close();
});

/** Each change of each kind, with everything set and with as little as there can be. Sequences have gaps, as those of a real log. */
function everyEvent(types) {
  const sample = sampler(types);
  const made = [];
  for (const [payload, name] of Object.entries(KINDS)) {
    const type = types.type(name).resolveAll();
    for (const change of type.oneofs.change.fieldsArray) {
      for (const full of [true, false, true]) {
        const event = { ...sample(type, full), [change.name]: sample(change.resolvedType, full) };
        made.push({ sequence: 5 + 3 * made.length, [payload]: event });
      }
    }
  }
  return made;
}

test("all kinds there are, each change of them", () => {
  assert.equal(frames.length - 1, 3 * (7 + 5 + 6 + 4));
});

test("their SDK reads from the relay what it reads from the service", async () => {
  const [direct, relayed] = [await open("grpc", upstream), await open("grpc", relay)];
  const expected = await all(direct.events.catchUp());
  // All but the one that it does not know; and the end.
  assert.equal(expected.length, frames.length - 1 + 1);
  assert.deepEqual(await all(relayed.events.catchUp()), expected);
  const { sequence } = frames[20];
  assert.deepEqual(await all(relayed.events.catchUp(sequence)), await all(direct.events.catchUp(sequence)));
});

test("ours reads from the relay what theirs reads from the service", async () => {
  const [theirs, ours] = [await open("grpc", upstream), await open("ours", relay)];
  const [expected, everything] = [await all(theirs.events.catchUp()), await all(ours.events.catchUp())];
  const events = everything.filter(({ type }) => type !== "unknown");
  assert.equal(events.length, expected.length);
  const unexplained = [];
  for (const [index, event] of events.entries()) {
    const [their, our] = [{ value: expected[index] }, { value: event }];
    for (const found of differences(their, our)) {
      // Nothing that theirs gives is missing here: only an absent key may be, and a time may be text.
      const entry = found.ours === ABSENT && found.theirs !== undefined ? undefined : explanation({ ...found, their, our, sdk: "grpc" });
      if (!entry) unexplained.push({ type: event.type, ...found });
    }
  }
  assert.deepEqual(unexplained, []);
});

test("an event that nobody knows yet is passed over by theirs; ours tells that there is one", async () => {
  const ours = await open("ours", relay);
  const [unknown] = await all(ours.events.catchUp(999));
  const { type, sequence, chatGuid, isFromMe, about } = unknown;
  assert.deepEqual([type, sequence, chatGuid, isFromMe, about], ["unknown", 1_000, "chatGuid é", true, "chat"]);
  assert.match(unknown.data, /^[A-Za-z0-9+/]+=*$/);
});
