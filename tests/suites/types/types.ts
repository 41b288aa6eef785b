// What the types promise beyond the founding page: narrowing, exhaustiveness, and that what is declared by hand is what Rust
// generates. A line that must not compile is marked; the mark itself fails when the line does compile.

import {
  ConnectionError,
  createClient,
  ErrorCode,
  fileCursor,
  IMessageError,
  MessageEffect,
  storageCursor,
  TypedEventStream,
  ValidationError,
  type CatchUpEvent,
  type Chat,
  type ChatEvent,
  type Chats,
  type Client,
  type ConnectionState,
  type CreateChatResult,
  type CursorStore,
  type CreateClient,
  type EventType,
  type GroupChange,
  type GroupEvent,
  type ListChatsOptions,
  type LiveEvent,
  type Message,
  type MessageEffectName,
  type MessageEvent,
  type MessageReceived,
  type MessageSummary,
  type MessageSummaryContent,
  type PollChangeDelta,
  type PollEvent,
  type SubscribeAllOptions,
} from "im-chats";
import type * as names from "im-chats";
import { createClient as createInline, fileCursor as fileCursorInline } from "im-chats/inline";
import { createClient as createMessages } from "im-chats/messages";
import type * as messages from "im-chats/messages";
import { createClient as createMessagesInline } from "im-chats/messages/inline";

/** Compiles only when both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(proof: Same<A, B>) => proof;

const im: Client = createClient({ address: "localhost:8787", tls: false, token: async () => "t", retry: { maxAttempts: 2 } });
same<typeof createInline, typeof createClient>(true);
same<typeof createClient, CreateClient>(true);

// -- the entry with messages has the same types, and more ---------------------------------------------------------------

same<typeof createMessages, messages.CreateMessagesClient>(true);
same<typeof createMessagesInline, typeof createMessages>(true);
same<messages.Message, Message>(true);
same<messages.Chats, Chats>(true);
same<messages.MessageEffect, MessageEffect>(true);
same<typeof messages.IMessageError, typeof IMessageError>(true);
/** What takes a client takes one with messages, too. */
const whole: messages.MessagesClient = createMessages({ address: "localhost:8787", token: "t" });
export const plainClient: Client = whole;
same<Awaited<ReturnType<messages.Messages["send"]>>, Message>(true);
same<Awaited<ReturnType<messages.Messages["sendAttachment"]>>, Message>(true);
same<Awaited<ReturnType<messages.Messages["edit"]>>, Message>(true);
same<Awaited<ReturnType<messages.Messages["unsend"]>>, void>(true);
same<Awaited<ReturnType<messages.Messages["list"]>>, messages.MessagePage>(true);
same<messages.MessagePage["nextPageToken"], string | undefined>(true);
same<messages.MessagePage["messages"], Message[]>(true);
for (const method of ["get", "rename", "add", "remove"] as const) {
  same<Awaited<ReturnType<messages.Groups[typeof method]>>, Chat>(true);
}
same<Awaited<ReturnType<messages.Groups["leave"]>>, void>(true);

export async function sends(message: Message, signal: AbortSignal): Promise<void> {
  const { send, react, list, sendAttachment } = whole.messages;
  await send("c", "t", { replyTo: message.guid, effect: MessageEffect.slam, signal });
  await send("c", "t", { replyTo: { guid: message.guid, partIndex: undefined }, effect: "slam", clientMessageId: undefined });
  // What a message has can be given back.
  await send("c", "t", { formatting: message.content.formatting });
  for (const { reaction } of message.appliedReactions ?? []) await react("c", message.guid, reaction, { remove: true });
  await react("c", message.guid, "love");
  await list("c", { before: new Date(), after: message.dateCreated, pageToken: (await list("c")).nextPageToken });
  await sendAttachment("c", new Uint8Array(1), { fileName: "f" });
  await sendAttachment("c", "guid");
  // @ts-expect-error -- not a reaction
  await react("c", message.guid, "🎉");
  // @ts-expect-error -- not an effect
  await send("c", "t", { effect: "sparkle" });
  // @ts-expect-error -- a text has no file name
  await send("c", "t", { fileName: "f" });
  // @ts-expect-error -- only the entry with messages sends
  void im.messages;
}

