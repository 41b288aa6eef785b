// Creating a chat, as the founding page has it.

import { refusal } from "../outcome.mjs";

const section = "Create a chat";

export default [
  {
    section,
    behaviour: "one address",
    documented: "a direct chat, `any;-;{recipient}`",
    async run({ im, see }) {
      const { value } = await see("create", () => im.chats.create(["alice@example.com"]));
      return [value?.chat.guid === "any;-;alice@example.com" && value.chat.isGroup === false, value?.chat.guid];
    },
  },
  {
    section,
    behaviour: "two or more addresses",
    documented: "a group chat, `any;+;{group-id}`",
    async run({ im, see }) {
      const { value } = await see("create", () => im.chats.create(["alice@example.com", "bob@example.com", "+14155552671"]));
      const people = value?.chat.participants.length;
      return [/^any;\+;.+/.test(value?.chat.guid) && value.chat.isGroup && people === 3, `a group of ${people}`];
    },
  },
  {
    section,
    behaviour: "an address that has a chat",
    documented: "that chat",
    async run({ im, see }) {
      const first = await see("first", () => im.chats.create(["alice@example.com", "bob@example.com"]));
      const again = await see("again", () => im.chats.create(["bob@example.com", "alice@example.com"]));
      const same = first.value?.chat.guid === again.value?.chat.guid;
      return [same, same ? "the same chat" : "another chat"];
    },
  },
  {
    section,
    behaviour: "spellings of an address",
    documented: "normalised by the server",
    async run({ im, see }) {
      const email = await see("e-mail", () => im.chats.create([" Alice@Example.COM "]));
      const phone = await see("phone", () => im.chats.create(["+1 (415) 555-2671"]));
      const guids = [email.value?.chat.guid, phone.value?.chat.guid];
      return [guids.join() === "any;-;alice@example.com,any;-;+14155552671", guids[1]];
    },
  },
  {
    section,
    behaviour: "`message`",
    documented: "sent in the same call; `initialMessage` is it",
    async run({ im, see }) {
      const { value } = await see("create", () => im.chats.create(["alice@example.com"], { message: "Hello 🎂" }));
      const read = await see("get", () => im.chats.get(value.chat.guid));
      const sent = value?.initialMessage?.content.text === "Hello 🎂" && typeof value.initialMessage.guid === "string";
      return [sent && read.value?.lastMessage?.guid === value.initialMessage.guid, sent ? "sent" : "not sent"];
    },
  },
  {
    section,
    behaviour: "no `message`",
    documented: "no key `initialMessage`",
    async run({ im, see }) {
      const { value } = await see("create", () => im.chats.create(["alice@example.com"]));
      return [!("initialMessage" in value), "initialMessage" in value ? `the key is there, ${value.initialMessage}` : "no key"];
    },
  },
  {
    section,
    behaviour: "`effect` with a message",
    documented: "goes with it",
    async run({ im, module, see }) {
      const options = { message: "Hooray", effect: module.MessageEffect.confetti };
      const { value } = await see("create", () => im.chats.create(["alice@example.com"], options));
      const style = value?.initialMessage?.content.expressiveSendStyleId;
      return [style === "com.apple.messages.effect.CKConfettiEffect", style?.split(".").at(-1)];
    },
  },
  {
    section,
    behaviour: "every effect there is",
    documented: "the values under message effects",
    async run({ im, module, see }) {
      const styles = [];
      for (const [name, effect] of Object.entries(module.MessageEffect)) {
        const { value } = await see(name, () => im.chats.create(["alice@example.com"], { message: name, effect }));
        styles.push(value?.initialMessage?.content.expressiveSendStyleId === effect);
      }
      return [styles.every(Boolean), `${styles.filter(Boolean).length} of ${styles.length}`];
    },
  },
  {
    section,
    behaviour: "`effect` without a message",
    documented: "does not apply",
    async run({ im, module, see }) {
      const { value } = await see("create", () => im.chats.create(["alice@example.com"], { effect: module.MessageEffect.slam }));
      return [value?.chat.guid !== undefined && value.initialMessage === undefined, "no message"];
    },
  },
  {
    section,
    behaviour: "the same `clientMessageId` again, after a crash of the server",
    documented: "the same logical create",
    async run(world) {
      const { see } = world;
      const create = (im) => im.chats.create(["alice@example.com"], { message: "once", clientMessageId: "order-1" });
      const first = await see("first", () => create(world.im));
      await world.restart();
      // The job that tries again is a new process, with a new client.
      const { im } = await world.connect({ retry: true });
      const again = await see("again", () => create(im));
      await im.close();
      const same = first.value && first.value.initialMessage.guid === again.value?.initialMessage?.guid;
      return [same, same ? "the first result" : "sent again"];
    },
  },
  {
    section,
    behaviour: "the same `clientMessageId` for another create",
    documented: "not the same logical create",
    async run({ im, see }) {
      const create = (message) => im.chats.create(["alice@example.com"], { message, clientMessageId: "order-1" });
      await see("first", () => create("once"));
      const other = await see("other", () => create("twice"));
      return [other.error?.code === "duplicateMessage", refusal(other)];
    },
  },
  ...[
    ["a short code", ["12345"], "addresses[0]"],
    ["a service number", ["alice@example.com", "+1 800 555 0199"], "addresses[1]"],
    ["a premium number", ["+1 900 555 0123"], "addresses[0]"],
    ["an invalid e-mail address", ["alice@"], "addresses[0]"],
    ["an invalid address beyond ASCII", ["jürgen@"], "addresses[0]"],
    ["what is no address", ["not an address"], "addresses[0]"],
    ["a recipient twice", ["bob@example.com", "BOB@example.com"], "addresses[1]"],
    ["no address", [], "addresses"],
    ["an empty address", ["bob@example.com", ""], "addresses[1]"],
  ].map(([what, addresses, field]) => ({
    section,
    behaviour: what,
    documented: "rejected",
    async run({ im, see }) {
      const refused = await see("create", () => im.chats.create(addresses));
      return [refused.error?.class === "ValidationError" && refused.error.context.field === field, refusal(refused)];
    },
  })),
  ...[
    ["an empty `message`", { message: "" }],
    ["an `effect` that does not exist", { message: "x", effect: "confeti" }],
    ["a `message` that is no text", { message: 5 }],
  ].map(([what, options]) => ({
    section,
    behaviour: what,
    documented: "(not said)",
    async run({ im, see }) {
      const refused = await see("create", () => im.chats.create(["alice@example.com"], options));
      return [refused.error?.class === "ValidationError", refusal(refused)];
    },
  })),
];
