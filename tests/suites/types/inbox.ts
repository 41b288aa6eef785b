// The types of im-chats/inbox as a program sees them.

import { createClient, type Chat, type LiveEvent, type Message } from "im-chats";
import { createClient as createMessagesClient } from "im-chats/messages";
import { createInbox, type ChatsState, type ChatState, type ConnectionSnapshot, type Inbox, type MessagesState, type View } from "im-chats/inbox";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T | undefined => undefined;

const options = { address: "localhost", token: "t" };
const inbox = createInbox(createClient(options));
is<Equal<typeof inbox, Inbox>>();
createInbox(createMessagesClient(options), { chatsPerPage: 20, messagesPerPage: undefined });
// @ts-expect-error -- no such option
createInbox(createClient(options), { pageSize: 20 });
// @ts-expect-error -- not a client
createInbox({});

const chats = inbox.chats({ archived: true });
is<Equal<typeof chats, View<ChatsState>>>();
const state = chats.get();
is<Equal<typeof state.status, "loading" | "ready" | "error">>();
is<Equal<typeof state.chats, readonly Chat[]>>();
is<Equal<typeof state.error, Error | undefined>>();
// @ts-expect-error -- a state never changes
state.chats.push();
// @ts-expect-error -- a state never changes
state.hasMore = true;
const stop: () => void = chats.subscribe(() => {});
stop();

const chat: ChatState = inbox.chat("guid").get();
is<Equal<typeof chat.chat, Chat | undefined>>();
const { messages }: MessagesState = inbox.messages("guid").get();
is<Equal<typeof messages, readonly Message[]>>();
const connection: View<ConnectionSnapshot> = inbox.connection;
is<Equal<"gap" extends keyof ConnectionSnapshot ? true : false, false>>();
connection.get();

inbox.onEvent(undefined, (event) => {
  is<Equal<typeof event, LiveEvent>>();
  if (event.type === "message.received") is<Equal<typeof event.message, Message>>();
});
// @ts-expect-error -- no handler
inbox.onEvent("guid");
inbox.close();
