// Streams as iterators: however next(), return(), close() and signals are mixed, everything that was asked for is answered; and wrong
// use is an error at once.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { createClient, IMessageError, TypedEventStream, ValidationError } from "im-chats";

import { startGateway } from "../support/gateway.mjs";

let gateway;
let im;

before(async () => {
  gateway = await startGateway();
  im = createClient({ address: gateway.address, token: gateway.token });
  await im.chats.create(["alice@example.com"]);
  const [status] = await gateway.call("POST", "/emulator/v1/events:generate", { count: 300 });
  assert.equal(status, 200);
});

after(async () => {
  await im.close();
  await gateway.stop();
});

const END = { done: true, value: undefined };

/** A small random generator, so that a failing run can be repeated by its seed. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Fails when a promise never settles. */
async function settled(promises, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: something was never answered`)), 20_000);
  });
  try {
    return await Promise.race([Promise.allSettled(promises), late]);
  } finally {
    clearTimeout(timer);
  }
}

const numbers = async function* (count) {
  for (let number = 1; number <= count; number += 1) {
    if (number % 3 === 0) await new Promise(setImmediate);
    yield { sequence: number };
  }
};

const silent = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });

const sources = {
  "a generator": () => new TypedEventStream(numbers(7)),
  "an iterator that never answers": () => new TypedEventStream(silent()),
  "an iterator that fails": () => new TypedEventStream({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("its own")) }) }),
  "an iterator that throws": () => new TypedEventStream({ [Symbol.asyncIterator]: () => ({ next() { throw new Error("its own"); }, return() { throw new Error("its own"); } }) }),
  "a live stream": (signal) => im.chats.subscribeEvents({ after: 0, signal }),
  "a live stream without events": (signal) => im.chats.subscribeEvents({ signal }),
  "a catch-up": (signal) => im.events.catchUp(0, { signal }),
  "a stream that is refused": (signal) => im.chats.subscribeEvents({ after: "5@another-log", signal }),
};

const derivations = {
  "": (stream) => stream,
  ", filtered": (stream) => stream.filter(({ sequence }) => sequence % 2 === 0),
  ", mapped": (stream) => stream.map((event) => event),
  ", taken": (stream) => stream.take(3),
  ", filtered by what fails": (stream) => stream.filter(() => assert.fail("mine")),
  ", all of it": (stream) => stream.filter(() => true).map((event) => event).take(5).filter(() => true),
};

describe("any mixture of next(), return(), close() and a signal is answered", () => {
  for (const [source, make] of Object.entries(sources)) {
    for (const [derivation, derive] of Object.entries(derivations)) {
      test(source + derivation, async () => {
        for (let seed = 1; seed <= 12; seed += 1) {
          const below = random(seed);
          const controller = new AbortController();
          const parent = make(controller.signal);
          const stream = derive(parent);
          const iterator = stream[Symbol.asyncIterator]();
          const asked = [];
          const ask = (promise) => {
            promise.catch(() => {});
            asked.push(promise);
          };
          ask(parent.ready);
          ask(stream.ready);
          const events = [];
          for (let step = 0; step < 12; step += 1) {
            const chosen = below(16);
            if (chosen < 10) ask(iterator.next().then((result) => (events.push(result), result)));
            else if (chosen === 10) ask(iterator.return());
            else if (chosen === 11) ask(stream.close());
            else if (chosen === 12) ask(parent.close());
            else if (chosen === 13) controller.abort(new Error("aborted"));
            else await new Promise(setImmediate);
          }
          ask(stream.close());
          await settled(asked, `seed ${seed}`);
          await settled([iterator.next(), iterator.next()], `seed ${seed}, after the end`);
          assert.deepEqual(await iterator.next(), END, `seed ${seed}`);
          const firstEnd = events.findIndex(({ done }) => done);
          if (firstEnd >= 0) assert.ok(events.slice(firstEnd).every(({ done }) => done), `seed ${seed}: an event after the end`);
          const sequences = events.filter(({ done }) => !done).map(({ value }) => value.sequence ?? Infinity);
          assert.deepEqual(sequences, [...sequences].sort((a, b) => a - b), `seed ${seed}: the order`);
        }
      });
    }
  }

  test("two that wait, and the end: both have it", async () => {
    for (const make of [sources["an iterator that never answers"], sources["a live stream without events"]]) {
      const stream = make();
      const iterator = stream[Symbol.asyncIterator]();
      const waiting = [iterator.next(), iterator.next(), iterator.next()];
      assert.deepEqual(await iterator.return(), END);
      assert.deepEqual(await Promise.all(waiting), [END, END, END]);
    }
  });

  test("a cleanup runs once, and what it throws reaches the caller of close", async () => {
    let cleaned = 0;
    const stream = new TypedEventStream(silent(), async () => {
      cleaned += 1;
    });
    const iterator = stream[Symbol.asyncIterator]();
    await Promise.all([iterator.return(), stream.close(), stream.close()]);
    assert.equal(cleaned, 1);
    const mistake = new Error("mine");
    const failing = new TypedEventStream(silent(), () => Promise.reject(mistake));
    await assert.rejects(failing.close(), mistake);
  });
});

describe("wrong use is a ValidationError at once", () => {
  const wrong = (act, field, pattern = /./) =>
    assert.throws(act, (error) => {
      assert.ok(error instanceof ValidationError, `${error?.stack}`);
      assert.equal(error.context.field, field);
      assert.match(error.message, pattern);
      return true;
    });

  test("no function, no count, no iterable", async () => {
    const stream = im.chats.subscribeEvents({ after: 0 });
    for (const bad of [undefined, null, 5, "type", {}, []]) {
      wrong(() => stream.filter(bad), "predicate");
      wrong(() => stream.map(bad), "transform");
      wrong(() => stream.on(bad), "callback");
      if (bad !== undefined) wrong(() => stream.on(() => {}, bad), "onError");
      wrong(() => new TypedEventStream(bad), "source");
      if (bad !== undefined) wrong(() => new TypedEventStream(numbers(1), bad), "cleanup");
    }
    for (const bad of [1.5, NaN, "2", undefined, null, {}, 2n, -Infinity]) wrong(() => stream.take(bad), "count");
    // None of it took the stream.
    const iterator = stream.take(Infinity)[Symbol.asyncIterator]();
    assert.equal((await iterator.next()).done, false);
    await iterator.return();
  });

  test("a second consumer, and one of a closed stream", async () => {
    const refused = (error) => {
      assert.ok(error instanceof ValidationError, `${error}`);
      assert.equal(error.code, "preconditionFailed");
      return true;
    };
    const stream = im.chats.subscribeEvents();
    const derived = stream.filter(() => true);
    stream[Symbol.asyncIterator]();
    assert.throws(() => stream[Symbol.asyncIterator](), refused);
    assert.throws(() => stream.on(() => {}), refused);
    await assert.rejects(derived[Symbol.asyncIterator]().next(), refused);
    await stream.close();
    const closed = im.chats.subscribeEvents();
    await closed.close();
    assert.throws(() => closed[Symbol.asyncIterator](), refused);
    assert.throws(() => closed.on(() => {}), refused);
  });
});

describe("an iterable with methods of our names", () => {
  test("is an iterable like any other", async () => {
    const source = Object.assign(numbers(3), { acknowledge: "no", ready: 1, cursor: 2 });
    const seen = [];
    for await (const { sequence } of new TypedEventStream(source)) seen.push(sequence);
    assert.deepEqual(seen, [1, 2, 3]);
    assert.ok(IMessageError);
  });
});

describe("a stream made of an iterable", () => {
  test("gives the error of its iterable to the loop", async () => {
    const mistake = new Error("its own");
    const failing = async function* () {
      yield 1;
      await null;
      throw mistake;
    };
    const seen = [];
    await assert.rejects(
      async () => {
        for await (const number of new TypedEventStream(failing())) seen.push(number);
      },
      (error) => error === mistake,
    );
    assert.deepEqual(seen, [1]);
  });
});
