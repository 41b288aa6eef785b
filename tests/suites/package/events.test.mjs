// `im.events.subscribe` of the packed package, in both entries, against the real gateway: everything that happens as one stream, of all chats
// and types or of some.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, describe, test } from "node:test";

import { createClient, ErrorCode, IMessageError, ValidationError } from "im-chats";
import { createClient as createMessages } from "im-chats/messages";
import { WebSocketServer } from "ws";

import { startGateway, startRelay } from "../support/gateway.mjs";
import { peopleOf } from "../support/people.mjs";

let gateway;
let im;
let people;
let alice;
let bob;
let team;

before(async () => {
  gateway = await startGateway();
  im = createMessages({ address: gateway.address, token: gateway.token });
  people = peopleOf(gateway);
  alice = (await im.chats.create(["alice@example.com"])).chat.guid;
  bob = (await im.chats.create(["bob@example.com"])).chat.guid;
  team = (await im.chats.create(["alice@example.com", "carol@example.com"])).chat.guid;
});

after(async () => {
  await im.close();
  await gateway.stop();
});

/** The next `count` events, by hand, so that the stream stays open. */
async function next(iterator, count) {
  const events = [];
  while (events.length < count) {
    const { done, value } = await iterator.next();
    assert.equal(done, false);
    events.push(value);
  }
  return events;
}

const iterate = (stream) => stream[Symbol.asyncIterator]();
const short = (events) => events.map(({ type, chatGuid }) => [type, chatGuid]);
const drain = async (stream) => {
  for await (const _ of stream);
};

/** A message of each, a change of a chat, a change of a group, and a poll: what they are, in order. */
async function happen() {
  await people.says(alice, "alice@example.com", "hello");
  await people.says(bob, "bob@example.com", "hi");
  await people.post("chats:archive", { chatGuid: alice });
  await people.post("chats:unarchive", { chatGuid: alice });
  await im.groups.rename(team, `Team ${Math.random()}`);
  return [
    ["message.received", alice],
    ["message.received", bob],
    ["chat.archived", alice],
    ["chat.unarchived", alice],
    ["group.changed", team],
  ];
}

/** A store that remembers what it was given. */
function memory(saved) {
  return { saved, load: () => saved, save(cursor) { saved = this.saved = cursor; } };
}

for (const [entry, create] of [["im-chats", createClient], ["im-chats/messages", createMessages]]) {
  test(`${entry}: everything, from a cursor through history to live, is one stream`, async () => {
    const client = create({ address: gateway.address, token: gateway.token });
    const first = client.events.subscribe();
    await first.ready;
    const { cursor } = first;
    await first.close();
    const expected = await happen();
    const stream = client.events.subscribe({ after: cursor });
    const iterator = iterate(stream);
    const events = await next(iterator, expected.length);
    expected.push(...(await happen()));
    events.push(...(await next(iterator, expected.length - events.length)));
    assert.deepEqual(short(events), expected);
    const sequences = events.map(({ sequence }) => sequence);
    assert.deepEqual(sequences, sequences.map((_, index) => sequences[0] + index), "none is left out, none comes twice");
    assert.equal(events[0].message.content.text, "hello");
    await client.close();
  });
}

