// The stores that keep a cursor: when they load and save, and the errors of one that fails or does not answer.

import assert from "node:assert/strict";
import { lstat, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, test } from "node:test";

import { AuthenticationError, ConnectionError, fileCursor, IMessageError, storageCursor, ValidationError } from "im-chats";

import { ends, folder, gateway, im, memory, program, renewClient, sequenceOf, toggle } from "./cursors.mjs";

describe("a store", () => {
  test("is given the cursor at ready, and when it is not saved there is no ready", async () => {
    const store = memory();
    const stream = im.chats.subscribeEvents({ cursor: store });
    await stream.ready;
    assert.deepEqual(store.saves, [stream.cursor]);
    await stream.close();
    assert.equal(store.saves.length, 1, "what did not move is not saved again");
  });

  test("is saved to at most a few times a second, one save at a time, and never past an unfinished event", async () => {
    const store = memory();
    await program(store, 0);
    const [, { first, last }] = await gateway.call("POST", "/emulator/v1/events:generate", { count: 5000 });
    let running = 0;
    let handling = first;
    const save = store.save;
    store.save = async (cursor) => {
      assert.equal((running += 1), 1, "one at a time");
      assert.ok(sequenceOf(cursor) < handling, "never past the event that is being handled");
      await new Promise(setImmediate);
      await save(cursor);
      running -= 1;
    };
    const began = Date.now();
    const before = store.saves.length;
    const stream = im.chats.subscribeEvents({ cursor: store });
    for await (const event of stream) {
      handling = event.sequence;
      if (event.sequence >= last) {
        void stream.close();
      }
      // The loop asks for the next event: this one is handled.
      handling = event.sequence + 1;
    }
    const took = Date.now() - began;
    assert.equal(sequenceOf(store.saved), last);
    const saves = store.saves.length - before;
    assert.ok(saves <= took / 250 + 3, `${saves} saves in ${took} ms`);
  });

  test("that is empty begins at `after`, later where it was; also for a catch-up", async () => {
    await toggle(2);
    const store = memory();
    const events = [];
    for await (const event of im.events.catchUp(0, { cursor: store })) events.push(event);
    const complete = events.pop();
    assert.equal(complete.type, "catchup.complete");
    assert.ok(events.length >= 4);
    assert.equal(sequenceOf(store.saved), complete.headSequence);
    await toggle();
    const later = [];
    for await (const event of im.events.catchUp(undefined, { cursor: store })) later.push(event.type);
    assert.deepEqual(later, ["chat.archived", "chat.unarchived", "catchup.complete"]);
    const live = im.chats.subscribeEvents({ after: complete.headSequence, cursor: memory() });
    const iterator = live[Symbol.asyncIterator]();
    assert.equal((await iterator.next()).value.sequence, complete.headSequence + 1);
    await iterator.return();
  });

  test("of the browser's kind keeps it under its key", async () => {
    const items = new Map();
    const storage = { getItem: (key) => items.get(key) ?? null, setItem: (key, value) => void items.set(key, value) };
    const store = storageCursor(storage, "im-chats.cursor");
    assert.deepEqual(await program(store, 0), []);
    await toggle();
    const seen = await program(store, 2, ends["stream.close() while an event is handled"]);
    assert.equal(sequenceOf(items.get("im-chats.cursor")), seen[1]);
  });

  test("of a file replaces it as a whole, and leaves nothing beside it", async () => {
    for (const path of [join(folder, "cursor"), pathToFileURL(join(folder, "other"))]) {
      const store = fileCursor(path);
      assert.equal(await store.load(), undefined);
      await store.save("7@log");
      await store.save("8@log");
      assert.equal(await store.load(), "8@log");
      assert.equal(await readFile(path, "utf8"), "8@log\n");
    }
    assert.deepEqual((await readdir(folder)).sort(), ["cursor", "other"]);
  });
});

describe("a file of a cursor", () => {
  test("serves streams that follow each other at once", async () => {
    const file = join(folder, "cursor");
    const ended = [];
    for (let round = 0; round < 60; round += 1) {
      const controller = new AbortController();
      const stream = im.chats.subscribeEvents({ cursor: fileCursor(file), signal: controller.signal });
      ended.push(assert.rejects(stream[Symbol.asyncIterator]().next(), (error) => error.name === "AbortError" || assert.fail(error)));
      // Every other one is aborted while it saves its first cursor.
      if (round % 2 === 0) await stream.ready;
      else await new Promise((resolve) => setTimeout(resolve, round / 10));
      controller.abort();
    }
    await Promise.all(ended);
    await im.close();
    assert.deepEqual(await readdir(folder), ["cursor"]);
  });

  test("is written in the order of the saves, also by stores that do not know each other", async () => {
    const file = join(folder, "cursor");
    await Promise.all(Array.from({ length: 20 }, (_, index) => fileCursor(index % 2 ? file : pathToFileURL(file)).save(`${index}@log`)));
    assert.equal(await fileCursor(file).load(), "19@log");
    const late = fileCursor(file).save("20@log");
    assert.equal(await fileCursor(file).load(), "20@log", "a load waits for the save before it");
    await late;
    assert.deepEqual(await readdir(folder), ["cursor"]);
  });

  test("stays a symbolic link, also one to a file that does not exist yet", async () => {
    const link = join(folder, "link");
    await symlink("target", link);
    for (const cursor of ["7@log", "8@log"]) {
      await fileCursor(link).save(cursor);
      assert.ok((await lstat(link)).isSymbolicLink());
      assert.equal(await readFile(join(folder, "target"), "utf8"), `${cursor}\n`);
    }
    assert.deepEqual((await readdir(folder)).sort(), ["link", "target"]);
  });

  test("is named by a URL of a file and nothing more", () => {
    for (const url of ["file:///d/c?x=1", "file:///d/c#x", "file:///d/a%2Fb", "https://example.com/c"]) {
      assert.throws(() => fileCursor(new URL(url)), (error) => error instanceof ValidationError && error.context.field === "path", url);
    }
  });
});

