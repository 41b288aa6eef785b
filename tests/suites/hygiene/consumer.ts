// A program that uses every name of the package, in words that TypeScript 5.0 knows. It is compiled by several of them, with and
// without the DOM's types.

import {
  AuthenticationError,
  ConnectionError,
  createClient,
  ErrorCode,
  IMessageError,
  MessageEffect,
  NotFoundError,
  RateLimitError,
  TypedEventStream,
  ValidationError,
  type CallOptions,
  type CatchUpComplete,
  type CatchUpEvent,
  type Chat,
  type ChatEvent,
  type Chats,
  type ChatServiceType,
  type Client,
  type ClientOptions,
  type Connection,
  type ConnectionState,
  type ConnectionStatus,
  type CountChatsOptions,
  type CreateClient,
  type CreateChatOptions,
  type CreateChatResult,
  type EventContext,
  type Events,
  type EventType,
  type Gap,
  type IMessageErrorJson,
  type IMessageErrorOptions,
  type LiveEvent,
  type Message,
  type MessageContent,
  type MessageReceived,
  type MessageSummary,
  type MessageSummaryContent,
  type MessageEffectName,
  type MessageEvent,
  type RetryOptions,
  type SingleServiceAddressInfo,
  type SubscribeAllOptions,
  type SubscribeOptions,
  type WasmSource,
} from "im-chats";
import { createClient as inline } from "im-chats/inline";
import { createClient as withMessages, type ListMessagesOptions, type MessagePage, type MessagesClient, type SendMessageOptions } from "im-chats/messages";
import { createInbox, type ChatsOptions, type ChatsState, type ChatState, type ConnectionSnapshot, type Inbox, type InboxOptions, type MessagesState, type View, type ViewState, type ViewStatus } from "im-chats/inbox";
import { fakeStream, startEmulator } from "im-chats/testing";
import type * as testing from "im-chats/testing";
import messagesWasm from "im-chats/messages/wasm";
import wasm from "im-chats/wasm";

const retry: RetryOptions = { maxAttempts: 2 };
const options: ClientOptions = { address: "im.example.com", token: async () => "t", retry, wasm };
const make: CreateClient = createClient;
const im: Client = make(options);
// An option that is undefined is one that was left out, and what the environment may not have is passed as it is.
declare const environment: Record<string, string | undefined>;
export const undefinedOptions: ClientOptions = {
  address: environment["IM_CHATS_ADDRESS"],
  token: environment["IM_CHATS_TOKEN"],
  tls: undefined,
  timeout: undefined,
  retry: { maxAttempts: undefined, initialDelay: undefined, maxDelay: undefined },
  autoIdempotency: undefined,
  allowTokenCreationInBrowser: undefined,
  server: environment["IM_CHATS_SERVER"],
  wasm: undefined,
};
const chats: Chats = im.chats;
const events: Events = im.events;
const connection: Connection = im.connection;
const sources: WasmSource[] = [wasm, "/im_chats_bg.wasm", new Uint8Array(1), new ArrayBuffer(1)];

export async function program(call: CallOptions, count: CountChatsOptions, create: CreateChatOptions): Promise<number> {
  const made: CreateChatResult = await chats.create(["alice@example.com"], { ...create, ...call, effect: MessageEffect.slam });
  const chat: Chat = await chats.get(made.chat.guid, call);
  const message: MessageSummary | undefined = chat.lastMessage;
  const content: MessageSummaryContent | undefined = message?.content;
  const who: SingleServiceAddressInfo | undefined = chat.participants[0];
  const service: ChatServiceType = who?.service ?? "unknown";
  await chats.setBackground(chat.guid, new Uint8Array([1]));
  const subscription: SubscribeOptions = { chat: chat.guid, after: 1, onGap: (gap: Gap) => void (gap.from + gap.to) };
  const stream: TypedEventStream<ChatEvent> = chats.subscribeEvents(subscription);
  for await (const event of stream.filter((each) => each.isFromMe)) {
    const context: EventContext = event;
    if (event.type === "chat.archived") return context.sequence;
  }
  for await (const event of events.catchUp(stream.cursor)) log(event);
  connection.on((status: ConnectionStatus) => {
    const state: ConnectionState = status.state;
    void [state, service, content, sources];
  });
  await inline(options).close();
  chats.subscribeEvents({ after: stream.cursor, chat: undefined, resume: undefined, onGap: undefined, signal: undefined });
  const everything: SubscribeAllOptions = { chats: [chat.guid], types: ["message.received", "unknown"], after: stream.cursor };
  for await (const event of events.subscribe(everything)) {
    const type: EventType = event.type;
    void type;
  }
  events.subscribe({ after: undefined, chats: undefined, types: undefined, cursor: undefined, signal: undefined });
  events.catchUp(stream.cursor, { signal: undefined });
  await chats.count({ includeArchived: undefined, signal: undefined });
  const key: string | undefined = environment["KEY"];
  await chats.create([], { message: key, effect: undefined, subject: undefined, clientMessageId: key, signal: undefined });
  await im.tokens.create({ sub: "u", scope: ["events"], chats: undefined, ttlSeconds: 60, signal: undefined });
  const effect: MessageEffectName = "confetti";
  await chats.create([], { message: "hi", effect });
  // Methods work without their object, as React's `useSyncExternalStore(connection.on, () => connection.state)` calls them.
  const useSyncExternalStore = <T>(subscribe: (changed: () => void) => () => void, snapshot: () => T): T => (subscribe(() => {})(), snapshot());
  const live: boolean = useSyncExternalStore(connection.on, () => connection.state) === "live";
  const { filter, close } = stream;
  await filter(() => live).close().then(close);
  return chats.count(count);
}

