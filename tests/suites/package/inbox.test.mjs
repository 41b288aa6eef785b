// The inbox, on a client that the test plays the server of.

import assert from "node:assert/strict";
import { after, describe, mock, test } from "node:test";

import { ErrorCode, IMessageError, NotFoundError, TypedEventStream, ValidationError } from "im-chats";
import { createInbox } from "im-chats/inbox";

import { at, chat, FakeClient, message, settle, summary } from "../support/fake-client.mjs";
import { eventually } from "../support/until.mjs";

const open = [];
after(() => open.forEach((inbox) => inbox.close()));

/** An inbox on a client that holds these chats. */
const start = (chats = [], { options, ...more } = {}) => {
  const client = new FakeClient(TypedEventStream, more);
  client.missing = (guid) => new NotFoundError(`no chat ${guid}`, { code: ErrorCode.chatNotFound, grpcCode: 5, retryable: false });
  for (const each of chats) client.held.set(each.guid, each);
  const inbox = createInbox(client, options);
  open.push(inbox);
  return { client, inbox };
};

/** Watches a view, and keeps how often its listener was called. */
const watch = (view) => {
  const watched = { calls: 0 };
  watched.stop = view.subscribe(() => watched.calls++);
  return watched;
};

/** The first state of a view for which `is` holds. */
const state = (view, is, what = String(is)) => eventually(what, 20_000, () => is(view.get()) && view.get());
const ready = (view) => state(view, ({ status }) => status === "ready");
const guids = ({ chats }) => chats.map(({ guid }) => guid);