// -- declared by hand in the shell, generated from Rust -----------------------------------------------------------------

type GeneratedCode = import("../../node_modules/im-chats/wasm/im_chats.js").ErrorCode;
type GeneratedEffect = import("../../node_modules/im-chats/wasm/im_chats.js").MessageEffect;
same<ErrorCode, GeneratedCode>(true);
same<(typeof MessageEffect)[keyof typeof MessageEffect], GeneratedEffect>(true);
same<keyof typeof MessageEffect, MessageEffectName>(true);

// -- shapes -------------------------------------------------------------------------------------------------------------

same<Awaited<ReturnType<Chats["create"]>>, CreateChatResult>(true);
same<Awaited<ReturnType<Chats["get"]>>, Chat>(true);
same<Awaited<ReturnType<Chats["count"]>>, number>(true);
same<ReturnType<Chats["list"]>, AsyncIterable<Chat>>(true);
same<ListChatsOptions, messages.ListChatsOptions>(true);

export async function lists(signal: AbortSignal): Promise<void> {
  const options: ListChatsOptions = { archived: undefined, pageSize: undefined, signal };
  for await (const chat of im.chats.list(options)) same<typeof chat, Chat>(true);
  for await (const chat of im.chats.list()) chat.guid satisfies string;
  // @ts-expect-error -- a page's token is not an option
  im.chats.list({ pageToken: "x" });
  // @ts-expect-error -- a list is no promise
  im.chats.list().then();
  // @ts-expect-error -- a page of chats is the package's own
  im.chats.listPage({});
}
same<Awaited<ReturnType<Chats["hasBackground"]>>, boolean>(true);
for (const method of ["markRead", "shareContactInfo", "removeBackground"] as const) {
  same<Awaited<ReturnType<Chats[typeof method]>>, void>(true);
}
same<Chat["unreadCount"], number | undefined>(true);
same<Chat["lastMessage"], MessageSummary | undefined>(true);
same<CreateChatResult["initialMessage"], MessageSummary | undefined>(true);
same<keyof MessageSummaryContent, "text" | "expressiveSendStyleId">(true);
same<
  keyof MessageSummary,
  "guid" | "chatGuids" | "content" | "subject" | "isFromMe" | "dateCreated" | "dateRead" | "sender"
>(true);
/** What shows a summary shows a message, too. */
export const summarised = (message: Message): MessageSummary => message;
same<Chat["displayName"], string>(true);
same<Message["dateCreated"], string>(true);
same<ConnectionState, "idle" | "connecting" | "catchingUp" | "live" | "reconnecting" | "offline" | "closed" | "failed">(true);

// -- events are a union on `type` ---------------------------------------------------------------------------------------

export function exhaustive(event: ChatEvent): string {
  switch (event.type) {
    case "chat.backgroundChanged":
    case "chat.backgroundRemoved":
    case "chat.markedRead":
    case "chat.archived":
    case "chat.unarchived":
      return event.actor?.address ?? event.chatGuid;
    default: {
      const never: never = event;
      return never;
    }
  }
}

export function caughtUp(event: CatchUpEvent): number {
  // @ts-expect-error -- the end of a catch-up has no sequence
  void event.sequence;
  if (event.type === "catchup.complete") return event.headSequence;
  if (event.type === "message.received") console.log(event.message.content.text?.length);
  return event.sequence;
}

// -- every member of a union has a name, for the parameter of a handler ---------------------------------------------------

same<
  ChatEvent,
  | names.ChatBackgroundChanged
  | names.ChatBackgroundRemoved
  | names.ChatMarkedRead
  | names.ChatArchived
  | names.ChatUnarchived
>(true);
same<
  MessageEvent,
  | names.MessageReceived
  | names.MessageEdited
  | names.MessageRead
  | names.MessageUnsent
  | names.MessageReactionAdded
  | names.MessageReactionRemoved
  | names.MessageStickerPlaced
