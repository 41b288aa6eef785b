/** What every entry exports besides its `createClient`. */
export { AuthenticationError, ConnectionError, ErrorCode, IMessageError, NotFoundError, RateLimitError, ValidationError } from "./errors.js";
export type { IMessageErrorJson, IMessageErrorOptions } from "./errors.js";
export { MessageEffect } from "./effects.js";
export { TypedEventStream } from "./stream.js";
export { storageCursor } from "./cursor-store.js";
export type { CatchUpOptions, Chats, Client, Events, SubscribeOptions } from "./types.js";
export type { Connection, ConnectionStatus } from "./connection.js";
export type { CursorStorage, CursorStore } from "./cursor-store.js";
export type { ClientOptions, RetryOptions } from "./options.js";
export type { WasmSource } from "./wasm-source.js";
export type {
  AttachmentInfo,
  CallOptions,
  CatchUpComplete,
  CatchUpEvent,
  Chat,
  ChatEvent,
  ChatServiceType,
  CompanionKind,
  ConnectionState,
  CountChatsOptions,
  CreateChatOptions,
  CreateChatResult,
  EventContext,
  FailedAttempt,
  Gap,
  GroupChange,
  GroupEvent,
  LiveEvent,
  Message,
  MessageAppliedReaction,
  MessageContent,
  MessageEffectName,
  MessageEvent,
  MessageItemType,
  MessageMention,
  MessagePlacedSticker,
  MessageReaction,
  MessageReactionKind,
  MiniAppContent,
  MiniAppLayoutInfo,
  PollChangeDelta,
  PollEvent,
  PollOption,
  SingleServiceAddressInfo,
  StickerPlacement,
  TextFormat,
  TransferState,
  UnknownEvent,
} from "./wasm/im_chats.js";