describe("the chats", () => {
  test("are read once the stream is ready, and not before", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    client.isReady = false;
    const view = inbox.chats();
    assert.deepEqual([view.get().status, view.get().chats], ["loading", []]);
    await settle();
    assert.equal(client.streams.length, 0, "nothing is opened for what nobody looks at");
    watch(view);
    await settle();
    assert.deepEqual([client.streams.length, client.calls], [1, []]);
    client.stream.ready();
    assert.deepEqual(guids(await ready(view)), ["a"]);
    assert.deepEqual(client.calls, ["list"]);
  });

  test("stand in the order of their activity, and a message takes its chat to the top without a request", async () => {
    const { client, inbox } = start([chat("a", 1), chat("b", 3), chat("c", 2)]);
    const view = inbox.chats();
    const watched = watch(view);
    const before = await ready(view);
    assert.deepEqual(guids(before), ["b", "c", "a"]);
    watched.calls = 0;
    const landed = message("m", 10);
    client.receive("a", landed);
    const now = await state(view, (state) => state !== before);
    assert.deepEqual(guids(now), ["a", "b", "c"]);
    assert.deepEqual(now.chats[0], { ...chat("a", 1), unreadCount: 1, lastMessage: summary(landed) });
    assert.equal(now.chats[1], before.chats[0], "a chat that did not change is the same object");
    assert.equal(now.chats[2], before.chats[1]);
    assert.equal(watched.calls, 1);
    assert.deepEqual(client.calls, ["list"]);
    client.receive("a", message("mine", 11, { isFromMe: true }));
    assert.equal((await state(view, (state) => state !== now)).chats[0].unreadCount, 1, "a message of this account is not unread");
  });

  test("are in one order with those that have the same time and those that have no message", async () => {
    const { inbox } = start([chat("a", 5), chat("b", 5), chat("c"), chat("d")]);
    watch(inbox.chats());
    assert.deepEqual(guids(await ready(inbox.chats())), ["b", "a", "d", "c"]);
  });

  test("are called about once a frame, however many events come", async () => {
    const { client, inbox } = start([chat("a", 1), chat("b", 2)]);
    const view = inbox.chats();
    await ready((watch(view), view));
    const watched = watch(view);
    for (let index = 0; index < 1_000; index++) client.receive(index % 2 ? "a" : "b", message(`m${index}`, 10 + index));
    await state(view, ({ chats }) => chats[0].unreadCount === 500 && chats[1].unreadCount === 500);
    assert.ok(watched.calls <= 3, `${watched.calls} calls`);
    assert.deepEqual(client.calls, ["list"]);
  });

  test("enter and leave the list with the archive", async () => {
    const { client, inbox } = start([chat("a", 1), chat("b", 2), chat("old", 3, { isArchived: true })]);
    watch(inbox.chats());
    watch(inbox.chats({ archived: true }));
    await ready(inbox.chats());
    assert.deepEqual(guids(await ready(inbox.chats({ archived: true }))), ["old"]);
    client.emit("chat.archived", "b");
    client.emit("chat.unarchived", "old");
    await state(inbox.chats(), (state) => String(guids(state)) === "old,a");
    await state(inbox.chats({ archived: true }), (state) => String(guids(state)) === "b");
    assert.deepEqual(client.calls.sort(), ["list", "list archived"]);
  });

  test("that are not held are read, each once, four at a time", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    await ready((watch(inbox.chats()), inbox.chats()));
    let running = 0;
    let most = 0;
    client.onCall = async () => {
      most = Math.max(most, ++running);
      await settle();
      running -= 1;
    };
    for (let index = 0; index < 20; index++) client.held.set(`n${index}`, chat(`n${index}`, 20 + index));
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 20; index++) client.emit("message.received", `n${index}`, { message: message(`last of n${index}`, 20 + index) });
    }
    const { chats } = await state(inbox.chats(), ({ chats }) => chats.length === 21);
    assert.deepEqual([chats[0].guid, chats[19].guid, chats[20].guid], ["n19", "n0", "a"]);
    assert.equal(most, 4);
    assert.equal(client.calls.length, 21, client.calls.join());
  });

  test("that changed while they were read are read once more", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    const renamed = () => client.emit("group.changed", "a", { change: { type: "displayNameChanged", displayName: "new" }, isFromMe: true });
    let answer;
    client.onCall = async (what) => {
      if (what === "list") renamed();
      else await new Promise((resolve) => (answer = resolve));
      await settle();
    };
    watch(inbox.chats());
    const first = await ready(inbox.chats());
    assert.equal(first.chats[0].displayName, "new", "the event counts although the answer does not have it");
    client.held.set("a", chat("a", 1, { displayName: "newest" }));
    answer();
    await state(inbox.chats(), ({ chats }) => chats[0].displayName === "newest");
    assert.deepEqual(client.calls, ["list", "get a"]);
  });

  test("do not count an event twice that the server had when it answered", async () => {
    const { client, inbox } = start([chat("a", 12, { unreadCount: 2 })]);
    await ready((watch(inbox.chats()), inbox.chats()));
    client.emit("message.received", "a", { message: message("earlier", 11) }, 11);
    client.emit("chat.markedRead", "a", {}, 10);
    client.emit("message.received", "a", { message: message("last of a", 12) }, 12);
    client.emit("group.changed", "a", { change: { type: "displayNameChanged", displayName: "x" } });
    const { chats } = await state(inbox.chats(), ({ chats }) => chats[0].displayName === "x");
    assert.deepEqual([chats[0].unreadCount, chats[0].lastMessage.guid], [2, "last of a"]);
  });

  test("come page by page, and one that is not listed yet comes with its message", async () => {
    const all = Array.from({ length: 25 }, (_, index) => chat(`c${String(index).padStart(2, "0")}`, 100 - index));
    const { client, inbox } = start(all, { options: { chatsPerPage: 10 } });
    const view = inbox.chats();
    await ready((watch(view), view));
    assert.deepEqual([view.get().chats.length, view.get().hasMore], [10, true]);
    client.receive("c20", message("m", 200));
    await state(view, ({ chats }) => chats[0].guid === "c20");
    assert.equal(view.get().chats.length, 11);
    client.emit("chat.markedRead", "c15");
    await view.get().loadMore();
    await state(view, ({ chats }) => chats.length === 21);
    const { hasMore } = view.get();
    assert.equal(hasMore, true);
    await view.get().loadMore();
    await state(view, ({ hasMore }) => !hasMore);
    assert.deepEqual(guids(view.get()), ["c20", ...all.map(({ guid }) => guid).filter((guid) => guid !== "c20")]);
    assert.deepEqual(client.calls.filter((call) => call.startsWith("get")).sort(), ["get c15", "get c20"], "one that had an event before it was listed is read");
  });

  for (const chatsPerPage of [1, 50]) {
    test(`that come up after their page was read are listed, of a list of ${chatsPerPage} a page`, async () => {
      const { client, inbox } = start([chat("a", 1), chat("b", 2)], { options: { chatsPerPage } });
      const { list } = client.chats;
      let next = 10;
      client.chats.list = async function* (options) {
        const answer = [];
        for await (const each of list(options)) answer.push(each);
        // It is on its way when this happens.
        const guid = `new at ${next}`;
        client.held.set(guid, chat(guid, next));
        client.emit("message.received", guid, { message: message(`last of ${guid}`, next) }, next++);
        await settle();
        yield* answer;
      };
      const view = inbox.chats();
      watch(view);
      await state(view, ({ chats }) => chats.some(({ guid }) => guid === "new at 10"));
      await view.get().reload();
      await state(view, ({ chats }) => chats[0].guid === "new at 11" && chats[1].guid === "new at 10");
      assert.deepEqual(client.calls.filter((call) => call.startsWith("get")), ["get new at 10", "get new at 11"]);
    });
  }

  test("are those of now once loadMore or reload has resolved", async () => {
    const { client, inbox } = start(Array.from({ length: 5 }, (_, index) => chat(`c${index}`, 100 - index)), { options: { chatsPerPage: 2, messagesPerPage: 2 } });
    client.kept.set("c0", Array.from({ length: 5 }, (_, index) => message(`m${index}`, index)));
    const [list, one, history] = [inbox.chats(), inbox.chat("c0"), inbox.messages("c0")];
    const watched = [list, one, history].map(watch);
    await Promise.all([list, one, history].map(ready));
    for (const each of watched) each.calls = 0;
    await list.get().loadMore();
    assert.equal(list.get().chats.length, 4);
    await history.get().loadMore();
    assert.equal(history.get().messages.length, 4);
    client.held.set("c0", chat("c0", 200, { displayName: "new" }));
    await one.get().reload();
    assert.equal(one.get().chat.displayName, "new");
    await eventually("each listener heard of it", 5_000, () => watched.every(({ calls }) => calls > 0));
  });

  for (const [what, begin] of [["reload", ({ view }) => view.get().reload()], ["a gap", ({ client }) => client.stream.options.onGap({})]]) {
    test(`more of them, asked for while all are read again by ${what}, come with them`, async () => {
      for (const name of ["chats", "messages"]) {
        for (const isFirst of [true, false]) {
          const { client, inbox } = start(Array.from({ length: 7 }, (_, index) => chat(`c${index}`, 100 - index)), { options: { chatsPerPage: 2, messagesPerPage: 2 } });
          client.kept.set("c0", Array.from({ length: 7 }, (_, index) => message(`m${index}`, index)));
          const view = name === "chats" ? inbox.chats() : inbox.messages("c0");
          watch(view);
          await ready(view);
          const waiting = [];
          client.onCall = () => new Promise((resolve) => waiting.push(resolve));
          // Either comes first.
          let more = isFirst && view.get().loadMore();
          await settle();
          begin({ view, client });
          await settle();
          more ||= view.get().loadMore();
          client.onCall = () => {};
          for (const answer of waiting) answer();
          await more;
          const { length } = view.get()[name];
          assert.ok(length >= 4, `${length} ${name}, asked for ${isFirst ? "before" : "after"} that`);
        }
      }
    });
  }

  test("are read for who only asks once, and the stream is closed again", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    client.kept.set("a", [message("m", 1)]);
    const views = [inbox.chats(), inbox.chat("a"), inbox.messages("a")];
    await Promise.all(views.map((view) => view.get().reload()));
    await Promise.all(views.map(ready));
    assert.deepEqual(client.calls.sort(), ["get a", "list", "messages a"]);
    await eventually("it is closed", 20_000, () => client.stream.isClosed);
    assert.equal(client.streams.length, 1);
  });

  test("that are gone leave the list", async () => {
    const { client, inbox } = start([chat("a", 1), chat("b", 2)]);
    await ready((watch(inbox.chats()), inbox.chats()));
    client.held.delete("b");
    await inbox.chats().get().reload();
    await state(inbox.chats(), (state) => String(guids(state)) === "a");
  });
});