/** Shortens the time that a store has, and tells of the timers that still run for it. */
function hurry(context) {
  const { setTimeout: begin, clearTimeout: end } = globalThis;
  const running = new Set();
  const began = [];
  globalThis.setTimeout = (act, delay, ...input) => {
    const isLimit = delay >= 10_000 && new Error().stack.includes("cursor-store.js");
    const timer = begin(() => (running.delete(timer), act(...input)), isLimit ? 100 : delay);
    if (isLimit) running.add(timer), began.push(delay);
    return timer;
  };
  globalThis.clearTimeout = (timer) => (running.delete(timer), end(timer));
  context.after(() => Object.assign(globalThis, { setTimeout: begin, clearTimeout: end }));
  return { running, began };
}

const isLate = (what) => (error) => {
  assert.ok(error instanceof ConnectionError, `${error}`);
  assert.deepEqual([error.code, error.context.field], ["timeout", "cursor"]);
  assert.match(error.message, new RegExp(`^cursor: could not be ${what} within`));
  return true;
};

describe("a store that does not answer", () => {
  const never = () => new Promise(() => {});
  /** A stream that handled an event which its store does not save. */
  async function stuck(save = never, options = {}) {
    await renewClient();
    const store = memory();
    const stream = im.chats.subscribeEvents({ ...options, cursor: store });
    await stream.ready;
    store.save = save;
    await toggle();
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.next();
    return { stream, iterator };
  }

  test("holds up no way out: its time is limited", async (context) => {
    const { began } = hurry(context);
    let { stream, iterator } = await stuck();
    await assert.rejects(stream.close(), isLate("saved"));
    await stream.close();
    assert.deepEqual([...new Set(began)].sort(), [10_000, 30_000]);
    ({ stream } = await stuck());
    await assert.rejects(im.close(), isLate("saved"));
    ({ iterator } = await stuck());
    await assert.rejects(iterator.next(), isLate("saved"));
    const controller = new AbortController();
    ({ iterator } = await stuck(never, { signal: controller.signal }));
    controller.abort();
    await assert.rejects(iterator.next(), isLate("saved"));
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  });

  test("from the beginning ends the stream before it is ready", async (context) => {
    hurry(context);
    await assert.rejects(im.chats.subscribeEvents({ cursor: { load: never, save() {} } }).ready, isLate("loaded"));
    await assert.rejects(im.chats.subscribeEvents({ cursor: { load() {}, save: never } }).ready, isLate("saved"));
  });

  test("leaves no timer behind, whether it answers or its stream ends", async (context) => {
    const { running, began } = hurry(context);
    await program(memory(), 0);
    assert.ok(began.length >= 2);
    assert.equal(running.size, 0, "after a good end");
    const asked = new Promise((resolve) => {
      const stream = im.chats.subscribeEvents({ cursor: { load: () => (resolve(stream), never()), save() {} } });
    });
    await (await asked).close();
    await new Promise(setImmediate);
    assert.equal(running.size, 0, "after a stream that ended while it was loaded");
  });
});

describe("a store whose save closes", () => {
  for (const [name, close] of [
    ["its stream", (stream) => stream.close()],
    ["its client", () => im.close()],
  ]) {
    test(`${name} is called once at a time, and the close succeeds`, async () => {
      let running = 0;
      let most = 0;
      let closing;
      const stream = im.chats.subscribeEvents({
        cursor: {
          load() {},
          save() {
            most = Math.max(most, (running += 1));
            closing ??= close(stream);
            running -= 1;
          },
        },
      });
      await assert.rejects(stream.ready);
      assert.equal(most, 1);
      await closing;
      await stream.close();
    });

    test(`${name} and waits for that runs out of time`, async (context) => {
      hurry(context);
      const stream = im.chats.subscribeEvents({ cursor: { load() {}, save: () => close(stream) } });
      await assert.rejects(stream[Symbol.asyncIterator]().next(), isLate("saved"));
    });
  }
});

