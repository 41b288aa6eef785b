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
  type Message,
  type MessageEffectName,
} from "im-chats";
import { createClient as createInline, fileCursor as fileCursorInline } from "im-chats/inline";

/** Compiles only when both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(proof: Same<A, B>) => proof;

const im: Client = createClient({ address: "localhost:8787", tls: false, token: async () => "t", retry: { maxAttempts: 2 } });
same<typeof createInline, typeof createClient>(true);

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
same<Awaited<ReturnType<Chats["hasBackground"]>>, boolean>(true);
for (const method of ["markRead", "shareContactInfo", "removeBackground"] as const) {
  same<Awaited<ReturnType<Chats[typeof method]>>, void>(true);
}
same<Chat["unreadCount"], number | undefined>(true);
same<Chat["lastMessage"], Message | undefined>(true);
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

// -- wrong use does not compile -----------------------------------------------------------------------------------------

export async function wrong() {
  // @ts-expect-error -- a list is needed
  await im.chats.create("alice@example.com");
  // @ts-expect-error -- a misspelt option
  await im.chats.create(["alice@example.com"], { mesage: "hi" });
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
