"use client";
import { createContext, createElement, useContext, useEffect, useInsertionEffect, useMemo, useReducer, useRef, useSyncExternalStore } from "react";
import type { ReactElement, ReactNode } from "react";

import { invalid, precondition } from "./errors.js";
import { CHATS, CHAT, CONNECTION, inboxOf, MESSAGES, retain, settled } from "./inbox-react.js";
import type { InboxStore } from "./inbox-store.js";
import type { ChatsOptions, ChatsState, ChatState, ConnectionSnapshot, Inbox, MessagesState, View, ViewState } from "./inbox-types.js";
import type { MessagesClient } from "./messages-types.js";
import type { Client } from "./types.js";
import type { LiveEvent } from "./wasm/im_chats.js";

export type {
  ChatsOptions,
  ChatsState,
  ChatState,
  ConnectionSnapshot,
  Inbox,
  MessagesState,
  View,
  ViewState,
  ViewStatus,
} from "./inbox-types.js";

/** How a hook tells a component that there is nothing to show yet, or that something failed. */
export interface HookOptions {
  /**
   * Whether the component waits in the `<Suspense>` above it while the status is `loading`. Default false. On a server nothing waits:
   * the status is `loading` there, and while the page takes over what the server made.
   */
  readonly suspense?: boolean | undefined;
  /** Whether an error is thrown, for the error boundary above, instead of being in the state. Default false. */
  readonly throwErrors?: boolean | undefined;
}

/** Options of {@link useChats}. */
export interface UseChatsOptions extends ChatsOptions, HookOptions {}

/** What {@link ImChatsProvider} takes. */
export interface ImChatsProviderProps {
  /** The client whose chats the components below show. It stays open when the provider is gone; another client is another inbox. */
  readonly client: Client | MessagesClient;
  /** The components. Without it there are none. */
  readonly children?: ReactNode;
}

/** After how long, in milliseconds, a component that is there again was away. */
const AWAY_MS = 1_000;

const Context = createContext<InboxStore | undefined>(undefined);

/**
 * Gives the hooks of the components below it an inbox of a client. The inbox is closed once the provider is gone.
 *
 * @param props `client` and `children`
 * @returns the components
 * @throws ValidationError when `client` is none
 *
 * @example
 * createRoot(root).render(<ImChatsProvider client={im}><App /></ImChatsProvider>);
 */
export function ImChatsProvider({ client, children }: ImChatsProviderProps): ReactElement {
  const [, renew] = useReducer((count: number) => count + 1, 0);
  const inbox = inboxOf(client);
  useEffect(() => {
    // React can keep a component that is hidden, and show it later, with what it was given before.
    if (inbox.isClosed) return renew();
    return retain(inbox);
  }, [inbox]);
  return createElement(Context.Provider, { value: inbox }, children);
}

function useStore(hook: string): InboxStore {
  const inbox = useContext(Context);
  if (!inbox) throw precondition(`${hook} needs <ImChatsProvider client={…}> above it`);
  return inbox;
}

function useView<T extends ViewState>(view: View<T>, atFirst: T, { suspense, throwErrors }: HookOptions): T {
  let state = useSyncExternalStore(view.subscribe, view.get, () => atFirst);
  if (throwErrors && state.error) {
    // One that came while nobody looked ends with the next look, and who throws would never look.
    view.subscribe(() => {})();
    state = view.get();
    if (state.error) throw state.error;
  }
  if (suspense && state.status === "loading" && state !== atFirst) throw settled(view);
  return state;
}

/**
 * The inbox itself, for what is not shown: `onEvent`, or `reload` of a view.
 *
 * @returns the inbox of the provider above
 * @throws ValidationError of code `preconditionFailed` without a provider above
 *
 * @example
 * const inbox = useInbox();
 * const retry = () => inbox.chats().get().reload();
 */
export function useInbox(): Inbox {
  return useStore("useInbox");
}

/**
 * The chats, newest activity first, kept up to date.
 *
 * @param options `archived` for the archived ones; `suspense` and `throwErrors`
 * @returns the list, with `loadMore` and `reload`
 * @throws ValidationError when an option is wrong, or there is no provider above
 *
 * @example
 * const { chats } = useChats();
 * return <ul>{chats.map((chat) => <li key={chat.guid}>{chat.displayName} {chat.unreadCount}</li>)}</ul>;
 */