describe("one chat", () => {
  test("is read, changed by events, and the same object while nothing changes", async () => {
    const { client, inbox } = start([chat("a", 1, { isGroup: true })]);
    const view = inbox.chat("a");
    assert.equal(inbox.chat("a"), view);
    const before = await ready((watch(view), view));
    assert.deepEqual(before.chat, chat("a", 1, { isGroup: true }));
    const bob = { address: "bob@example.com", service: "iMessage" };
    client.emit("group.changed", "a", { isFromMe: true, change: { type: "participantAdded", participant: bob } });
    const withBob = await state(view, ({ chat }) => chat.participants.length === 1);
    client.emit("group.changed", "a", { change: { type: "iconChanged" } });
    client.emit("chat.backgroundChanged", "a");
    client.emit("group.changed", "a", { isFromMe: true, change: { type: "participantLeft", participant: bob } });
    await state(view, ({ chat }) => chat.participants.length === 0);
    assert.deepEqual(withBob.chat.participants, [bob]);
    await view.get().reload();
    await settle();
    assert.deepEqual(client.calls, ["get a", "get a"]);
  });

  test("that a list holds is shown without a request, and so is what changed while nobody looked at it", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    await ready((watch(inbox.chats()), inbox.chats()));
    const view = inbox.chat("a");
    const watched = watch(view);
    assert.equal((await ready(view)).chat.guid, "a");
    assert.equal(watched.calls, 1);
    watched.stop();
    client.receive("a", message("m", 10));
    await state(inbox.chats(), ({ chats }) => chats[0].unreadCount === 1);
    watch(view);
    await state(view, ({ chat }) => chat.unreadCount === 1);
    assert.deepEqual(client.calls, ["list"]);
  });

  test("says that there is none, and is tried again by the next who looks", async () => {
    const { client, inbox } = start();
    const view = inbox.chat("a");
    const watched = watch(view);
    const { error } = await state(view, ({ status }) => status === "error");
    assert.ok(error instanceof NotFoundError);
    watched.stop();
    assert.equal(view.get().status, "loading");
    client.held.set("a", chat("a", 1));
    assert.equal((await ready((watch(view), view))).chat.guid, "a");
  });
});