export async function sends(options: SendMessageOptions, filters: ListMessagesOptions): Promise<Message> {
  const client: MessagesClient = withMessages({ address: "im.example.com", token: "t", wasm: messagesWasm });
  const page: MessagePage = await client.messages.list("any;-;a@b.c", { ...filters, before: undefined, pageToken: undefined });
  const [first] = page.messages;
  const sent: Message = await client.messages.send("any;-;a@b.c", "hi", { ...options, replyTo: first && { guid: first.guid } });
  await client.messages.sendAttachment("any;-;a@b.c", new ArrayBuffer(1), { fileName: "f", isAudioMessage: undefined });
  return client.messages.react("any;-;a@b.c", sent.guid, { kind: "emoji", emoji: "x" }, { remove: undefined });
}

/** What a test has, without Node's types and the DOM's. */
export async function tests(given: testing.EmulatorOptions): Promise<number> {
  const server: testing.TestEmulator = await startEmulator({ ...given, gateway: undefined, startTimeout: undefined });
  const client: MessagesClient = server.client({ token: undefined, timeout: 1000 });
  const world: testing.World = server.world;
  const act: testing.ActOptions = { actor: "alice@example.com" };
  const sender: testing.WorldSender = { from: "alice@example.com", chat: undefined, replyTo: undefined };
  const message: testing.WorldMessage = { ...sender, text: "hi", subject: undefined, effect: "confetti", formatting: undefined };
  const file: testing.WorldAttachment = { ...sender, data: new Uint8Array(1), fileName: undefined, isAudioMessage: undefined };
  const received: testing.WrittenMessage = await world.receive(message);
  const sent: testing.WrittenAttachment = await world.receiveAttachment(file);
  const part: testing.ActOnMessageOptions = { ...act, partIndex: 0 };
  const react: testing.WorldReactOptions = { ...part, remove: undefined };
  const read: testing.WorldReadOptions = { message: received.message };
  const typing: testing.WorldTypingOptions = { ...act, isTyping: true };
  const written: testing.Written = await world.edit(received.chat, received.message, "ho", part);
  await world.react(received.chat, received.message, "love", react);
  await world.react(received.chat, received.message, { kind: "emoji", emoji: "x" });
  await Promise.all([world.read(sent.chat, read), world.typing(sent.chat, typing), world.unsend(sent.chat, sent.message, act)]);
  const poll: testing.WrittenPoll = await world.createPoll(sent.chat, "Lunch?", ["Pizza", "Sushi"], act);
  const options: testing.GenerateOptions = { count: 1, chats: undefined };
  const generated: testing.Generated = await world.generate(options);
  const chats: readonly testing.WorldChat[] = await world.chats();
  const stream: TypedEventStream<number> = fakeStream([poll.options.length, generated.count, chats.length]);
  for await (const count of stream) return count + written.sequences.length;
  await client.close();
  await server.stop();
  return 0;
}

function log(event: CatchUpEvent): number {
  if (event.type !== "catchup.complete") {
    const live: LiveEvent = event;
    if (live.type === "message.received") {
      const changed: MessageEvent = live;
      const received: MessageReceived = live;
      const message: Message = received.message;
      const { text = "" }: MessageContent = message.content;
      return text.length + changed.sequence;
    }
    return live.sequence;
  }
  const complete: CatchUpComplete = event;
  return complete.headSequence;
}

export function failed(error: unknown): IMessageErrorJson {
  const absent = { context: undefined, retryAfter: undefined, source: undefined, requestId: undefined, cause: undefined };
  const made: IMessageErrorOptions = { ...absent, code: ErrorCode.timeout, grpcCode: 4, retryable: true };
  for (const Class of [AuthenticationError, ConnectionError, NotFoundError, RateLimitError, ValidationError]) {
    if (error instanceof Class) return error.toJSON();
  }
  return IMessageError.fromJSON(new IMessageError("no", made).toJSON()).toJSON();
}

export function watch(client: Client): () => void {
  const sizes: InboxOptions = { chatsPerPage: 20, messagesPerPage: undefined };
  const inbox: Inbox = createInbox(client, sizes);
  const which: ChatsOptions = { archived: undefined };
  const list: View<ChatsState> = inbox.chats(which);
  const one: ChatState = inbox.chat("guid").get();
  const history: MessagesState = inbox.messages("guid").get();
  const connection: ConnectionSnapshot = inbox.connection.get();
  const state: ViewState = list.get();
  const status: ViewStatus = state.status;
  const stop = list.subscribe(() => log({ type: "catchup.complete", headSequence: history.messages.length + connection.lag }));
  const leave = inbox.onEvent(one.chat?.guid, (event) => void `${event.type} ${status}`);
  return () => [stop, leave, inbox.close].forEach((end) => end());
}
