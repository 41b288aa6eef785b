// Reading a chat, and the state of it that only this account sees.

import { refusal } from "../outcome.mjs";

const FIELDS = {
  guid: "string",
  displayName: "string",
  isGroup: "boolean",
  participants: "object",
  service: "string",
  isArchived: "boolean",
  isFiltered: "boolean",
  unreadCount: "number",
  lastMessage: "object",
};

const ALICE = "any;-;alice@example.com";

/** Every method that takes a chat and answers once. */
const ON_A_CHAT = {
  get: [],
  markRead: [],
  setTyping: [true],
  shareContactInfo: [],
  hasBackground: [],
  removeBackground: [],
  setBackground: [Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1")],
};

export default [
  {
    section: "Get a chat",
    behaviour: "the documented fields",
    documented: "`guid` … `lastMessage`",
    async run(world) {
      const { im, see } = world;
      await see("create", () => im.chats.create(["alice@example.com"]));
      await world.elsewhere("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "hello?" });
      const { value } = await see("get", () => im.chats.get(ALICE));
      const wrong = Object.entries(FIELDS).filter(([key, type]) => typeof value?.[key] !== type);
      return [wrong.length === 0 && value.unreadCount === 1, wrong.length ? `without ${wrong.map(([key]) => key)}` : "all"];
    },
  },
  {
    section: "Get a chat",
    behaviour: "the name of a direct chat",
    documented: "`displayName`, such as Alice",
    async run({ im, see }) {
      await see("create", () => im.chats.create(["alice@example.com"]));
      const { value } = await see("get", () => im.chats.get(ALICE));
      return [value?.displayName === "Alice", value?.displayName];
    },
  },
  {
    section: "Get a chat",
    behaviour: "a chat without messages",
    documented: "`lastMessage` only when available",
    async run({ im, see }) {
      await see("create", () => im.chats.create(["alice@example.com"]));
      const { value } = await see("get", () => im.chats.get(ALICE));
      return [!("lastMessage" in value), "lastMessage" in value ? `the key is there, ${value.lastMessage}` : "no key"];
    },
  },
  {
    section: "Get a chat",
    behaviour: "the time of a message",
    documented: "as in events: RFC 3339, a string",
    async run({ im, see }) {
      await see("create", () => im.chats.create(["alice@example.com"], { message: "hi" }));
      const { value } = await see("get", () => im.chats.get(ALICE));
      const time = value?.lastMessage?.dateCreated;
      return [typeof time === "string", time instanceof Date ? "a `Date`" : `a ${typeof time}`];
    },
  },
  {
    section: "Get a chat",
    behaviour: "a chat that does not exist",
    documented: "`NotFoundError`",
    async run({ im, see }) {
      const missing = await see("get", () => im.chats.get("any;-;nobody@example.com"));
      return [missing.error?.class === "NotFoundError" && missing.error.code === "chatNotFound", refusal(missing)];
    },
  },
  {
    section: "Get a chat",
    behaviour: "the other methods, of a chat that does not exist",
    documented: "(as `get`)",
    async run({ im, see }) {
      const found = [];
      for (const [method, rest] of Object.entries(ON_A_CHAT)) {
        found.push(refusal(await see(method, () => im.chats[method]("any;+;nothing", ...rest))));
      }
      const same = found.every((text) => text === "NotFoundError, chatNotFound");
      return [same, same ? `${found.length} × NotFoundError` : [...new Set(found)].join("; ")];
    },
  },
  {
    section: "Get a chat",
    behaviour: "what is no chat GUID",
    documented: "(a GUID has one of two shapes)",
    async run({ im, see }) {
      const found = [];
      for (const [method, rest] of Object.entries(ON_A_CHAT)) {
        for (const guid of ["alice@example.com", "", "any;-;", "any;*;x", "any;-;a\nb", 5, undefined]) {
          found.push(refusal(await see(`${method}(${JSON.stringify(guid)})`, () => im.chats[method](guid, ...rest))));
        }
      }
      const same = found.every((text) => text === "ValidationError, invalidArgument, chat");
      return [same, same ? "ValidationError, invalidArgument, chat" : [...new Set(found)].join("; ")];
    },
  },
  {
    section: "Get a chat",
    behaviour: "a GUID with blanks around it",
    documented: "(not said)",
    async run({ im, see }) {
      await see("create", () => im.chats.create(["alice@example.com"]));
      const { value } = await see("get", () => im.chats.get(`  ${ALICE}\n`));
      return [value?.guid === ALICE, value?.guid];
    },
  },
  {
    section: "Count chats",
    behaviour: "archived chats",
    documented: "counted only with `includeArchived: true`",
    async run(world) {
      const { im, see } = world;
      for (const name of ["alice", "bob", "carol"]) await see(name, () => im.chats.create([`${name}@example.com`]));
      await world.elsewhere("chats:archive", { chatGuid: ALICE });
      const active = await see("active", () => im.chats.count());
      const total = await see("total", () => im.chats.count({ includeArchived: true }));
      await see("said", () => im.chats.count({ includeArchived: false }));
      return [active.value === 2 && total.value === 3, `${active.value}, with archived ${total.value}`];
    },
  },
  {
    section: "Count chats",
    behaviour: "no chat at all",
    documented: "a number",
    async run({ im, see }) {
      const { value } = await see("count", () => im.chats.count());
      return [value === 0, String(value)];
    },
  },
  {
    section: "Read and typing state",
    behaviour: "`markRead`",
    documented: "clears the unread state, returns nothing",
    async run(world) {
      const { im, see } = world;
      await see("create", () => im.chats.create(["alice@example.com"]));
      await world.elsewhere("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "hello?" });
      const read = await see("markRead", () => im.chats.markRead(ALICE));
      const { value } = await see("get", () => im.chats.get(ALICE));
      return ["value" in read && read.value === undefined && value.unreadCount === 0, `unread ${value?.unreadCount}`];
    },
  },
  {
    section: "Read and typing state",
    behaviour: "`markRead` with nothing unread",
    documented: "safe",
    async run(world) {
      const { im, see } = world;
      await see("create", () => im.chats.create(["alice@example.com"]));
      for (const turn of ["first", "again"]) await see(turn, () => im.chats.markRead(ALICE));
      const safe = world.seen.every(([, outcome]) => !outcome.error);
      return [safe && (await logged(world)) === 0, safe ? "safe, no event" : "an error"];
    },
  },
  {
    section: "Read and typing state",
    behaviour: "`setTyping`",
    documented: "returns nothing; not in the event log",
    async run(world) {
      const { im, see } = world;
      await see("create", () => im.chats.create(["alice@example.com"]));
      for (const typing of [true, false]) await see(`${typing}`, () => im.chats.setTyping(ALICE, typing));
      const safe = world.seen.every(([, outcome]) => !outcome.error);
      return [safe && (await logged(world)) === 0, safe ? "no event" : "an error"];
    },
  },
  {
    section: "Contact card",
    behaviour: "`shareContactInfo`",
    documented: "returns nothing",
    async run(world) {
      const { im, see } = world;
      await see("create", () => im.chats.create(["alice@example.com"]));
      const shared = await see("share", () => im.chats.shareContactInfo(ALICE));
      return ["value" in shared && shared.value === undefined, "value" in shared ? "nothing" : refusal(shared)];
    },
  },
];

/** How many events were logged. Not each SDK has a way to ask; the next event's sequence tells. */
async function logged(world) {
  const { first } = await world.elsewhere("events:generate", { count: 1 });
  return first - 1;
}