describe("a store that fails ends the stream with a clear error", () => {
  const about = (error, pattern) => {
    assert.ok(error instanceof IMessageError, `${error}`);
    assert.deepEqual([error.context.field, error.retryable], ["cursor", false]);
    assert.match(error.message, pattern);
    return true;
  };
  const refused = async (cursor, pattern) => {
    const stream = im.chats.subscribeEvents({ cursor });
    const error = await stream.ready.then(() => assert.fail("ready"), (error) => error);
    about(error, pattern);
    await assert.rejects(stream[Symbol.asyncIterator]().next(), (thrown) => thrown === error);
    return error;
  };

  test("when it holds garbage, which stays as it is", async () => {
    const file = join(folder, "cursor");
    for (const garbage of ["", "\n", "hello", "12", "@", "5@", "-1@log", "9007199254740992@log", "1@log".repeat(100), "{}"]) {
      await writeFile(file, garbage);
      const error = await refused(fileCursor(file), /cursor/);
      assert.ok(error instanceof ValidationError, `${JSON.stringify(garbage)}: ${error}`);
      assert.equal(await readFile(file, "utf8"), garbage);
    }
    for (const garbage of [5, true, {}, []]) assert.ok((await refused(memory(garbage), /cursor/)) instanceof ValidationError);
  });

  test("when it belongs to another log", async () => {
    const stream = im.chats.subscribeEvents({ cursor: memory("5@another-log") });
    await assert.rejects(stream.ready, (error) => error.code === "logChanged");
  });

  test("when it cannot be read", async () => {
    const cause = new Error("no disk");
    const error = await refused({ load: () => Promise.reject(cause), save() {} }, /could not be loaded: no disk/);
    assert.equal(error.cause, cause);
    await refused(fileCursor(folder), /could not be loaded: EISDIR/);
    await refused({ load() { throw Object.create(null); }, save() {} }, /could not be loaded/);
  });

  test("when it throws an error of this package: as its cause, with its code", async () => {
    const cause = new AuthenticationError("the database's password", { code: "tokenExpired", grpcCode: 16, retryable: false, context: { row: "7" } });
    const fail = () => {
      throw cause;
    };
    for (const store of [{ load: fail, save() {} }, { load() {}, save: fail }]) {
      const error = await refused(store, /could not be (loaded|saved): the database's password/);
      assert.deepEqual([error.name, error.code, error.cause, error.context.row], ["IMessageError", "tokenExpired", cause, "7"]);
    }
  });

  test("when it cannot be saved to from the beginning", async () => {
    await refused({ load() {}, save: () => Promise.reject(new Error("quota")) }, /could not be saved: quota/);
    await refused({ load() {}, save() { throw new Error("quota"); } }, /could not be saved: quota/);
    await refused(fileCursor(join(folder, "nowhere", "cursor")), /could not be saved: ENOENT/);
  });

  test("when it cannot be saved to later: in the loop, and the cursor that was saved last stays", async () => {
    const store = memory();
    await program(store, 0);
    const good = store.saved;
    const stream = im.chats.subscribeEvents({ cursor: store });
    await stream.ready;
    store.save = () => Promise.reject(new Error("disk full"));
    await toggle();
    const loop = async () => {
      for await (const event of stream) void event;
    };
    await assert.rejects(loop(), (error) => about(error, /could not be saved: disk full/));
    assert.equal(store.saved, good);
    await im.close();
  });

  for (const [name, close] of [
    ["stream.close()", (stream) => stream.close()],
    ["im.close()", () => im.close()],
  ]) {
    test(`when the last save fails: by ${name}, once`, async () => {
      const store = memory();
      await program(store, 0);
      const stream = im.chats.subscribeEvents({ cursor: store });
      await stream.ready;
      await toggle();
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      store.save = () => Promise.reject(new Error("disk full"));
      // The one that follows `ready` at once may still be waiting for its turn.
      await iterator.next();
      await assert.rejects(close(stream), (error) => about(error, /could not be saved: disk full/));
      await stream.close();
    });
  }

  test("by the callback for errors, when there is one", async () => {
    const store = memory();
    await program(store, 0);
    await toggle();
    const stream = im.chats.subscribeEvents({ cursor: store });
    await stream.ready;
    store.save = () => Promise.reject(new Error("disk full"));
    const error = await new Promise((resolve) => stream.on(() => {}, resolve));
    about(error, /disk full/);
  });

  test("when it is none", async () => {
    for (const cursor of [null, 5, "cursor.txt", {}, { load() {} }, { save() {} }, []]) {
      assert.ok((await refused(cursor, /expected a store/)) instanceof ValidationError);
      const caught = im.events.catchUp(undefined, { cursor });
      await assert.rejects(caught.ready, ValidationError);
    }
    for (const make of [
      () => fileCursor(),
      () => fileCursor(""),
      () => fileCursor(5),
      () => fileCursor(new URL("https://example.com/x")),
      () => storageCursor(),
      () => storageCursor({}, "key"),
      () => storageCursor({ getItem() {}, setItem() {} }),
      () => storageCursor({ getItem() {}, setItem() {} }, ""),
    ]) {
      assert.throws(make, (error) => error instanceof ValidationError && /^(path|storage|key)$/.test(error.context.field));
    }
  });
});
