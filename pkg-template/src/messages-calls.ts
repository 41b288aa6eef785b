import { clientFactory, type LazyClient, type Started } from "./client.js";
import { callSite, invalid } from "./errors.js";
import type { Runtime } from "./host.js";
import type { CreateMessagesClient, Groups, Messages } from "./messages-types.js";
import { copyBytes, copyList, now, plain, read, readOption, readOptions } from "./snapshot.js";
import type { CallOptions, ChangeGroupOptions } from "./wasm/messages.js";

// These are limits of `protocol/src/wire/messaging`, where the wasm side checks them again; `gateway/tests/documented.rs` compares.

/** The largest file; a larger one is refused unread. */
const MAX_ATTACHMENT_BYTES = 104_857_600;

/** How many formats a text has; the wasm side refuses more. */
const MAX_FORMATS = 1_000;

/** The fields of an object of the user's, read once; anything else as {@link plain} gives it. */
function copyFields<T>(field: string, value: T, known: readonly string[]): T {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return plain(field, value);
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    if (!known.includes(name)) throw invalid(`${field}.${name}`, `unknown; there are: ${known.join(", ")}`);
    copy[name] = plain(`${field}.${name}`, item);
  }
  return copy as T;
}

function copyFormats(formats: readonly unknown[]): unknown[] {
  const known = ["type", "start", "length", "effectName"];
  // One more than there may be, so that the wasm side sees it.
  return formats.slice(0, MAX_FORMATS + 1).map((format, index) => copyFields(`formatting[${index}]`, format, known));
}

/** An option as the wasm side may see it. */
function readMessageOption<T>(name: string, value: T): unknown {
  if (name === "replyTo") return copyFields(name, value, ["guid", "partIndex"]);
  if (name === "formatting" && Array.isArray(value)) return copyFormats(value);
  const isTime = name === "before" || name === "after";
  // By what it is called: it may come from another frame or realm.
  if (isTime && Object.prototype.toString.call(value) === "[object Date]") return (value as Date).toISOString();
  return readOption(name, value);
}

/** The options of a call. All but reads take a key. */
function optionsOf<O extends object>(options: O | undefined, ...known: (keyof O & string)[]): O | undefined {
  return readOptions(options, known, readMessageOption);
}

/** Calls the wasm's half of `messages` or `groups`, which this entry's wasm has. */
function caller<K extends "messages" | "groups">(client: LazyClient, part: K) {
  return <T>(method: (...input: never[]) => unknown, act: (part: NonNullable<Started[K]>) => Promise<T>): Promise<T> =>
    client.call(callSite(method), (_, started) => act(started[part] as NonNullable<Started[K]>));
}

// As in chats.ts: each method reads its input now, and works without its object.

function messagesOf(client: LazyClient): Messages {
  const call = caller(client, "messages");
  return {
    send: function send(chat, text, options) {
      const given = now(
        () =>
          [
            plain("chat", chat),
            plain("text", text),
            optionsOf(options, "replyTo", "effect", "subject", "formatting", "clientMessageId"),
          ] as const,
      );
      return call(send, (messages) => messages.send(...given()));
    },
    sendAttachment: function sendAttachment(chat, data, options) {
      const given = now(
        () =>
          [
            plain("chat", chat),
            copyBytes("data", data, MAX_ATTACHMENT_BYTES) as Uint8Array | string,
            optionsOf(options, "fileName", "isAudioMessage", "replyTo", "effect", "clientMessageId"),
          ] as const,
      );
      return call(sendAttachment, (messages) => messages.sendAttachment(...given()));
    },
    edit: function edit(chat, message, text, options) {
      const given = now(
        () =>
          [
            plain("chat", chat),
            plain("message", message),
            plain("text", text),
            optionsOf(options, "partIndex", "backwardCompatText", "clientMessageId"),
          ] as const,
      );
      return call(edit, (messages) => messages.edit(...given()));
    },
    unsend: function unsend(chat, message, options) {
      const given = now(
        () => [plain("chat", chat), plain("message", message), optionsOf(options, "partIndex", "clientMessageId")] as const,
      );
      return call(unsend, (messages) => messages.unsend(...given()));
    },
    react: function react(chat, message, reaction, options) {
      const given = now(
        () =>
          [
            plain("chat", chat),
            plain("message", message),
            read("reaction", () => copyFields("reaction", reaction, ["kind", "emoji"])),
            optionsOf(options, "remove", "partIndex", "clientMessageId"),
          ] as const,
      );
      return call(react, (messages) => messages.react(...given()));
    },
    get: function get(message, options) {
      const given = now(() => [plain("message", message), optionsOf(options)] as const);
      return call(get, (messages) => messages.get(...given()));
    },
    list: function list(chat, options) {
      const given = now(
        () =>
          [plain("chat", chat), optionsOf(options, "pageSize", "pageToken", "isFromMe", "isRead", "before", "after")] as const,
      );
      return call(list, (messages) => messages.list(...given()));
    },
  };
}

type ChangeOptions = (ChangeGroupOptions & CallOptions) | undefined;

function groupsOf(client: LazyClient): Groups {
  const call = caller(client, "groups");
  const aboutPeople = (chat: string, addresses: readonly string[], options: ChangeOptions) =>
    now(() => [plain("chat", chat), copyList("addresses", addresses), optionsOf(options, "clientMessageId")] as const);
  return {
    get: function get(chat, options) {
      const given = now(() => [plain("chat", chat), optionsOf(options)] as const);
      return call(get, (groups) => groups.get(...given()));
    },
    rename: function rename(chat, name, options) {
      const given = now(() => [plain("chat", chat), plain("name", name), optionsOf(options, "clientMessageId")] as const);
      return call(rename, (groups) => groups.rename(...given()));
    },
    add: function add(chat, addresses, options) {
      const given = aboutPeople(chat, addresses, options);
      return call(add, (groups) => groups.add(...given()));
    },
    remove: function remove(chat, addresses, options) {
      const given = aboutPeople(chat, addresses, options);
      return call(remove, (groups) => groups.remove(...given()));
    },
    leave: function leave(chat, options) {
      const given = now(() => [plain("chat", chat), optionsOf(options, "clientMessageId")] as const);
      return call(leave, (groups) => groups.leave(...given()));
    },
  };
}

/** Makes the `createClient` of one runtime. @internal */
export function messagesClientFactory(runtime: Runtime): CreateMessagesClient {
  return clientFactory(runtime, (client) => ({ messages: messagesOf(client), groups: groupsOf(client) }));
}