describe("the messages", () => {
  const filled = (count, options) => {
    const { client, inbox } = start([chat("a", 1)], options);
    client.kept.set("a", Array.from({ length: count }, (_, index) => message(`m${index}`, index + 1)));
    return { client, inbox, view: inbox.messages("a") };
  };
  const texts = ({ messages }) => messages.map(({ guid }) => guid).join();

  test("stand with the oldest first, come page by page, and new ones at the end", async () => {
    const { client, view } = filled(5, { options: { messagesPerPage: 2 } });
    const first = await ready((watch(view), view));
    assert.deepEqual([texts(first), first.hasMore], ["m3,m4", true]);
    client.receive("a", message("new", 100));
    await state(view, (state) => texts(state) === "m3,m4,new");
    assert.equal(view.get().messages[0], first.messages[0]);
    await view.get().loadMore();
    await state(view, (state) => texts(state) === "m1,m2,m3,m4,new");
    await view.get().loadMore();
    const last = await state(view, ({ hasMore }) => !hasMore);
    assert.equal(texts(last), "m0,m1,m2,m3,m4,new");
    assert.equal(client.calls.length, 3);
    await view.get().loadMore();
    assert.equal(client.calls.length, 3);
  });

  test("change as the events say, and what was taken back stays so", async () => {
    const { client, view } = filled(2);
    const before = await ready((watch(view), view));
    const alice = { address: "alice@example.com", service: "iMessage" };
    const content = { text: "edited", attachments: [], formatting: [], mentions: [] };
    client.emit("message.edited", "a", { messageGuid: "m1", content, editedAt: at(50) });
    client.emit("message.reactionAdded", "a", { messageGuid: "m1", reaction: { kind: "love" }, actor: alice }, 51);
    client.emit("message.reactionAdded", "a", { messageGuid: "m1", reaction: { kind: "like" }, actor: alice, targetPartIndex: 0 }, 52);
    client.emit("message.reactionAdded", "a", { messageGuid: "m1", reaction: { kind: "like" }, isFromMe: true }, 53);
    client.emit("message.reactionRemoved", "a", { messageGuid: "m1", reaction: { kind: "like" }, isFromMe: true }, 54);
    client.emit("message.stickerPlaced", "a", { messageGuid: "m1", actor: alice, placement: { x: 0, y: 0 } }, 55);
    const changed = await state(view, ({ messages }) => messages[1].placedStickers?.length === 1);
    assert.equal(changed.messages[0], before.messages[0]);
    const like = { messageGuid: "", isFromMe: false, sender: alice, dateCreated: at(52), targetPartIndex: 0, reaction: { kind: "like" } };
    const sticker = { messageGuid: "", isFromMe: false, sender: alice, dateCreated: at(55), placement: { x: 0, y: 0 } };
    assert.deepEqual(changed.messages[1], { ...message("m1", 2), content, dateEdited: at(50), appliedReactions: [like], placedStickers: [sticker] });
    client.emit("message.unsent", "a", { messageGuid: "m1", retractedAt: at(60) });
    client.emit("message.edited", "a", { messageGuid: "m1", content, editedAt: at(61) });
    client.emit("message.unsent", "a", { messageGuid: "m0", retractedAt: at(62) });
    const unsent = await state(view, ({ messages }) => messages[0].dateRetracted);
    assert.deepEqual(unsent.messages[1].content, { attachments: [], formatting: [], mentions: [] });
    assert.equal(client.calls.length, 1);
  });

  test("are read with those before them", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    const kept = ["m0", "m1", "m2", "m3"].map((guid, index) => message(guid, index + 1, { isFromMe: index !== 1 }));
    client.kept.set("a", kept);
    const view = inbox.messages("a");
    await ready((watch(view), view));
    client.emit("message.read", "a", { messageGuid: "m2", readAt: at(20) });
    client.emit("chat.markedRead", "a", { isFromMe: true }, 21);
    const { messages } = await state(view, ({ messages }) => messages[1].dateRead);
    assert.deepEqual(messages.map(({ dateRead }) => dateRead), [at(20), at(21), at(20), undefined]);
  });

  test("answer who asks for more, also while what happens has them read again and again", async () => {
    const { client, view } = filled(9, { options: { messagesPerPage: 2 } });
    await ready((watch(view), view));
    // Written before the last one, and arrived after it: where it stands, only a read tells.
    const late = () => client.emit("message.received", "a", { message: message(`late ${client.sequence}`, 8.5) });
    client.onCall = () => {
      late();
      return settle();
    };
    late();
    await eventually("they are read again", 5_000, () => client.calls.length > 2);
    const before = client.calls.length;
    await view.get().loadMore();
    assert.ok(client.calls.length - before <= 3, `${client.calls.length - before} requests`);
    client.onCall = () => {};
  });

  test("have one view, also after those of many other chats were looked at", async () => {
    const { client, inbox, view } = filled(1);
    const look = async (view) => {
      const { stop } = watch(view);
      await ready(view);
      stop();
    };
    await look(view);
    for (let index = 0; index < 21; index++) await look(inbox.messages(`other ${index}`));
    assert.equal(inbox.messages("a"), view);
    assert.deepEqual([view.get().status, view.get().messages], ["loading", []], "what it showed is forgotten");
    await ready((watch(view), view));
    client.receive("a", message("new", 100));
    await state(view, (state) => texts(state) === "m0,new");
  });

  test("need a client that has them", async () => {
    const { inbox } = start([], { withMessages: false });
    const view = inbox.messages("a");
    watch(view).stop();
    const { status, error, messages } = view.get();
    assert.deepEqual([status, messages], ["error", []]);
    assert.ok(error instanceof ValidationError && error.message.includes("im-chats/messages"), String(error));
  });
});

