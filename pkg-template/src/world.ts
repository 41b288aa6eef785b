import { base64 } from "./base64.js";
import { MessageEffect } from "./effects.js";
import { blame, callSite, ErrorCode, IMessageError, invalid, make } from "./errors.js";
import { checkKeys } from "./options.js";
import { copyBytes, plain, read } from "./snapshot.js";
import type { PollOption } from "./wasm/im_chats.js";
import type { ActOptions, Generated, WorldChat, WorldSender, Written, WrittenPoll } from "./world-shapes.js";
import type { World } from "./world-types.js";

export type * from "./world-shapes.js";
export type { World } from "./world-types.js";

/**
 * How a world reaches its emulator: `path` of the control plane, or of the service itself, by `POST` with the `body` as JSON, or by `GET`
 * without one. Gives the answer's JSON, and rejects with the {@link IMessageError} that a failed answer is ({@link failureOf}). @internal
 */
export type WorldCall = (path: string, body?: object) => Promise<unknown>;

/** The world of the emulator that `call` reaches. @internal */
export function worldOf(call: WorldCall): World {
  /** Runs an act; what it throws has the names of its arguments, and the stack of its caller. */
  const run = async <T>(method: (...input: never[]) => unknown, act: () => Promise<T>, names?: Names): Promise<T> => {
    const site = callSite(method);
    try {
      return await act();
    } catch (error) {
      throw blame(respelled(error, names), site);
    }
  };
  const act = (route: string, body: object): Promise<Answer> => call(`/emulator/v1/${route}`, body) as Promise<Answer>;
  const write = async (route: string, body: object): Promise<Written> => ({ sequences: (await act(route, body)).sequences });

  /** An act on a chat that takes nothing but who does it. */
  const onChat = (route: string) =>
    function method(chat: string, options?: ActOptions): Promise<Written> {
      return run(method, async () => write(route, { chatGuid: text("chat", chat), ...actor(options) }));
    };

  /** Lets something come in; a direct chat that is not there is made. */
  const comesIn = async (route: string, sender: WorldSender, body: object): Promise<Answer> => {
    const { chat, from } = whereFrom(sender);
    const replyTo = readReplyTo(sender.replyTo);
    const into = (chatGuid: string) => act(route, { chatGuid, from, ...(replyTo && { replyTo }), ...body });
    try {
      return await into(chat);
    } catch (error) {
      // All else about it was found right: a chat is made for nothing that is refused.
      const isNew = error instanceof IMessageError && error.code === ErrorCode.chatNotFound && chat === DIRECT + from;
      // Nothing can be answered in a chat that is new.
      if (!isNew || replyTo) throw error;
      const made = (await call("/v1/chats", { addresses: [from] })) as { chat: { guid: string } };
      return into(made.chat.guid);
    }
  };

  const poll = async (route: string, body: object): Promise<WrittenPoll> => {
    const { sequences, poll } = await act(route, body);
    return { sequences, poll: poll?.pollMessageGuid ?? "", options: poll?.options ?? [] };
  };

  return {
    receive: function receive(message) {
      const input = async () => {
        checkKeys(message, "message", ["chat", "from", "replyTo", "text", "subject", "effect", "formatting"]);
        const body = {
          text: text("text", message.text),
          ...given("subject", optional("subject", message.subject, text)),
          ...given("effectId", optional("effect", message.effect, effectId)),
          ...given("formatting", optional("formatting", message.formatting, formats)),
        };
        const { sequences, message: written } = await comesIn("messages:receive", message, body);
        return { sequences, ...placeOf(written) };
      };
      return run(receive, input, namesOf(message));
    },
    receiveAttachment: function receiveAttachment(attachment) {
      const input = async () => {
        checkKeys(attachment, "attachment", ["chat", "from", "replyTo", "data", "fileName", "isAudioMessage"]);
        const body = {
          data: bytes("data", attachment.data),
          ...given("fileName", optional("fileName", attachment.fileName, text)),
          ...given("isAudioMessage", optional("isAudioMessage", attachment.isAudioMessage, flag)),
        };
        const answer = await comesIn("messages:receiveAttachment", attachment, body);
        return { sequences: answer.sequences, ...placeOf(answer.message), attachment: answer.attachment?.guid ?? "" };
      };
      return run(receiveAttachment, input, namesOf(attachment));
    },
    edit: function edit(chat, message, newText, options) {
      return run(edit, async () => {
        const body = { ...target(chat, message), text: text("text", newText), ...actor(options, "partIndex") };
        return write("messages:edit", body);
      });
    },
    unsend: function unsend(chat, message, options) {
      return run(unsend, async () => write("messages:unsend", { ...target(chat, message), ...actor(options) }));
    },
    react: function react(chat, message, reaction, options) {
      return run(react, async () => {
        const body = { ...target(chat, message), ...tapback(reaction), ...actor(options, "partIndex", "remove") };
        return write("messages:react", body);
      }, typeof reaction === "string" ? { kind: "reaction" } : {});
    },
    read: function readMessages(chat, options) {
      return run(readMessages, async () => {
        const guid = text("chat", chat);
        if (options !== undefined) checkKeys(options, "options", ["actor", "message"]);
        const person = optional("actor", options?.actor, text) ?? other(guid, "actor");
        return write("messages:read", { chatGuid: guid, actor: person, ...given("messageGuid", optional("message", options?.message, text)) });
      });
    },
    typing: function typing(chat, options) {
      return run(typing, async () => write("chats:typing", { chatGuid: text("chat", chat), ...actor(options, "isTyping") }));
    },
    archive: onChat("chats:archive"),
    unarchive: onChat("chats:unarchive"),
    removeBackground: onChat("chats:removeBackground"),
    markRead: onChat("chats:markRead"),
    leave: onChat("groups:leave"),
    setBackground: function setBackground(chat, data, options) {
      return run(setBackground, async () => {
        const body = { chatGuid: text("chat", chat), data: bytes("data", data), ...actor(options) };
        return write("chats:setBackground", body);
      });
    },
    join: function join(chat, address, options) {
      return run(join, async () => {
        const body = { chatGuid: text("chat", chat), address: text("address", address), ...actor(options) };
        return write("groups:join", body);
      });
    },
    rename: function rename(chat, name, options) {
      return run(rename, async () => {
        const body = { chatGuid: text("chat", chat), displayName: text("name", name), ...actor(options) };
        return write("groups:rename", body);
      });
    },
    createPoll: function createPoll(chat, title, options, act) {
      return run(createPoll, async () => {
        const body = { chatGuid: text("chat", chat), title: text("title", title), options: texts("options", options), ...actor(act) };
        return poll("polls:create", body);
      });
    },
    vote: function vote(guid, option, act) {
      return run(vote, async () => {
        const body = { pollMessageGuid: text("poll", guid), optionIdentifier: text("option", option), ...actor(act) };
        return poll("polls:vote", body);
      });
    },
    unvote: function unvote(guid, act) {
      return run(unvote, async () => poll("polls:unvote", { pollMessageGuid: text("poll", guid), ...actor(act) }));
    },
    addPollOption: function addPollOption(guid, shown, act) {
      return run(addPollOption, async () => {
        const body = { pollMessageGuid: text("poll", guid), optionText: text("text", shown), ...actor(act) };
        return poll("polls:addOption", body);
      }, { optionText: "text" });
    },
    generate: function generate(options) {
      return run(generate, async () => {
        checkKeys(options, "options", ["count", "chats"]);
        const { count, chats } = options;
        if (!Number.isSafeInteger(count) || count < 1) throw invalid("count", "expected a whole number from 1 to 10,000,000");
        const answer = (await act("events:generate", { count, ...given("chatGuids", optional("chats", chats, texts)) })) as Answer & Generated;
        return { first: answer.first, last: answer.last, count: answer.count, sequences: answer.sequences ?? [] };
      });
    },
    chats: function chats() {
      return run(chats, async () => {
        const found: WorldChat[] = [];
        let after: string | undefined;
        do {
          const page = (await call(`/emulator/v1/chats${after === undefined ? "" : `?after=${encodeURIComponent(after)}`}`)) as ChatPage;
          found.push(...page.chats.map(shownChat));
          after = page.nextAfter;
        } while (after !== undefined);
        return found;
      });
    },
  };
}