describe("a filter", () => {
  test("of chats and of types shows what both let pass, in history and live", async () => {
    const head = im.events.subscribe();
    await head.ready;
    const options = { after: head.cursor };
    await head.close();
    const all = await happen();
    const streams = [
      [{ ...options, chats: [bob, team, bob] }, ([, chat]) => chat === bob || chat === team],
      [{ ...options, types: ["group.changed", "message.received"] }, ([type]) => type === "group.changed" || type === "message.received"],
      [{ ...options, chats: [alice, bob], types: ["message.received"] }, ([type]) => type === "message.received"],
    ].map(([options, admits]) => [iterate(im.events.subscribe(options)), admits]);
    for (const [iterator, admits] of streams) {
      const expected = all.filter(admits);
      assert.deepEqual(short(await next(iterator, expected.length)), expected);
    }
    const later = await happen();
    for (const [iterator, admits] of streams) {
      const expected = later.filter(admits);
      assert.deepEqual(short(await next(iterator, expected.length)), expected);
      await iterator.return();
    }
  });

  test("is read when the method is called", async () => {
    const [chats, types] = [[bob], ["message.received"]];
    const stream = im.events.subscribe({ chats, types });
    chats[0] = alice;
    types.push("chat.archived");
    await stream.ready;
    await happen();
    assert.deepEqual(short(await next(iterate(stream), 1)), [["message.received", bob]]);
    await stream.close();
  });

  test("moves the cursor past what it hides, and a store resumes behind it", async () => {
    const store = memory();
    const options = { chats: [bob], types: ["message.received"], cursor: store };
    const stream = im.events.subscribe(options);
    await stream.ready;
    await happen();
    const iterator = iterate(stream);
    const [event] = await next(iterator, 1);
    const asked = iterator.next();
    await stream.close();
    await asked;
    assert.ok(Number(store.saved.split("@")[0]) >= event.sequence, store.saved);
    await happen();
    const [again] = await next(iterate(im.events.subscribe(options)), 1);
    assert.equal(again.chatGuid, bob);
    assert.equal(again.sequence, event.sequence + 5, "the same message of the next round");
  });

  test("holds behind a relay, too", async () => {
    const relay = await startRelay(gateway, { args: ["--poll-interval-ms", "50"] });
    const client = createClient({ address: relay.address, token: relay.token });
    const stream = client.events.subscribe({ chats: [bob, team], types: ["group.changed"] });
    await stream.ready;
    await happen();
    assert.deepEqual(short(await next(iterate(stream), 1)), [["group.changed", team]]);
    await client.close();
    await relay.stop();
  });
});

describe("a token that is limited to chats", () => {
  const limited = async (scope) => {
    const { token } = await im.tokens.create({ sub: "user-1", scope, chats: [alice, team], ttlSeconds: 60 });
    return createClient({ address: gateway.address, token });
  };

  test("shows its own chats, and is refused for a list with another one", async () => {
    const client = await limited(["events:all"]);
    const stream = client.events.subscribe({ types: ["message.received", "group.changed"] });
    const one = client.events.subscribe({ chats: [team] });
    await Promise.all([stream.ready, one.ready]);
    await happen();
    assert.deepEqual(short(await next(iterate(stream), 2)), [["message.received", alice], ["group.changed", team]]);
    assert.deepEqual(short(await next(iterate(one), 1)), [["group.changed", team]]);
    await assert.rejects(drain(client.events.subscribe({ chats: [alice, bob] })), { code: ErrorCode.unauthorized, context: { chat: bob } });
    await client.close();
  });

  test("needs the scope events:all, whatever the types", async () => {
    const client = await limited(["events"]);
    const refused = { code: ErrorCode.unauthorized, context: { scope: "events:all" } };
    await assert.rejects(drain(client.events.subscribe({ types: ["chat.archived"] })), refused);
    await client.close();
  });
});

describe("bad input", () => {
  const many = (count, item) => new Array(count).fill(item);
  for (const [field, options] of [
    ["options", 7],
    ["chat", { chat: "any;-;alice@example.com" }],
    ["chats", { chats: "any;-;alice@example.com" }],
    ["chats", { chats: [] }],
    ["chats", { chats: many(101, "any;-;alice@example.com") }],
    ["chats[1]", { chats: ["any;-;alice@example.com", "alice@example.com"] }],
    ["chats[1]", { chats: ["any;-;alice@example.com", 7] }],
    ["types", { types: "message.received" }],
    ["types", { types: [] }],
    ["types", { types: many(33, "unknown") }],
    ["types[0]", { types: ["message"] }],
    ["types[2]", { types: ["unknown", "poll.changed", "catchup.complete"] }],
    ["after", { after: -1 }],
    ["onGap", { onGap: true }],
    ["resume", { resume: "yes" }],
    ["cursor", { cursor: {} }],
    ["signal", { signal: {} }],
  ]) {
    test(`names ${field}: ${JSON.stringify(options).slice(0, 60)}`, async () => {
      const client = createClient({ address: "http://127.0.0.1:1", token: "t" });
      const stream = client.events.subscribe(options);
      await assert.rejects(drain(stream), (error) => error instanceof ValidationError && error.context.field === field && error.message.startsWith(field));
      assert.equal(client.connection.state, "idle", "nothing was sent");
      await client.close();
    });
  }

  test("an unknown type is given back", async () => {
    await assert.rejects(drain(im.events.subscribe({ types: ["message.sent"] })), { context: { field: "types[0]", value: "message.sent" } });
  });
});

