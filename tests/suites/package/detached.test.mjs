// Methods work without their object, as frameworks and destructuring call them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createClient, IMessageError, TypedEventStream } from "im-chats";

import { startGateway } from "../support/gateway.mjs";
import { sunset } from "../support/picture.mjs";

let gateway;
before(async () => (gateway = await startGateway()));
after(() => gateway.stop());

test("those of a client", async () => {
  const { chats, events, tokens, connection, close } = createClient({ address: gateway.address, token: gateway.token });
  const { create, get, count, markRead, setTyping, shareContactInfo, setBackground, hasBackground, removeBackground } = chats;
  const { chat } = await create(["alice@example.com"]);
  assert.equal((await get(chat.guid)).guid, chat.guid);
  assert.equal(await count(), 1);
  await markRead(chat.guid);
  await setTyping(chat.guid, true);
  await shareContactInfo(chat.guid);
  await setBackground(chat.guid, sunset(4, 4));
  assert.equal(await hasBackground(chat.guid), true);
  await removeBackground(chat.guid);
  const { create: createToken } = tokens;
  const { token } = await createToken({ sub: "user-42", scope: ["chats:read"], ttlSeconds: 60 });
  assert.equal(typeof token, "string");
  const { catchUp } = events;
  const caughtUp = [];
  for await (const event of catchUp()) caughtUp.push(event.type);
  assert.deepEqual(caughtUp, ["chat.backgroundChanged", "chat.backgroundRemoved", "catchup.complete"]);
  // As React's `useSyncExternalStore(connection.on, () => connection.state)` calls it.
  const { on } = connection;
  const stop = on(() => {});
  const { subscribeEvents } = chats;
  const { subscribe } = events;
  await Promise.all([subscribeEvents().ready, subscribe().ready]);
  stop();
  await close();
  assert.equal(connection.state, "closed");
});

test("those of a stream", async () => {
  const numbers = () =>
    new TypedEventStream(
      (async function* () {
        yield* [1, 2, 3, 4];
      })(),
    );
  const { filter } = numbers();
  const { map } = filter((number) => number > 1);
  const { take } = map((number) => number * 10);
  const seen = [];
  for await (const number of take(2)) seen.push(number);
  assert.deepEqual(seen, [20, 30]);
  const { on } = numbers();
  assert.equal(await new Promise((resolve, reject) => on(resolve, reject)), 1);
  const stream = numbers();
  const { close } = stream;
  await close();
  assert.throws(() => stream[Symbol.asyncIterator](), /closed/);
});

test("those of a class that extends a stream are its own", async () => {
  let closed = 0;
  class Counted extends TypedEventStream {
    async close() {
      closed += 1;
      await super.close();
    }
  }
  const { close } = new Counted((async function* () {})());
  await close();
  assert.equal(closed, 1);
});

test("fromJSON, as a callback", () => {
  const error = new IMessageError("no", { code: "timeout", grpcCode: 4, retryable: true });
  assert.equal([error.toJSON()].map(IMessageError.fromJSON)[0].code, "timeout");
});
