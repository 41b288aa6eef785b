import { createInbox } from "./inbox.js";
import type { InboxStore } from "./inbox-store.js";
import type { ChatsState, ChatState, ConnectionSnapshot, MessagesState, View, ViewState } from "./inbox-types.js";
import type { MessagesClient } from "./messages-types.js";
import type { Client } from "./types.js";

// What the hooks need beside React itself.

const nothing = async () => {};
const loading = { status: "loading", reload: nothing } as const;

// What a server shows, and the page until it has taken over.
/** @internal */
export const CHATS: ChatsState = { ...loading, chats: [], hasMore: false, loadMore: nothing };
/** @internal */
export const CHAT: ChatState = loading;
/** @internal */
export const MESSAGES: MessagesState = { ...loading, messages: [], hasMore: false, loadMore: nothing };
/** @internal */
export const CONNECTION: ConnectionSnapshot = { state: "idle", lag: 0 };

const inboxes = new WeakMap<object, InboxStore>();

/**
 * The inbox of a client. It outlives a render that came to nothing: React renders twice in StrictMode, and once more after it waited.
 *
 * @internal
 */
export function inboxOf(client: Client | MessagesClient): InboxStore {
  const known = inboxes.get(client);
  if (known && !known.isClosed) return known;
  const inbox = createInbox(client) as InboxStore;
  inboxes.set(client, inbox);
  return inbox;
}

const users = new WeakMap<InboxStore, number>();

/** Keeps an inbox open until what it gives is called, and no one else keeps it. @internal */
export function retain(inbox: InboxStore): () => void {
  users.set(inbox, (users.get(inbox) ?? 0) + 1);
  return () => {
    users.set(inbox, (users.get(inbox) ?? 1) - 1);
    // Not at once: StrictMode mounts, unmounts and mounts.
    setTimeout(() => {
      if (!users.get(inbox)) inbox.close();
    });
  };
}

/** How long a view that was waited for stays watched: until then the component that waited watches it itself. */
const GRACE_MS = 1_000;

const waiting = new WeakMap<View<ViewState>, Promise<void>>();

/** Resolves once a view shows something. A component that waits for it is not there yet, so this watches the view meanwhile. @internal */
export function settled(view: View<ViewState>): Promise<void> {
  const known = waiting.get(view);
  if (known) return known;
  const promise = new Promise<void>((resolve) => {
    const stop = view.subscribe(() => {
      if (view.get().status === "loading") return;
      waiting.delete(view);
      resolve();
      setTimeout(stop, GRACE_MS);
    });
  });
  waiting.set(view, promise);
  return promise;
}