describe("the stream", () => {
  const failure = (code, retryable = false) => new IMessageError(code, { code, grpcCode: 13, retryable });

  test("is one for all views, and closed a moment after the last of them", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    const watched = [inbox.chats(), inbox.chats({ archived: true }), inbox.chat("a"), inbox.messages("a")].map(watch);
    watched.push({ stop: inbox.onEvent(undefined, () => {}) });
    await ready(inbox.messages("a"));
    for (const { stop } of watched) stop();
    // As a page does that takes a view off and puts it on again at once.
    watch(inbox.chats()).stop();
    assert.equal(client.streams.length, 1);
    assert.equal(client.stream.isClosed, false);
    await eventually("it is closed", 20_000, () => client.stream.isClosed);
    const before = inbox.chats().get();
    client.held.set("b", chat("b", 2));
    watch(inbox.chats());
    assert.equal(inbox.chats().get(), before, "what is known is shown meanwhile");
    const now = await state(inbox.chats(), ({ chats }) => chats.length === 2);
    assert.equal(now.chats[1], before.chats[0]);
    assert.equal(client.streams.length, 2);
    assert.equal(client.stream.options.after, undefined);
  });

  test("that fails is an error of every view, and goes on where it was with reload", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    const views = [inbox.chats(), inbox.chat("a"), inbox.messages("a")];
    views.forEach(watch);
    const seen = [];
    inbox.onEvent(undefined, ({ sequence }) => seen.push(sequence));
    await Promise.all(views.map(ready));
    const { sequence } = client.receive("a", message("m1", 10));
    await eventually("the event came", 20_000, () => seen.length === 1);
    const error = failure("unauthorized");
    client.stream.fail(error);
    for (const view of views) assert.equal((await state(view, ({ status }) => status === "error")).error, error);
    assert.equal(inbox.chats().get().chats.length, 1, "what is known stays");
    assert.equal(inbox.messages("a").get().messages.length, 1);
    await inbox.chat("a").get().reload();
    for (const view of views) assert.equal((await ready(view)).error, undefined);
    assert.equal(client.streams.length, 2);
    assert.equal(client.stream.options.after, `cursor ${sequence}`);
  });

  test("that lost events has everything read again that is looked at", async () => {
    for (const lose of [(client) => client.stream.options.onGap({}), (client) => client.stream.fail(failure("logChanged"))]) {
      const { client, inbox } = start([chat("a", 1), chat("b", 2)]);
      client.kept.set("a", [message("m1", 1), message("m2", 2)]);
      watch(inbox.chats());
      watch(inbox.messages("a"));
      const before = await ready(inbox.chats());
      const { messages } = await ready(inbox.messages("a"));
      client.emit("chat.backgroundChanged", "b");
      await settle();
      client.held.set("a", chat("a", 5));
      client.kept.set("a", [message("m1", 1), message("m2", 2, { dateRead: at(9) }), message("m3", 5)]);
      lose(client);
      const now = await state(inbox.chats(), ({ chats }) => chats[0].guid === "a");
      assert.equal(now.status, "ready");
      assert.equal(now.chats[1], before.chats[0]);
      const read = await state(inbox.messages("a"), ({ messages }) => messages.length === 3);
      assert.equal(read.messages[0], messages[0]);
      assert.equal(read.messages[1].dateRead, at(9));
    }
  });

  test("that lost events while something was read has that read again", async () => {
    const { client, inbox } = start([chat("a", 1), chat("b", 2)]);
    client.kept.set("a", [message("m1", 1)]);
    const waiting = [];
    client.onCall = () => new Promise((resolve) => waiting.push(resolve));
    const views = [inbox.chat("a"), inbox.messages("a"), inbox.chats()];
    views.forEach(watch);
    await eventually("all are asked for", 20_000, () => waiting.length === 3);
    client.stream.options.onGap({});
    client.onCall = () => {};
    const old = client.calls.length;
    client.held.set("a", chat("a", 5, { displayName: "new" }));
    client.kept.set("a", [message("m1", 1), message("m2", 5)]);
    for (const answer of waiting) answer();
    await state(inbox.messages("a"), ({ messages }) => messages.length === 2);
    await state(inbox.chat("a"), ({ chat }) => chat?.displayName === "new");
    await state(inbox.chats(), ({ chats }) => chats[0]?.guid === "a");
    await eventually("each is asked for again", 20_000, () => client.calls.length >= old + 3);
  });

  test("gives every event to every handler once and in order, also when one of them throws", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    const errors = [];
    mock.method(globalThis, "queueMicrotask", (act) => {
      try {
        act();
      } catch (error) {
        errors.push(error);
      }
    });
    const mistake = new Error("mine");
    const all = [];
    const one = [];
    const stopFirst = inbox.onEvent(undefined, () => {
      throw mistake;
    });
    const stop = inbox.onEvent(undefined, (event) => all.push(event.type));
    inbox.onEvent("b", (event) => one.push(event.type));
    await settle();
    client.emit("unknown", "", { about: "other", data: "" });
    client.emit("poll.changed", "b", { pollMessageGuid: "m", delta: { type: "voted", optionIdentifier: "o" } });
    client.emit("chat.archived", "a");
    await eventually("they came", 20_000, () => all.length === 3);
    mock.restoreAll();
    stopFirst();
    stop();
    client.emit("chat.unarchived", "b");
    await eventually("it came", 20_000, () => one.length === 2);
    assert.deepEqual([all, one], [["unknown", "poll.changed", "chat.archived"], ["poll.changed", "chat.unarchived"]]);
    assert.ok(errors.length >= 3 && errors.every((error) => error === mistake));
    assert.deepEqual(client.calls, [], "who only listens needs nothing to be read");
  });

  test("is no reason to read what nobody looks at", async () => {
    const { client, inbox } = start([chat("a", 1), chat("b", 2)]);
    watch(inbox.chat("a"));
    await ready(inbox.chat("a"));
    client.receive("b", message("m", 5));
    await settle();
    assert.deepEqual(client.calls, ["get a"]);
  });

  test("is over with the inbox, and nothing is called after that", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    const view = inbox.chats();
    const watched = watch(view);
    inbox.onEvent(undefined, () => assert.fail("nobody is called"));
    const before = await ready(view);
    watched.calls = 0;
    inbox.close();
    inbox.close();
    await eventually("it is closed", 20_000, () => client.stream.isClosed);
    client.receive("a", message("m", 5));
    await before.reload();
    await before.loadMore();
    watch(inbox.chat("a"));
    await settle();
    assert.deepEqual([view.get(), watched.calls, client.streams.length, client.calls], [before, 0, 1, ["list"]]);
    assert.equal(client.connection.listeners.size, 0);
  });
});

