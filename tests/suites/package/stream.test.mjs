// Event streams of the packed package against the real gateway.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { AuthenticationError, ConnectionError, createClient, IMessageError, TypedEventStream } from "im-chats";

import { startGateway } from "../support/gateway.mjs";
import { startProxy } from "../support/proxy.mjs";

let gateway;
let im;
let chat;
let other;

before(async () => {
  gateway = await startGateway();
  im = createClient({ address: gateway.address, token: gateway.token });
  ({ chat } = await im.chats.create(["alice@example.com"]));
  ({ chat: other } = await im.chats.create(["bob@example.com"]));
});

after(async () => {
  await im.close();
  await gateway.stop();
});

const elsewhere = async (path, body, at = gateway) => {
  const [status, answer] = await at.call("POST", `/emulator/v1/${path}`, body);
  assert.equal(status, 200, JSON.stringify(answer));
  return answer;
};

const archive = (guid = chat.guid) => elsewhere("chats:archive", { chatGuid: guid });
const unarchive = (guid = chat.guid) => elsewhere("chats:unarchive", { chatGuid: guid });
const toggle = async (guid) => {
  await archive(guid);
  await unarchive(guid);
};

/** The next `count` events, by hand, so that the stream stays open. */
const next = async (iterator, count = 1) => {
  const events = [];
  while (events.length < count) {
    const { done, value } = await iterator.next();
    assert.equal(done, false);
    events.push(value);
  }
  return events;
};

const all = async (stream) => {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
};

