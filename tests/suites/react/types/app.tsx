// The types of im-chats/react as an app sees them.

import { Suspense, type ReactElement } from "react";
import { createClient, type Chat, type LiveEvent, type Message } from "im-chats/messages";
import {
  ImChatsProvider,
  useChat,
  useChatEvents,
  useChats,
  useConnection,
  useInbox,
  useMessages,
  type ChatsState,
  type ConnectionSnapshot,
  type Inbox,
  type MessagesState,
} from "im-chats/react";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T | undefined => undefined;

const im = createClient({ address: "localhost", token: "t" });

function Everything({ guid }: { guid: string }): ReactElement {
  const list = useChats({ archived: true, suspense: true, throwErrors: false });
  is<Equal<typeof list, ChatsState>>();
  const { chat, error, reload } = useChat(guid, { suspense: true });
  is<Equal<typeof chat, Chat | undefined>>();
  is<Equal<typeof error, Error | undefined>>();
  const history = useMessages(guid);
  is<Equal<typeof history, MessagesState>>();
  is<Equal<(typeof history.messages)[number], Message>>();
  const connection = useConnection();
  is<Equal<typeof connection, ConnectionSnapshot>>();
  const inbox = useInbox();
  is<Equal<typeof inbox, Inbox>>();
  useChatEvents((event) => void is<Equal<typeof event, LiveEvent>>());
  useChatEvents(guid, (event) => void is<Equal<typeof event, LiveEvent>>());
  useChatEvents(undefined, ({ type }) => console.log(type));
  // @ts-expect-error -- no handler
  useChatEvents(guid);
  // @ts-expect-error -- no such option
  useChats({ archive: true });
  // @ts-expect-error -- whose?
  useMessages();
  return (
    <ul onClick={reload}>
      {list.chats.map((chat) => <li key={chat.guid}>{chat.displayName}</li>)}
    </ul>
  );
}

export const app = (
  <ImChatsProvider client={im}>
    <Suspense fallback="…">
      <Everything guid="g" />
    </Suspense>
    text
  </ImChatsProvider>
);
// @ts-expect-error -- of which client?
export const wrong = <ImChatsProvider>text</ImChatsProvider>;