/** What an act is answered with, as far as it is looked at. */
interface Answer {
  readonly sequences: readonly number[];
  readonly message?: { readonly guid: string; readonly chatGuids: readonly string[] };
  readonly attachment?: { readonly guid: string };
  readonly poll?: { readonly pollMessageGuid: string; readonly options?: readonly PollOption[] };
}

/** A page of the chats. Proto3's JSON leaves out what is empty, zero or false. */
interface ChatPage {
  readonly chats: readonly (Pick<WorldChat, "hasBackground" | "hasIcon" | "hasLeft" | "typing"> & {
    readonly chat: {
      readonly guid: string;
      readonly displayName?: string;
      readonly isArchived?: boolean;
      readonly unreadCount?: number;
      readonly participants?: readonly { readonly address: string }[];
    };
  })[];
  readonly nextAfter?: string;
}

function shownChat({ chat, hasBackground, hasIcon, hasLeft, typing }: ChatPage["chats"][number]): WorldChat {
  return {
    guid: chat.guid,
    displayName: chat.displayName ?? "",
    participants: (chat.participants ?? []).map(({ address }) => address),
    isArchived: chat.isArchived ?? false,
    unreadCount: chat.unreadCount ?? 0,
    hasBackground,
    hasIcon,
    hasLeft,
    typing,
  };
}

