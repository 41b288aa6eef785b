// Events, live and caught up. Their SDK has them over gRPC only.

import { refusal } from "../outcome.mjs";
import { all } from "../world.mjs";

const section = "Chat events";
const LIVE = ["chats.subscribeEvents"];
const CATCH_UP = ["events.catchUp"];

const ALICE = "any;-;alice@example.com";
const BOB = "any;-;bob@example.com";
const PNG = Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1").toString("base64");

/** Every type of event, and what makes another person or device cause it. */
const TYPES = {
  "chat.backgroundChanged": [["chats:setBackground", { data: PNG }]],
  "chat.backgroundRemoved": [["chats:setBackground", { data: PNG }], ["chats:removeBackground", {}]],
  "chat.markedRead": [["messages:receive", { from: "alice@example.com", text: "?" }], ["chats:markRead", {}]],
  "chat.archived": [["chats:archive", {}]],
  "chat.unarchived": [["chats:archive", {}], ["chats:unarchive", {}]],
};

const types = (events) => events.map((event) => event.type).join(", ");

const withChats = (run) => async (world) => {
  for (const name of ["alice", "bob"]) await world.im.chats.create([`${name}@example.com`]);
  return run(world);
};

/** What a live stream gives, kept for the comparison; `act` happens once nothing can be missed. */
async function live(world, label, stream, count, act) {
  const heard = await world.listen(stream);
  await act();
  const { value } = await world.see(label, () => heard.first(count));
  await heard.stop();
  return value;
}