export function useChats(options: UseChatsOptions = {}): ChatsState {
  const { archived, ...shown } = options;
  return useView(useStore("useChats").chats({ archived }), CHATS, shown);
}

/**
 * One chat, kept up to date.
 *
 * @param guid the chat's `guid`
 * @param options `suspense` and `throwErrors`
 * @returns the chat, with `reload`
 * @throws ValidationError when `guid` is no text, or there is no provider above
 *
 * @example
 * const { chat } = useChat(guid);
 * return <h1>{chat?.displayName}</h1>;
 */
export function useChat(guid: string, options: HookOptions = {}): ChatState {
  return useView(useStore("useChat").chat(guid), CHAT, options);
}

/**
 * The messages of a chat, the oldest first, kept up to date. Needs a client of `im-chats/messages`.
 *
 * @param guid the chat's `guid`
 * @param options `suspense` and `throwErrors`
 * @returns the messages, with `loadMore` for older ones, and `reload`
 * @throws ValidationError when `guid` is no text, or there is no provider above
 *
 * @example
 * const { messages } = useMessages(guid);
 * return <ol>{messages.map((message) => <li key={message.guid}>{message.content.text}</li>)}</ol>;
 */
export function useMessages(guid: string, options: HookOptions = {}): MessagesState {
  return useView(useStore("useMessages").messages(guid), MESSAGES, options);
}

/**
 * Calls `handler` for every event of all chats, from the first render on, once each and in order. It is always the handler of the last
 * render: it need not be the same function. Where no other hook has the stream open, the first event is one of after it was opened.
 *
 * @param handler is given the event
 * @throws ValidationError when `handler` is no function, or there is no provider above
 *
 * @example
 * useChatEvents((event) => {
 *   if (event.type === "message.received" && !event.isFromMe) play("ping.mp3");
 * });
 */
export function useChatEvents(handler: (event: LiveEvent) => void): void;
/**
 * The same for the events of one chat.
 *
 * @param guid the chat's `guid`; with undefined of all chats
 * @param handler is given the event
 * @throws ValidationError when an argument is wrong, or there is no provider above
 *
 * @example
 * useChatEvents(guid, (event) => console.log(event.type));
 */
export function useChatEvents(guid: string | undefined, handler: (event: LiveEvent) => void): void;
export function useChatEvents(first: string | undefined | ((event: LiveEvent) => void), second?: (event: LiveEvent) => void): void {
  const [guid, handler] = typeof first === "function" ? [undefined, first] : [first, second];
  if (guid !== undefined && typeof guid !== "string") throw invalid("guid", `expected the guid of a chat, got ${typeof guid}`);
  if (typeof handler !== "function") throw invalid("handler", `expected a function, got ${typeof handler}`);
  const { live } = useStore("useChatEvents");
  const latest = useRef(handler);
  // Before every other effect, which may already cause an event. On a server it is no effect at all.
  useInsertionEffect(() => {
    latest.current = handler;
  });
  // How many events there were when the component was rendered: those after it came between that and the effect.
  const seen = useMemo(() => ({ live, guid, position: live.position, left: Infinity }), [live, guid]);
  useEffect(() => {
    // StrictMode unmounts and mounts at once; what was hidden for a while begins with what happens from now on.
    const wasAway = Date.now() - seen.left > AWAY_MS;
    const stop = live.listen(guid, (event) => latest.current(event), wasAway ? undefined : seen.position);
    return () => {
      Object.assign(seen, { position: live.position, left: Date.now() });
      stop();
    };
  }, [live, guid, seen]);
}

/**
 * How the connection of the event stream is.
 *
 * @returns its state in one word, how far it is behind, and what failed
 * @throws ValidationError of code `preconditionFailed` without a provider above
 *
 * @example
 * const { state } = useConnection();
 * return state === "live" ? null : <p role="status">{state}</p>;
 */
export function useConnection(): ConnectionSnapshot {
  const { connection } = useStore("useConnection");
  return useSyncExternalStore(connection.subscribe, connection.get, () => CONNECTION);
}