describe("a request that fails", () => {
  const away = new IMessageError("away", { code: "networkError", grpcCode: 14, retryable: true });

  test("is an error of its view, which reload and the connection end", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    const fail = () => {
      client.onCall = () => {
        client.onCall = () => {};
        throw away;
      };
    };
    fail();
    const view = inbox.chats();
    watch(view);
    const failed = await state(view, ({ status }) => status === "error");
    assert.equal(failed.error, away);
    await failed.reload();
    assert.equal(guids(await ready(view)).join(), "a");
    fail();
    watch(inbox.messages("a"));
    await state(inbox.messages("a"), ({ error }) => error === away);
    client.connect("reconnecting");
    client.connect("live");
    await ready(inbox.messages("a"));
  });

  test("for a new chat is made again, so that the chat is listed", async () => {
    const { client, inbox } = start([chat("a", 1)]);
    await ready((watch(inbox.chats()), inbox.chats()));
    client.onCall = () => {
      client.onCall = () => {};
      throw away;
    };
    client.held.set("b", chat("b", 0));
    client.receive("b", message("m", 10));
    await state(inbox.chats(), (state) => String(guids(state)) === "b,a");
    assert.deepEqual(client.calls, ["list", "get b", "get b"]);
  });

  test("for more chats leaves those that are there, and the next try goes on", async () => {
    const all = Array.from({ length: 5 }, (_, index) => chat(`c${index}`, 100 - index));
    const { client, inbox } = start(all, { options: { chatsPerPage: 2 } });
    const view = inbox.chats();
    await ready((watch(view), view));
    client.onCall = () => {
      throw away;
    };
    await view.get().loadMore();
    const failed = await state(view, ({ status }) => status === "error");
    assert.deepEqual([guids(failed), failed.error], [["c0", "c1"], away]);
    client.onCall = () => {};
    await view.get().loadMore();
    assert.deepEqual(guids(await ready(view)), ["c0", "c1", "c2", "c3"]);
    await view.get().loadMore();
    assert.deepEqual(guids(await state(view, ({ hasMore }) => !hasMore)), ["c0", "c1", "c2", "c3", "c4"]);
  });
});