export default [
  {
    section,
    behaviour: "all visible chats",
    documented: "`subscribeEvents()`",
    needs: LIVE,
    run: withChats(async (world) => {
      const events = await live(world, "events", world.im.chats.subscribeEvents(), 2, async () => {
        await world.elsewhere("chats:archive", { chatGuid: ALICE });
        await world.elsewhere("chats:archive", { chatGuid: BOB });
      });
      const chats = events.map((event) => event.chatGuid);
      return [chats.join() === [ALICE, BOB].join(), `${new Set(chats).size} chats`];
    }),
  },
  {
    section,
    behaviour: "one chat",
    documented: "`subscribeEvents({ chat })`",
    needs: LIVE,
    run: withChats(async (world) => {
      const stream = world.im.chats.subscribeEvents({ chat: BOB });
      const events = await live(world, "events", stream, 2, async () => {
        await world.elsewhere("chats:archive", { chatGuid: ALICE });
        await world.elsewhere("chats:archive", { chatGuid: BOB });
        await world.elsewhere("chats:unarchive", { chatGuid: ALICE });
        await world.elsewhere("chats:unarchive", { chatGuid: BOB });
      });
      const only = events.every((event) => event.chatGuid === BOB);
      return [only && types(events) === "chat.archived, chat.unarchived", only ? "only its events" : "others too"];
    }),
  },
  ...Object.entries(TYPES).map(([type, acts]) => ({
    section,
    behaviour: `\`${type}\``,
    documented: "one of the five types",
    needs: LIVE,
    run: withChats(async (world) => {
      const count = acts.filter(([path]) => path.startsWith("chats:")).length;
      const events = await live(world, "events", world.im.chats.subscribeEvents(), count, async () => {
        for (const [path, rest] of acts) await world.elsewhere(path, { chatGuid: ALICE, ...rest });
      });
      return [events.at(-1)?.type === type, `seen`];
    }),
  })),
  {
    section,
    behaviour: "the fields of an event",
    documented: "`type`, `chatGuid`, `sequence`, `isFromMe`, `actor`",
    needs: LIVE,
    run: withChats(async (world) => {
      const [event] = await live(world, "events", world.im.chats.subscribeEvents(), 1, () =>
        world.elsewhere("chats:archive", { chatGuid: ALICE, actor: "alice@example.com" }),
      );
      const { type, chatGuid, sequence, isFromMe, actor } = event;
      const right = type === "chat.archived" && chatGuid === ALICE && sequence === 1 && isFromMe === false;
      return [right && actor?.address === "alice@example.com" && actor.service === "iMessage", "all"];
    }),
  },
  {
    section,
    behaviour: "`occurredAt`",
    documented: "RFC 3339, a string",
    needs: LIVE,
    run: withChats(async (world) => {
      const [event] = await live(world, "events", world.im.chats.subscribeEvents(), 1, () =>
        world.elsewhere("chats:archive", { chatGuid: ALICE }),
      );
      return [typeof event.occurredAt === "string", event.occurredAt instanceof Date ? "a `Date`" : "a string"];
    }),
  },
  {
    section,
    behaviour: "an event without an actor",
    documented: "`actor` may be absent",
    needs: LIVE,
    run: withChats(async (world) => {
      const [event] = await live(world, "events", world.im.chats.subscribeEvents(), 1, () =>
        world.elsewhere("chats:archive", { chatGuid: ALICE }),
      );
      return [!("actor" in event), "actor" in event ? `the key is there, ${event.actor}` : "no key"];
    }),
  },
  {
    section,
    behaviour: "own writes",
    documented: "`isFromMe`: triggered by the current account",
    needs: LIVE,
    run: withChats(async (world) => {
      const { im } = world;
      const events = await live(world, "events", im.chats.subscribeEvents(), 2, async () => {
        await world.see("set", () => im.chats.setBackground(ALICE, new Uint8Array(Buffer.from(PNG, "base64"))));
        await world.see("typing", () => im.chats.setTyping(ALICE, true));
        await world.see("remove", () => im.chats.removeBackground(ALICE));
      });
      return [events.every((event) => event.isFromMe), types(events)];
    }),
  },
  {
    section,
    behaviour: "a subscription to what is no chat",
    documented: "(a GUID has one of two shapes)",
    needs: LIVE,
    async run({ im, see }) {
      const refused = await see("subscribe", () => all(im.chats.subscribeEvents({ chat: "alice" })));
      return [refused.error?.class === "ValidationError" && refused.error.context.field === "chat", refusal(refused)];
    },
  },
  {
    section,
    behaviour: "leaving the loop",
    documented: "(not said)",
    needs: LIVE,
    run: withChats(async (world) => {
      const heard = await world.listen(world.im.chats.subscribeEvents());
      await heard.stop();
      await world.see("ended", () => heard.error);
      return [heard.error === undefined, heard.error ? refusal(heard) : "ends it, without an error"];
    }),
  },
  {
    section,
    behaviour: "a second loop over one stream",
    documented: "(not said)",
    needs: LIVE,
    run: withChats(async (world) => {
      const stream = world.im.chats.subscribeEvents();
      const heard = await world.listen(stream);
      const second = await world.see("second", () => all(stream));
      await heard.stop();
      return [second.error !== undefined, refusal(second)];
    }),
  },
  {
    section: "Catching up",
    behaviour: "from the beginning",
    documented: "everything, then `catchup.complete`",
    needs: CATCH_UP,
    run: withChats(async (world) => {
      await everyKind(world);
      const { value } = await world.see("events", () => all(world.im.events.catchUp()));
      const right = value?.at(-1)?.type === "catchup.complete" && value.at(-1).headSequence === 6;
      return [right && value.length === 7, `${value?.length - 1} events, head ${value?.at(-1)?.headSequence}`];
    }),
  },
  {
    section: "Catching up",
    behaviour: "after a sequence",
    documented: "what came after it",
    needs: CATCH_UP,
    run: withChats(async (world) => {
      await everyKind(world);
      const { value } = await world.see("events", () => all(world.im.events.catchUp(4)));
      return [value?.map((event) => event.sequence ?? event.type).join() === "5,6,catchup.complete", `${value?.length - 1} events`];
    }),
  },
  {
    section: "Catching up",
    behaviour: "after 0, and at the head",
    documented: "all of it; nothing",
    needs: CATCH_UP,
    run: withChats(async (world) => {
      await everyKind(world);
      const zero = await world.see("after 0", () => all(world.im.events.catchUp(0)));
      const head = await world.see("at the head", () => all(world.im.events.catchUp(6)));
      return [zero.value?.length === 7 && head.value?.length === 1, `${zero.value?.length - 1}, ${head.value?.length - 1}`];
    }),
  },
  {
    section: "Catching up",
    behaviour: "in an empty log",
    documented: "`catchup.complete`",
    needs: CATCH_UP,
    async run({ im, see }) {
      const { value } = await see("events", () => all(im.events.catchUp()));
      return [value?.length === 1 && value[0].headSequence === 0, `head ${value?.[0]?.headSequence}`];
    },
  },
  {
    section: "Catching up",
    behaviour: "after what is no sequence",
    documented: "(not said)",
    needs: CATCH_UP,
    async run({ im, see }) {
      const found = [];
      for (const after of [-1, 1.5, 2 ** 53, NaN]) {
        found.push(refusal(await see(`after ${after}`, () => all(im.events.catchUp(after)))));
      }
      return [found.every((text) => text.startsWith("ValidationError, invalidArgument")), [...new Set(found)].join("; ")];
    },
  },
  {
    section: "Catching up",
    behaviour: "after a sequence that the log never had",
    documented: "(not said)",
    needs: CATCH_UP,
    run: withChats(async (world) => {
      await everyKind(world);
      const ahead = await world.see("ahead", () => all(world.im.events.catchUp(1_000)));
      return [ahead.error?.code === "cursorAhead", refusal(ahead)];
    }),
  },
  {
    section: "Catching up",
    behaviour: "after the server died under a stream",
    documented: "catch up on what was missed, then go on live",
    needs: [...LIVE, ...CATCH_UP],
    run: withChats(async (world) => {
      const heard = await world.listen(world.im.chats.subscribeEvents());
      await world.elsewhere("chats:archive", { chatGuid: ALICE });
      const [{ sequence }] = await heard.first(1);
      await world.restart();
      await world.elsewhere("chats:unarchive", { chatGuid: ALICE });
      // With a new client: over gRPC the old connection may have yet to notice.
      const { im } = await world.connect();
      const missed = await world.see("missed", () => all(im.events.catchUp(sequence)));
      await im.close();
      await heard.stop();
      return [types(missed.value ?? []) === "chat.unarchived, catchup.complete", missed.error ? refusal(missed) : "nothing missed"];
    }),
  },
  {
    section: "Catching up",
    behaviour: "the stream itself, after the server died",
    documented: "disconnects",
    needs: LIVE,
    ownWay: true,
    run: withChats(async (world) => {
      const heard = await world.listen(world.im.chats.subscribeEvents());
      await world.elsewhere("chats:archive", { chatGuid: ALICE });
      await heard.first(1);
      await world.restart();
      await world.elsewhere("chats:unarchive", { chatGuid: ALICE });
      const events = await heard.first(2);
      const error = heard.error;
      await heard.stop();
      const goesOn = types(events) === "chat.archived, chat.unarchived";
      return [true, goesOn ? "goes on by itself, nothing missed" : `ends: ${refusal({ error })}`];
    }),
  },
];

/** One event of every type, and a message. */
async function everyKind(world) {
  await world.elsewhere("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "hello?" });
  await world.elsewhere("chats:markRead", { chatGuid: ALICE });
  await world.elsewhere("chats:setBackground", { chatGuid: BOB, data: PNG, actor: "bob@example.com" });
  await world.elsewhere("chats:removeBackground", { chatGuid: BOB });
  await world.elsewhere("chats:archive", { chatGuid: ALICE });
  await world.elsewhere("chats:unarchive", { chatGuid: ALICE });
}