>(true);
same<GroupEvent, names.GroupChanged>(true);
same<
  GroupChange,
  | names.GroupDisplayNameChanged
  | names.GroupParticipantAdded
  | names.GroupParticipantRemoved
  | names.GroupParticipantLeft
  | names.GroupIconChanged
  | names.GroupIconRemoved
>(true);
same<PollEvent, names.PollChanged>(true);
same<PollChangeDelta, names.PollCreated | names.PollOptionAdded | names.PollVoted | names.PollUnvoted>(true);
same<LiveEvent, ChatEvent | MessageEvent | GroupEvent | PollEvent | names.UnknownEvent>(true);
same<CatchUpEvent, LiveEvent | names.CatchUpComplete>(true);

// Each is what its `type` narrows the union to, in a handler and in a table of handlers.
type Handlers = { [E in LiveEvent as E["type"]]?: (event: E) => string };
export const handlers: Handlers = {
  "message.received": (event: MessageReceived) => event.message.content.text ?? "",
  "message.reactionAdded": (event: names.MessageReactionAdded) => event.reaction.kind,
  "message.reactionRemoved": (event: names.MessageReactionRemoved) => event.reaction.emoji ?? "",
  "chat.archived": (event: names.ChatArchived) => event.chatGuid,
  "group.changed": ({ change }: names.GroupChanged) => groupChange(change),
  "poll.changed": ({ delta }: names.PollChanged) => pollChange(delta),
  unknown: (event: names.UnknownEvent) => event.about,
};
function groupChange(change: GroupChange): string {
  switch (change.type) {
    case "displayNameChanged":
      return change.displayName;
    case "participantAdded":
    case "participantRemoved":
    case "participantLeft":
      return change.participant.address;
    case "iconChanged":
    case "iconRemoved":
      return change.type;
    default: {
      const never: never = change;
      return never;
    }
  }
}
function pollChange(delta: PollChangeDelta): string {
  switch (delta.type) {
    case "created":
    case "optionAdded":
      return delta.options.map((option) => option.text).join();
    case "voted":
    case "unvoted":
      return delta.optionIdentifier;
    default: {
      const never: never = delta;
      return never;
    }
  }
}
export function narrowed(event: CatchUpEvent): string {
  switch (event.type) {
    case "message.received":
      same<typeof event, names.MessageReceived>(true);
      return event.message.guid;
    case "catchup.complete":
      same<typeof event, names.CatchUpComplete>(true);
      return String(event.headSequence);
    default:
      // @ts-expect-error -- what is left has no message
      void event.message;
      return event.chatGuid;
  }
}
// @ts-expect-error -- a handler of one event is none of another
export const mistaken: Handlers = { "chat.archived": (event: MessageReceived) => event.message.guid };

const archived = im.chats
  .subscribeEvents()
  .filter((event): event is Extract<ChatEvent, { type: "chat.archived" }> => event.type === "chat.archived");
same<typeof archived extends TypedEventStream<infer T> ? T : never, Extract<ChatEvent, { type: "chat.archived" }>>(true);
const sequences: TypedEventStream<number> = archived.map((event) => event.sequence).take(3);
const stop: () => void = sequences.on(
  async (sequence) => console.log(sequence.toFixed()),
  (error: unknown) => console.error(error),
);
stop();

// -- tokens -------------------------------------------------------------------------------------------------------------

const scopes: names.TokenScope[] = ["chats:read", "events"];
/** A list, of literals or not, one scope, and the form of a token. */
export const made = [scopes, ["chats:read", "events:all"] as const, "events", "chats:read events", process.env["SCOPE"] ?? ""].map((scope) =>
  im.tokens.create({ sub: "u", scope, ttlSeconds: 60 }),
);
same<Awaited<ReturnType<names.Tokens["create"]>>, names.CreateTokenResult>(true);
same<keyof names.CreateTokenResult, "token" | "expiresAt">(true);
same<names.CreateTokenResult["expiresAt"], string>(true);

// -- wrong use does not compile -----------------------------------------------------------------------------------------

