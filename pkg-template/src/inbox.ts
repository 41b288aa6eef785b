import { checkClient } from "./inbox-source.js";
import { InboxStore } from "./inbox-store.js";
import type { Inbox, InboxOptions } from "./inbox-types.js";
import { checkKeys, integer } from "./options.js";
import type { MessagesClient } from "./messages-types.js";
import type { Client } from "./types.js";

export type {
  ChatsOptions,
  ChatsState,
  ChatState,
  ConnectionSnapshot,
  Inbox,
  InboxOptions,
  MessagesState,
  View,
  ViewState,
  ViewStatus,
} from "./inbox-types.js";

/**
 * Makes an inbox: chats and messages that are kept up to date, for a list on a screen or anything else. It sends nothing before a
 * view of it is watched. One inbox serves a whole program.
 *
 * @param client whose chats; with one of `im-chats/messages` it has messages, too
 * @param options how much is read at once
 * @returns the inbox; close it when the program is done with it
 * @throws ValidationError when an argument is wrong; `context.field` names it
 *
 * @example
 * const inbox = createInbox(im);
 * const view = inbox.chats();
 * view.subscribe(() => {
 *   for (const { displayName, unreadCount } of view.get().chats) console.log(displayName, unreadCount);
 * });
 */
export function createInbox(client: Client | MessagesClient, options: InboxOptions = {}): Inbox {
  checkClient(client);
  checkKeys(options, "options", ["chatsPerPage", "messagesPerPage"]);
  const { chatsPerPage, messagesPerPage } = options;
  return new InboxStore(client, {
    chats: integer(chatsPerPage, "chatsPerPage", 50, 1, 99),
    messages: integer(messagesPerPage, "messagesPerPage", 50, 1, 100),
  });
}