describe("against a server that is scripted", () => {
  let server;
  afterEach(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });

  /** A server that announces these features, and gives each `subscribe` to `answer`; a client of it, and what it was asked. */
  async function serve(features, answer) {
    server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "im.events.v1.json" });
    const asked = [];
    const limits = { maxFrameBytes: 65_536, maxOutgoingFrameBytes: 1_048_576, maxBatchEvents: 256, maxSubscriptions: 64 };
    const ready = { type: "ready", protocol: 1, log: { id: "log-1", first: 0, head: 50 }, heartbeatIntervalMs: 15_000, limits, features };
    server.on("connection", (socket) => {
      const send = (frame) => socket.send(JSON.stringify(frame));
      socket.on("message", (data) => {
        const frame = JSON.parse(data);
        if (frame.type === "init") send(ready);
        if (frame.type !== "subscribe") return;
        asked.push(frame);
        answer(frame, send);
      });
    });
    await once(server, "listening");
    return { asked, client: createClient({ address: `http://127.0.0.1:${server.address().port}`, token: "t" }) };
  }

  const subscribed = ({ id, after }, send) => send({ type: "subscribed", id, after: { log: "log-1", sequence: after?.sequence ?? 50 }, head: 50 });

  test("one that knows no filters ends the stream with what to do, and serves what has none", async () => {
    const { asked, client } = await serve(undefined, subscribed);
    for (const options of [{ types: ["message.received"] }, { chats: ["any;-;alice@example.com"] }]) {
      const stream = client.events.subscribe(options);
      await assert.rejects(drain(stream), (error) => {
        assert.ok(error instanceof IMessageError && !error.retryable);
        assert.equal(error.code, ErrorCode.operationNotSupported);
        assert.match(error.message, /update the gateway/);
        return true;
      });
    }
    const stream = client.events.subscribe();
    await stream.ready;
    assert.deepEqual(asked.map(({ topic, chats, types }) => ({ topic, chats, types })), [{ topic: "all", chats: undefined, types: undefined }]);
    await client.close();
  });

  test("what it is asked for is what was given", async () => {
    const { asked, client } = await serve(["filters"], subscribed);
    await client.events.subscribe({ chats: [" any;+;team "], types: ["unknown", "unknown"], after: "7@log-1" }).ready;
    const [{ chats, types, topic, after }] = asked;
    assert.deepEqual({ chats, types, topic, after }, { chats: ["any;+;team"], types: ["unknown", "unknown"], topic: "all", after: { log: "log-1", sequence: 7 } });
    await client.close();
  });

  test("a gap is an error, or is skipped and told", async () => {
    const context = { first: "40", head: "50" };
    const { client } = await serve(["filters"], (frame, send) => {
      if (frame.after.sequence >= 40) {
        subscribed(frame, send);
        const event = { type: "message.read", chatGuid: "any;-;a", sequence: 45, isFromMe: false, occurredAt: "t", messageGuid: "m", readAt: "t" };
        return send({ type: "events", id: frame.id, prev: 40, through: 50, events: [event] });
      }
      send({ type: "error", id: frame.id, fatal: false, code: "cursorTooOld", grpcCode: 11, message: "too old", retryable: false, context });
    });
    await assert.rejects(drain(client.events.subscribe({ after: 10 })), { code: ErrorCode.cursorTooOld });
    const gaps = [];
    const stream = client.events.subscribe({ after: 10, types: ["message.read"], onGap: (gap) => void gaps.push(gap) });
    const [event] = await next(iterate(stream), 1);
    assert.deepEqual([gaps, event.sequence], [[{ from: 10, to: 40 }], 45]);
    await client.close();
  });
});

test("a client that is closed ends the stream, and a signal gives its reason", async () => {
  const client = createClient({ address: gateway.address, token: gateway.token });
  const leave = new AbortController();
  const stream = client.events.subscribe({ signal: leave.signal });
  await stream.ready;
  leave.abort(new Error("enough"));
  await assert.rejects(drain(stream), /enough/);
  const other = client.events.subscribe();
  await other.ready;
  const drained = drain(other);
  await client.close();
  await drained;
});