function placeOf(message: Answer["message"]): { chat: string; message: string } {
  return { chat: message?.chatGuids[0] ?? "", message: message?.guid ?? "" };
}

/** What begins the GUID of a direct chat; the other person's address follows. */
const DIRECT = "any;-;";

/** The other person of a direct chat; `field` says who is meant. */
function other(chat: string, field: string): string {
  if (!chat.startsWith(DIRECT)) throw invalid(field, `in a group, say who: expected the address of a person`);
  return chat.slice(DIRECT.length);
}

function whereFrom({ chat, from }: WorldSender): { chat: string; from: string } {
  const guid = optional("chat", chat, text);
  const person = optional("from", from, text)?.trim();
  if (person === "" || (guid === undefined && person === undefined)) throw invalid("from", "expected the address of a person, or a chat");
  if (person !== undefined) return { chat: guid ?? DIRECT + person, from: person };
  return { chat: guid as string, from: other(guid as string, "from") };
}

function target(chat: string, message: string): object {
  return { chatGuid: text("chat", chat), messageGuid: text("message", message) };
}

function readReplyTo(replyTo: WorldSender["replyTo"]): object | undefined {
  if (replyTo === undefined) return undefined;
  checkKeys(replyTo, "replyTo", ["guid", "partIndex"]);
  const part = optional("replyTo.partIndex", replyTo.partIndex, whole);
  return { messageGuid: text("replyTo.guid", replyTo.guid), ...given("targetPartIndex", part) };
}

/** Who acts, and what else `options` may say. */
function actor(options: object | undefined, ...more: ("partIndex" | "remove" | "isTyping")[]): object {
  if (options === undefined) return {};
  checkKeys(options, "options", ["actor", ...more]);
  const { actor, partIndex, remove, isTyping } = options as Record<string, unknown>;
  const isRemoved = optional("remove", remove, flag);
  return {
    ...given("actor", optional("actor", actor, text)),
    ...given("targetPartIndex", optional("partIndex", partIndex, whole)),
    ...given("isSet", isRemoved === undefined ? undefined : !isRemoved),
    ...given("isTyping", optional("isTyping", isTyping, flag)),
  };
}

function tapback(reaction: unknown): object {
  if (typeof reaction === "string") return { kind: text("reaction", reaction) };
  checkKeys(reaction, "reaction", ["kind", "emoji"]);
  const { kind, emoji } = reaction as { kind?: unknown; emoji?: unknown };
  return { kind: text("reaction.kind", kind), ...given("emoji", optional("reaction.emoji", emoji, text)) };
}