describe("the connection", () => {
  test("is a view that opens no stream, and the same object until it changes", async () => {
    const { client, inbox } = start();
    const view = inbox.connection;
    const watched = watch(view);
    const before = view.get();
    assert.deepEqual(before, { state: "live", lag: 0 });
    client.connect("live");
    await settle();
    client.connect("offline", { lastError: new Error("away") });
    const now = await state(view, (state) => state !== before);
    assert.deepEqual([now.state, now.lastError.message], ["offline", "away"]);
    assert.deepEqual([watched.calls, client.streams.length], [1, 0]);
    watched.stop();
    assert.equal(client.connection.listeners.size, 0);
  });
});

describe("bad input", () => {
  test("is refused, and names what is wrong", () => {
    const { client, inbox } = start();
    const wrong = [
      ["client", () => createInbox({})],
      ["client", () => createInbox()],
      ["options", () => createInbox(client, null)],
      ["pageSize", () => createInbox(client, { pageSize: 1 })],
      ["chatsPerPage", () => createInbox(client, { chatsPerPage: 100 })],
      ["messagesPerPage", () => createInbox(client, { messagesPerPage: 0 })],
      ["archived", () => inbox.chats({ archived: 1 })],
      ["filtered", () => inbox.chats({ filtered: true })],
      ["guid", () => inbox.chat()],
      ["guid", () => inbox.messages("")],
      ["guid", () => inbox.onEvent(7, () => {})],
      ["handler", () => inbox.onEvent("a")],
      ["listener", () => inbox.chats().subscribe()],
    ];
    for (const [field, act] of wrong) {
      assert.throws(act, (error) => error instanceof ValidationError && error.context.field === field, field);
    }
  });
});
