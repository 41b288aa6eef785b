/** What the entries with messages export besides their `createClient`: the same objects and types as the others', and more types. */
export * from "./public.js";
export type { CreateMessagesClient, Groups, Messages, MessagesClient } from "./messages-types.js";
export type {
  ChangeGroupOptions,
  EditMessageOptions,
  ListMessagesOptions,
  MessagePage,
  MessageReactionName,
  ReactOptions,
  ReplyTarget,
  SendAttachmentOptions,
  SendMessageOptions,
  UnsendMessageOptions,
} from "./wasm/messages.js";