function effectId(field: string, value: unknown): string {
  const name = text(field, value);
  const { [name]: id } = MessageEffect as Record<string, string>;
  return id ?? name;
}

function formats(field: string, value: unknown): object[] {
  return list(field, value).map((format, index) => {
    checkKeys(format, `${field}[${index}]`, ["type", "start", "length", "effectName"]);
    const { type, start, length, effectName } = format as Record<string, unknown>;
    return {
      type: text(`${field}[${index}].type`, type),
      start: whole(`${field}[${index}].start`, start),
      length: whole(`${field}[${index}].length`, length),
      ...given("effectName", optional(`${field}[${index}].effectName`, effectName, text)),
    };
  });
}

// What is checked here is that JSON can carry it; the emulator checks what it says.

function text(field: string, value: unknown): string {
  if (typeof value !== "string") throw expected(field, "a text", value);
  return plain(field, value);
}

function texts(field: string, value: unknown): string[] {
  return list(field, value).map((item, index) => text(`${field}[${index}]`, item));
}

function list(field: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw expected(field, "a list", value);
  return read(field, () => Array.from(value as unknown[]));
}

function flag(field: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw expected(field, "true or false", value);
  return value;
}

function whole(field: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > MAX_INT) {
    throw invalid(field, `expected a whole number from 0 to ${MAX_INT}`);
  }
  return value;
}

/** The largest number of the wire's fields. */
const MAX_INT = 2_147_483_647;

/** The largest file and image of the control plane's JSON. */
const MAX_BYTES = 20_971_520;

function bytes(field: string, value: unknown): string {
  const copy = copyBytes(field, value, MAX_BYTES);
  if (!(copy instanceof Uint8Array)) throw expected(field, "bytes, as a view or an ArrayBuffer", value);
  if (copy.length > MAX_BYTES) throw invalid(field, "at most 20 MiB");
  return base64(copy);
}

function expected(field: string, what: string, value: unknown): IMessageError {
  return invalid(field, `expected ${what}, got ${value === null ? "null" : typeof value}`);
}

function optional<T>(field: string, value: unknown, check: (field: string, value: unknown) => T): T | undefined {
  return value === undefined ? undefined : check(field, value);
}

/** A field that is left out when it has no value. */
function given(name: string, value: unknown): object {
  return value === undefined ? {} : { [name]: value };
}

type Names = Readonly<Record<string, string>>;

/** What the emulator's fields are called here. */
const NAMES: Names = {
  chatGuid: "chat",
  chatGuids: "chats",
  messageGuid: "message",
  targetPartIndex: "partIndex",
  "replyTo.messageGuid": "replyTo.guid",
  "replyTo.targetPartIndex": "replyTo.partIndex",
  "addresses[0]": "from",
  effectId: "effect",
  displayName: "name",
  pollMessageGuid: "poll",
  optionIdentifier: "option",
  optionText: "text",
  kind: "reaction.kind",
  emoji: "reaction.emoji",
};

/** Who gave no chat, but a person, looks for the mistake there. */
function namesOf(sender: WorldSender | undefined): Names {
  return Object(sender).chat === undefined ? { chatGuid: "from" } : {};
}

/** The error with the names of this interface's arguments. */
function respelled(error: unknown, own: Names = {}): unknown {
  if (!(error instanceof IMessageError)) return error;
  const { field } = error.context;
  const [, name = "", place = ""] = /^(.*?)((?:\[\d+\])?)$/.exec(field ?? "") ?? [];
  const here = own[field ?? ""] ?? NAMES[field ?? ""] ?? (NAMES[name] !== undefined ? NAMES[name] + place : undefined);
  if (field === undefined || here === undefined) return error;
  const { code, grpcCode, retryable, context, retryAfter, source, requestId, cause } = error;
  const message = error.message.startsWith(`${field}:`) ? here + error.message.slice(field.length) : error.message;
  const Class = error.constructor as typeof IMessageError;
  return make(Class, message, { code, grpcCode, retryable, context: { ...context, field: here }, retryAfter, source, requestId, cause });
}