export async function wrong() {
  // @ts-expect-error -- a list is needed
  await im.chats.create("alice@example.com");
  // @ts-expect-error -- a misspelt option
  await im.chats.create(["alice@example.com"], { mesage: "hi" });
  // @ts-expect-error -- no such scope
  await im.tokens.create({ sub: "u", scope: ["chat:read"], ttlSeconds: 60 });
  // @ts-expect-error -- a life that is missing
  await im.tokens.create({ sub: "u", scope: ["chats:read"] });
  // @ts-expect-error -- a misspelt option, which would be a token for every chat
  await im.tokens.create({ sub: "u", scope: ["chats:read"], ttlSeconds: 60, chat: "any;-;x" });
  // @ts-expect-error -- not an effect
  await im.chats.create(["alice@example.com"], { message: "hi", effect: "confeti" });
  // @ts-expect-error -- a boolean is needed
  await im.chats.setTyping("any;-;x", "yes");
  // @ts-expect-error -- a path is not the picture
  await im.chats.setBackground("any;-;x", "background.jpg");
  // @ts-expect-error -- an event that is not there
  im.chats.subscribeEvents().filter((event) => event.type === "chat.renamed");
  // @ts-expect-error -- an option that is not there
  createClient({ address: "a", token: "t", adress: "b" });
  // @ts-expect-error -- what the class keeps to itself
  im.chats.free();
}

// -- errors -------------------------------------------------------------------------------------------------------------

export async function errors(signal: AbortSignal) {
  await using client = createClient({ address: "a", token: "t" });
  try {
    await client.chats.get("any;-;x", { signal });
  } catch (error) {
    if (error instanceof ValidationError) console.log(error.context["field"]);
    else if (error instanceof ConnectionError) console.log(error.retryAfter?.toFixed(), error.cause);
    else if (error instanceof IMessageError && error.code === ErrorCode.duplicateMessage) console.log(error.requestId);
    throw error;
  }
}

// -- stores of cursors --------------------------------------------------------------------------------------------------

const stores: CursorStore[] = [
  fileCursor("cursor.txt"),
  fileCursor(new URL("file:///cursor.txt")),
  storageCursor(localStorage, "key"),
  storageCursor({ getItem: async () => null, setItem: async () => {} }, "key"),
  { load: () => undefined, save: () => {} },
  { load: async () => null, save: async (cursor) => void cursor.length },
];
same<typeof fileCursorInline, typeof fileCursor>(true);
for (const cursor of [...stores, undefined]) {
  im.chats.subscribeEvents({ cursor, after: 3 });
  im.events.catchUp(undefined, { cursor });
}
// @ts-expect-error -- a path is not a store
im.chats.subscribeEvents({ cursor: "cursor.txt" });
// @ts-expect-error -- a store must give a text
im.chats.subscribeEvents({ cursor: { load: () => 5, save: () => {} } });
same<TypedEventStream<ChatEvent>["ready"], Promise<void>>(true);

// -- everything in the log ----------------------------------------------------------------------------------------------

same<EventType, LiveEvent["type"]>(true);
same<"message.received" | "chat.archived" | "group.changed" | "poll.changed" | "unknown" extends EventType ? true : false, true>(true);
same<messages.EventType, EventType>(true);
export async function everything(client: Client, options: SubscribeAllOptions, guids: readonly string[]) {
  const stream: TypedEventStream<LiveEvent> = client.events.subscribe(options);
  for await (const event of stream) {
    if (event.type === "message.received") console.log(event.message.content.text);
    else if (event.type === "group.changed") console.log(event.change.type);
    // @ts-expect-error -- what is left has no message
    else console.log(event.message);
  }
  client.events.subscribe({ chats: guids, types: ["message.received", "unknown"], after: stream.cursor, onGap: "skip", resume: false });
  const archived = client.events.subscribe().filter((event): event is names.ChatArchived => event.type === "chat.archived");
  same<typeof archived, TypedEventStream<names.ChatArchived>>(true);
}
// @ts-expect-error -- the end of a catch-up is no event of the log
im.events.subscribe({ types: ["catchup.complete"] });
// @ts-expect-error -- a type that there is not
im.events.subscribe({ types: ["message"] });
// @ts-expect-error -- several chats, or none
im.events.subscribe({ chat: "any;-;alice@example.com" });
