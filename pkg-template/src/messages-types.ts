import type { ClientOptions } from "./options.js";
import type { Client } from "./types.js";
import type { Groups as WasmGroups, Messages as WasmMessages } from "./wasm/messages.js";

/** `im.messages`: sends, changes and reads messages. */
export interface Messages extends Pick<WasmMessages, "send" | "sendAttachment" | "edit" | "unsend" | "react" | "get" | "list"> {}

/** `im.groups`: reads and changes groups. */
export interface Groups extends Pick<WasmGroups, "get" | "rename" | "add" | "remove" | "leave"> {}

/** A client of one account that also sends and reads messages, and changes groups. */
export interface MessagesClient extends Client {
  /** Sends, changes and reads messages. */
  readonly messages: Messages;
  /** Reads and changes groups. */
  readonly groups: Groups;
}

/** What makes a client that also sends messages: the type of `createClient` of `im-chats/messages` and `im-chats/messages/inline`. */
export interface CreateMessagesClient {
  // As in options.ts, `xtask/js/publish.mjs` puts this comment above the `createClient` of every entry, too.
  /**
   * Makes a client of one account, with everything that the client of `im-chats` has, and `messages` and `groups`. It returns at once
   * and sends nothing: the WebAssembly part, which is one of its own, starts with the first call, and a start that failed is tried
   * again by the next. One client serves a whole program; close it when the program is done with it.
   *
   * @param options where the service is and who calls, at least: `address` and `token`
   * @returns the client, for every call and event stream of the account
   * @throws ValidationError when an option is missing, wrong or unknown; `context.field` names it
   * @throws IMessageError of code `operationNotSupported` when the environment lacks what is needed, as `URL` in an old jsdom
   *
   * @example
   * const im = createClient({ address: "im.example.com", token: "…", retry: true });
   * const { chat } = await im.chats.create(["alice@example.com"]);
   * await im.messages.send(chat.guid, "Hello!", { effect: "confetti" });
   * await im.close();
   */
  (options: ClientOptions): MessagesClient;
}