describe("live events", () => {
  test("have the documented shape, own writes included", async () => {
    const stream = im.chats.subscribeEvents({ chat: chat.guid });
    await stream.ready;
    await elsewhere("messages:receive", { chatGuid: chat.guid, from: "alice@example.com", text: "hi" });
    await im.chats.markRead(chat.guid);
    await elsewhere("chats:archive", { chatGuid: chat.guid, actor: "alice@example.com" });
    const iterator = stream[Symbol.asyncIterator]();
    const [read, archived] = await next(iterator, 2);
    assert.deepEqual(Object.keys(read).filter((key) => key !== "actor").sort(), ["chatGuid", "isFromMe", "occurredAt", "sequence", "type"]);
    assert.deepEqual([read.type, read.chatGuid, read.isFromMe], ["chat.markedRead", chat.guid, true]);
    assert.match(read.occurredAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.deepEqual([archived.type, archived.isFromMe], ["chat.archived", false]);
    assert.equal(archived.actor.address, "alice@example.com");
    assert.ok(archived.sequence > read.sequence);
    await iterator.return();
    await unarchive();
  });

  test("of one chat only that chat's, of all chats everyone's", async () => {
    const [one, every] = [im.chats.subscribeEvents({ chat: other.guid }), im.chats.subscribeEvents()];
    await Promise.all([one.ready, every.ready]);
    await toggle(chat.guid);
    await toggle(other.guid);
    assert.deepEqual(
      (await all(every.take(4))).map((event) => event.chatGuid),
      [chat.guid, chat.guid, other.guid, other.guid],
    );
    assert.deepEqual(
      (await all(one.take(2))).map((event) => event.type),
      ["chat.archived", "chat.unarchived"],
    );
  });

  test("from a cursor on, history and live are one stream", async () => {
    const stream = im.chats.subscribeEvents();
    await stream.ready;
    await toggle();
    const first = await all(stream.take(1));
    const cursor = stream.cursor;
    await toggle();
    const resumed = im.chats.subscribeEvents({ after: cursor });
    const iterator = resumed[Symbol.asyncIterator]();
    const events = await next(iterator, 3);
    await toggle();
    events.push(...(await next(iterator, 2)));
    const sequences = [...first, ...events].map((event) => event.sequence);
    assert.deepEqual(sequences, [...sequences].sort((a, b) => a - b));
    assert.equal(new Set(sequences).size, 6);
    assert.deepEqual([...first, ...events].map((event) => event.type), Array(3).fill(["chat.archived", "chat.unarchived"]).flat());
    await resumed.close();
  });
});

describe("catch-up", () => {
  test("gives the events of a batch without waiting for anything, also right after a batch came", async () => {
    await elsewhere("events:generate", { count: 600 });
    const stream = im.events.catchUp();
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    let waits = 0;
    for (let seen = 1; seen < 600; seen += 1) {
      let given = false;
      let turns = 0;
      const step = iterator.next().then(() => (given = true));
      for (; !given && turns < 3; turns += 1) await undefined;
      if (!given) waits += 1;
      await step;
    }
    // A batch is at most 256 events, and the first one came already.
    assert.ok(waits <= 600 / 256 + 1, `${waits} of 600 events were waited for`);
    await stream.close();
  });

  test("replays everything in order and says where it ended", async () => {
    const { first, last } = await elsewhere("events:generate", { count: 3000 });
    const events = await all(im.events.catchUp());
    const complete = events.pop();
    assert.deepEqual(complete, { type: "catchup.complete", headSequence: last });
    assert.deepEqual(
      events.map((event) => event.sequence),
      Array.from({ length: last }, (_, index) => index + 1),
      "the whole log, messages too, dense",
    );
    assert.ok(events.some((event) => event.type === "message.received" && event.message.content.text === "hi"));
    assert.deepEqual(await all(im.events.catchUp(last)), [complete]);
    assert.equal((await all(im.events.catchUp(first))).length, 3000);
  });

  test("beyond the head, or of another log, is an error of its own and not bad input", async () => {
    for (const [afterwards, code] of [
      [10_000_000, "cursorAhead"],
      ["5@another-log", "logChanged"],
    ]) {
      for (const stream of [im.events.catchUp(afterwards), im.chats.subscribeEvents({ after: afterwards })]) {
        const error = await all(stream).catch((error) => error);
        assert.equal(error.constructor, IMessageError, `${error}`);
        assert.equal(error.code, code);
      }
    }
  });
});

describe("a stream", () => {
  test("has one consumer, and closing is safe to repeat", async () => {
    const stream = im.chats.subscribeEvents();
    const waiting = stream[Symbol.asyncIterator]().next();
    assert.throws(() => stream[Symbol.asyncIterator](), /consumer/);
    assert.throws(() => stream.on(() => {}), /consumer/);
    await stream.close();
    assert.deepEqual(await waiting, { done: true, value: undefined });
    await stream.close();
    const closed = im.chats.subscribeEvents();
    await closed.close();
    assert.throws(() => closed[Symbol.asyncIterator](), /closed/);
  });

  test("is closed by leaving the loop, at the server too", async () => {
    const sockets = new Set();
    const stream = im.chats.subscribeEvents({ after: 0 });
    for await (const event of stream) {
      sockets.add(event.type);
      break;
    }
    assert.throws(() => stream.on(() => {}));
    await assert.doesNotReject(im.chats.count());
  });

  test("filters, maps and takes", async () => {
    const stream = im.chats
      .subscribeEvents({ after: 0 })
      .filter((event) => event.type === "chat.archived")
      .map((event) => event.sequence)
      .take(3);
    const sequences = await all(stream);
    assert.equal(sequences.length, 3);
    assert.match(stream.cursor, new RegExp(`^${sequences[2]}@`), "all three were handled");
    assert.deepEqual(await all(im.chats.subscribeEvents({ after: 0 }).take(0)), []);
  });

  test("calls back, and waits for an asynchronous callback", async () => {
    const order = [];
    await new Promise((resolve, reject) => {
      const stop = im.chats.subscribeEvents({ after: 0 }).on(async (event) => {
        order.push(`begin ${event.sequence}`);
        await new Promise(setImmediate);
        order.push(`end ${event.sequence}`);
        if (order.length >= 6) {
          stop();
          resolve();
        }
      }, reject);
    });
    for (let index = 0; index < 6; index += 2) assert.equal(order[index].slice(6), order[index + 1].slice(4));
  });

  test("gives errors of a callback to onError and ends", async () => {
    const mistake = new Error("mine");
    const error = await new Promise((resolve) => {
      im.chats.subscribeEvents({ after: 0 }).on(() => {
        throw mistake;
      }, resolve);
    });
    assert.equal(error, mistake);
  });

  test("moves its cursor when the next event is asked for", async () => {
    const stream = im.chats.subscribeEvents({ after: 0 });
    const iterator = stream[Symbol.asyncIterator]();
    const [first] = await next(iterator);
    const sequence = () => Number(stream.cursor.split("@")[0]);
    assert.ok(sequence() < first.sequence, "given is not handled");
    const [second] = await next(iterator);
    assert.equal(sequence(), first.sequence);
    await iterator.return();
    assert.ok(sequence() < second.sequence, "left in the middle: the second comes again");
  });

  test("answers several next() in order", async () => {
    const iterator = im.chats.subscribeEvents({ after: 0 })[Symbol.asyncIterator]();
    const steps = await Promise.all(Array.from({ length: 600 }, () => iterator.next()));
    const sequences = steps.map(({ value }) => value.sequence);
    assert.deepEqual(sequences, [...sequences].sort((a, b) => a - b));
    assert.equal(new Set(sequences).size, 600);
    await iterator.return();
  });

  test("ends with the reason of its signal: aborted before, and while it waits", async () => {
    const reason = new Error("enough");
    await assert.rejects(all(im.chats.subscribeEvents({ signal: AbortSignal.abort(reason) })), reason);
    const controller = new AbortController();
    const stream = im.chats.subscribeEvents({ signal: controller.signal });
    await stream.ready;
    const waiting = all(stream);
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    controller.abort();
  });

  test("ends with the reason of its signal while it reconnects; after its end an abort changes nothing", async () => {
    const proxy = await startProxy(gateway.address);
    const client = createClient({ address: proxy.address, token: gateway.token });
    const controller = new AbortController();
    const stream = client.chats.subscribeEvents({ signal: controller.signal });
    await stream.ready;
    const over = client.chats.subscribeEvents({ signal: controller.signal });
    const nothing = all(over);
    await over.close();
    const reconnecting = new Promise((resolve) => {
      client.connection.on(({ state }) => state === "reconnecting" && resolve());
    });
    const waiting = all(stream);
    proxy.refusing = true;
    proxy.cut();
    await reconnecting;
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    assert.deepEqual(await nothing, []);
    await over.close();
    assert.equal(client.connection.state, "idle", "nobody is left who would need a connection");
    await client.close();
    await proxy.close();
  });

  test("can be made from any async iterable, to test code that takes one", async () => {
    let cleaned = 0;
    const numbers = new TypedEventStream(
      (async function* () {
        yield* [1, 2, 3, 4];
      })(),
      () => void (cleaned += 1),
    );
    assert.deepEqual(await all(numbers.filter((number) => number % 2 === 0)), [2, 4]);
    assert.equal(cleaned, 1);
    const silent = new TypedEventStream({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
    const waiting = all(silent);
    await silent.close();
    assert.deepEqual(await waiting, []);
  });
});

describe("the connection", () => {
  test("is one socket for all streams, and says what it is", async () => {
    const alone = createClient({ address: gateway.address, token: gateway.token });
    const states = [];
    const stop = alone.connection.on(({ state }) => states.push(state));
    assert.equal(alone.connection.state, "idle");
    const streams = [alone.chats.subscribeEvents(), alone.chats.subscribeEvents({ chat: chat.guid })];
    await Promise.all(streams.map((stream) => stream.ready));
    await toggle();
    for (const stream of streams) await all(stream.take(2));
    assert.equal(states[0], "connecting");
    assert.ok(states.includes("live"));
    await alone.close();
    assert.equal(alone.connection.state, "closed");
    stop();
  });

  test("outlives a moment without streams, as React's StrictMode mounts, unmounts and mounts", async () => {
    const proxy = await startProxy(gateway.address);
    const client = createClient({ address: proxy.address, token: gateway.token });
    for (let mount = 0; mount < 3; mount += 1) {
      const stream = client.chats.subscribeEvents();
      await stream.ready;
      await stream.close();
    }
    assert.equal(proxy.accepted, 1, "connections made");
    await client.close();
    await proxy.close();
  });

  test("a wrong token ends a stream with AuthenticationError, after a second attempt", async () => {
    let asked = 0;
    const wrong = createClient({ address: gateway.address, token: () => `wrong-${++asked}` });
    await assert.rejects(all(wrong.chats.subscribeEvents()), AuthenticationError);
    assert.equal(asked, 2);
    assert.equal(wrong.connection.state, "failed");
    await wrong.close();
  });

  test("survives kill -9 of the server: nothing lost, nothing twice", async () => {
    const data = await mkdtemp(join(tmpdir(), "im-chats-kill-"));
    let server = await startGateway({ data });
    const { host } = new URL(server.address);
    const again = () => startGateway({ data, token: server.token, listen: host });
    const client = createClient({ address: server.address, token: server.token });
    await client.chats.create(["alice@example.com"]);
    const stream = client.chats.subscribeEvents();
    await stream.ready;
    const events = [];
    const reading = (async () => {
      for await (const event of stream) {
        events.push(event.sequence);
        if (events.length === 6000) break;
      }
    })();
    for (let round = 0; round < 3; round += 1) {
      await elsewhere("events:generate", { count: 2000 }, server);
      await server.kill();
      server = await again();
    }
    await reading;
    assert.deepEqual(events, Array.from({ length: 6000 }, (_, index) => index + events[0]));
    await client.close();
    await server.stop();
    await rm(data, { recursive: true, force: true });
  });

  test("without resume a cut ends the stream with ConnectionError", async () => {
    const server = await startGateway();
    const client = createClient({ address: server.address, token: server.token });
    const stream = client.chats.subscribeEvents({ resume: false });
    await stream.ready;
    const cut = (error) => error instanceof ConnectionError && error.code === "networkError" && error.retryable;
    const reading = assert.rejects(all(stream), cut);
    await server.kill();
    await reading;
    await client.close();
  });
});
