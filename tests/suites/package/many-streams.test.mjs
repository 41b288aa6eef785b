// A page with one stream per chat: thousands of streams on one client, and which error the one beyond the server's limit gets.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createClient, RateLimitError } from "im-chats";

import { startGateway } from "../support/gateway.mjs";
import { startProxy } from "../support/proxy.mjs";
import { eventually } from "../support/until.mjs";

const CHATS = 1_000;

describe("one stream per chat", () => {
  test("a thousand on one socket all get their events, and all go on after a cut", { timeout: 120_000 }, async (context) => {
    const gateway = await startGateway();
    context.after(() => gateway.stop());
    const proxy = await startProxy(gateway.address);
    context.after(() => proxy.close());
    const direct = createClient({ address: gateway.address, token: gateway.token });
    const im = createClient({ address: proxy.address, token: gateway.token });
    context.after(() => im.close());
    const guids = Array.from({ length: CHATS }, (_, index) => `any;-;person${index}@example.com`);
    for (let from = 0; from < CHATS; from += 50) {
      await Promise.all(guids.slice(from, from + 50).map((guid) => direct.chats.create([guid.slice(6)])));
    }
    const streams = guids.map((chat) => im.chats.subscribeEvents({ chat }));
    await Promise.all(streams.map((stream) => stream.ready));
    assert.equal(proxy.accepted, 1, "sockets");
    const archive = async (what, chosen) => {
      for (let from = 0; from < chosen.length; from += 50) {
        const some = chosen.slice(from, from + 50);
        await Promise.all(some.map((chatGuid) => gateway.call("POST", `/emulator/v1/chats:${what}`, { chatGuid })));
      }
    };
    const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
    const expectAll = async (type) => {
      const steps = await Promise.all(iterators.map((iterator) => iterator.next()));
      steps.forEach(({ value }, index) => assert.deepEqual([value.type, value.chatGuid], [type, guids[index]]));
    };
    await archive("archive", guids);
    await expectAll("chat.archived");
    proxy.cut();
    await archive("unarchive", guids);
    await expectAll("chat.unarchived");
    await eventually("it is live", 20_000, () => im.connection.state === "live");
  });
});

describe("the stream beyond what the server allows one client", () => {
  test("ends with a RateLimitError that says the limit and what to do; the others go on, and one that ends makes room", async (context) => {
    const gateway = await startGateway({ args: ["--max-subscriptions", "2"] });
    context.after(() => gateway.stop());
    const im = createClient({ address: gateway.address, token: gateway.token });
    context.after(() => im.close());
    const { chat } = await im.chats.create(["alice@example.com"]);
    const [first, second] = [im.chats.subscribeEvents({ chat: chat.guid }), im.chats.subscribeEvents()];
    await Promise.all([first.ready, second.ready]);
    const refused = (error) => {
      assert.ok(error instanceof RateLimitError, `${error}`);
      assert.deepEqual([error.code, error.context.limit, error.retryable], ["subscriptionLimitExceeded", "2", false]);
      assert.match(error.message, /one stream of all chats/);
      return true;
    };
    const third = im.chats.subscribeEvents();
    await assert.rejects(third.ready, refused);
    await assert.rejects(third[Symbol.asyncIterator]().next(), refused);
    await assert.rejects(im.events.catchUp().ready, refused);
    await gateway.call("POST", "/emulator/v1/chats:archive", { chatGuid: chat.guid });
    for (const stream of [first, second]) {
      for await (const event of stream.take(1)) assert.equal(event.type, "chat.archived");
    }
    await im.chats.subscribeEvents().ready;
  });

  test("also of streams that were opened before the limit was known", async (context) => {
    const gateway = await startGateway({ args: ["--max-subscriptions", "2"] });
    context.after(() => gateway.stop());
    const im = createClient({ address: gateway.address, token: gateway.token });
    context.after(() => im.close());
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => im.chats.subscribeEvents().ready));
    assert.deepEqual(
      outcomes.map(({ status, reason }) => reason?.code ?? status),
      ["fulfilled", "fulfilled", "subscriptionLimitExceeded", "subscriptionLimitExceeded"],
    );
  });
});
