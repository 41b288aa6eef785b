import type {
  Chat,
  EventContext,
  LiveEvent,
  Message,
  MessageAppliedReaction,
  MessageReaction,
  MessageSummary,
} from "./wasm/im_chats.js";

// What an event does to a chat. An event can be older than what was read: the server had it when it answered, and the stream brings it
// after that. So every change here gives the same when it comes once more, in order, on top of its own result. Counts do not, by
// themselves: they go by the time of the last message that the server had when it answered.

/** A chat, and what is known of when it was read. @internal */
export interface HeldChat {
  chat: Chat;
  /** When something last happened in it: its last message, or that it came to be; in milliseconds since 1970. */
  activity: number;
  /** The time of the last message that it had when it was read. */
  horizon: number;
}

/** A time as milliseconds since 1970; one that nobody knows is before all others. @internal */
export function time(text: string | undefined): number {
  const milliseconds = Date.parse(text ?? "");
  return Number.isNaN(milliseconds) ? -Infinity : milliseconds;
}

/** What a chat tells of a message. @internal */
export function summary(message: Message): MessageSummary {
  const { guid, chatGuids, content, subject, isFromMe, dateCreated, dateRead, sender } = message;
  return {
    guid,
    chatGuids,
    content: summaryContent(content),
    isFromMe,
    dateCreated,
    ...(subject !== undefined && { subject }),
    ...(dateRead !== undefined && { dateRead }),
    ...(sender !== undefined && { sender }),
  };
}

function summaryContent({ text, expressiveSendStyleId }: Message["content"]): MessageSummary["content"] {
  return { ...(text !== undefined && { text }), ...(expressiveSendStyleId !== undefined && { expressiveSendStyleId }) };
}

/** Changes a chat by an event of it; whether that is not certain, and the chat has to be read. @internal */
export function reduceChat(held: HeldChat, event: LiveEvent): boolean {
  switch (event.type) {
    case "message.received":
      return land(held, event.message, event);
    case "message.edited":
      changeLast(held, event.messageGuid, (last) => ({ ...last, content: summaryContent(event.content) }));
      return false;
    case "message.unsent":
      changeLast(held, event.messageGuid, ({ subject: _, ...last }) => ({ ...last, content: {} }));
      return false;
    case "message.read":
      changeLast(held, event.messageGuid, (last) => (last.dateRead === undefined ? { ...last, dateRead: event.readAt } : last));
      return false;
    case "chat.markedRead":
      return markRead(held, event);
    case "chat.archived":
    case "chat.unarchived":
      change(held, "isArchived", event.type === "chat.archived");
      return false;
    case "group.changed":
      return changeGroup(held, event);
    default:
      return false;
  }
}

function change<K extends keyof Chat>(held: HeldChat, name: K, value: Chat[K]): void {
  if (held.chat[name] !== value) held.chat = { ...held.chat, [name]: value };
}

function changeLast(held: HeldChat, guid: string, act: (last: MessageSummary) => MessageSummary): void {
  const last = held.chat.lastMessage;
  if (last?.guid === guid) change(held, "lastMessage", act(last));
}

/** Which of an event and the last message that was read came first; undefined when nobody can tell. */
function isAfterRead(held: HeldChat, at: number, context: EventContext): boolean | undefined {
  if (at > held.horizon) return true;
  // It arrived later than it was written, or in the same millisecond.
  return at === held.horizon || time(context.occurredAt) > held.horizon ? undefined : false;
}

function land(held: HeldChat, message: Message, context: EventContext): boolean {
  const { chat } = held;
  if (chat.lastMessage?.guid === message.guid) return false;
  const at = time(message.dateCreated);
  const isNew = isAfterRead(held, at, context);
  if (!isNew) return isNew === undefined;
  held.activity = at;
  held.chat = { ...chat, lastMessage: summary(message) };
  if (!message.isFromMe && chat.unreadCount !== undefined) held.chat.unreadCount = chat.unreadCount + 1;
  return false;
}

function markRead(held: HeldChat, context: EventContext): boolean {
  const isNew = isAfterRead(held, time(context.occurredAt), context);
  if (!isNew) return isNew === undefined;
  change(held, "unreadCount", 0);
  const last = held.chat.lastMessage;
  if (last && !last.isFromMe && last.dateRead === undefined) change(held, "lastMessage", { ...last, dateRead: context.occurredAt });
  return false;
}

function changeGroup(held: HeldChat, event: Extract<LiveEvent, { type: "group.changed" }>): boolean {
  const { participants } = held.chat;
  const { change: changed } = event;
  switch (changed.type) {
    case "displayNameChanged":
      change(held, "displayName", changed.displayName);
      return false;
    case "participantAdded": {
      const { participant } = changed;
      if (participants.some((who) => who.address === participant.address)) return false;
      change(held, "participants", [...participants, participant]);
      // It may be this account that somebody took back into the group, and the account is no participant of its own chats.
      return !event.isFromMe;
    }
    case "participantRemoved":
    case "participantLeft": {
      const left = participants.filter((who) => who.address !== changed.participant.address);
      if (left.length < participants.length) change(held, "participants", left);
      return false;
    }
    default:
      return false;
  }
}

const NOTHING = { attachments: [], formatting: [], mentions: [] } satisfies Message["content"];

// The fields of `protocol/src/wire/messaging/response.rs` that an answer has even when the service did not send them.
const DEFAULTS = {
  isSent: false,
  isDelivered: false,
  isDeliveredQuietly: false,
  didNotifyRecipient: false,
  sendErrorCode: 0,
  isAudioMessage: false,
  isAutoReply: false,
  isSystemMessage: false,
  isForward: false,
  isDelayed: false,
  isSpam: false,
  dataDetectorResultsPresent: false,
  isArchived: false,
  isServiceMessage: false,
  isCorrupt: false,
  isExpirable: false,
  itemType: "unknown",
  appliedReactions: [],
  placedStickers: [],
} satisfies Partial<Message>;

/** A message of an event as `messages.get` gives it: an event leaves out what is not known, and an answer says what that counts as. @internal */
export function complete(message: Message): Message {
  return { ...DEFAULTS, ...message, content: { ...NOTHING, ...message.content } };
}

/** Changes a message by an event about it; the same object when it does nothing to it. @internal */
export function reduceMessage(message: Message, event: LiveEvent): Message {
  // What was taken back is never changed again.
  if (message.dateRetracted !== undefined) return message;
  switch (event.type) {
    case "message.edited":
      if (time(message.dateEdited) > time(event.editedAt)) return message;
      return { ...message, content: { ...NOTHING, ...event.content }, dateEdited: event.editedAt };
    case "message.unsent": {
      const { subject: _, ...rest } = message;
      return { ...rest, content: NOTHING, dateRetracted: event.retractedAt, appliedReactions: [] };
    }
    case "message.reactionAdded":
      return addReaction(message, event);
    case "message.reactionRemoved": {
      const reactions = message.appliedReactions ?? [];
      const { reaction } = event;
      const left = reactions.filter((other) => !(isOf(other, event) && isSame(other.reaction, reaction) && isBefore(other, event)));
      return left.length === reactions.length ? message : { ...message, appliedReactions: left };
    }
    case "message.stickerPlaced":
      return addSticker(message, event);
    default:
      return message;
  }
}

type Placed = Extract<LiveEvent, { type: "message.reactionAdded" | "message.reactionRemoved" | "message.stickerPlaced" }>;
type Item = Pick<MessageAppliedReaction, "sender" | "isFromMe" | "targetPartIndex" | "dateCreated">;

/** Whether it is of the same person and on the same part of the message. */
function isOf(item: Item, event: Placed): boolean {
  const isSamePerson = item.isFromMe === event.isFromMe && (item.isFromMe || item.sender?.address === event.actor?.address);
  return isSamePerson && (item.targetPartIndex ?? 0) === (event.targetPartIndex ?? 0);
}

function isSame(one: MessageReaction, other: MessageReaction): boolean {
  return one.kind === other.kind && one.emoji === other.emoji;
}

function isBefore(item: Item, event: Placed): boolean {
  return time(item.dateCreated) <= time(event.occurredAt);
}

/** What every tapback and sticker has. The event does not say the `guid` of its own message. */
function placed(event: Placed) {
  const { actor, isFromMe, occurredAt, targetPartIndex } = event;
  return {
    messageGuid: "",
    isFromMe,
    dateCreated: occurredAt,
    ...(targetPartIndex !== undefined && { targetPartIndex }),
    ...(actor !== undefined && { sender: actor }),
  };
}

/** A person has one tapback on a part of a message. */
function addReaction(message: Message, event: Extract<Placed, { type: "message.reactionAdded" }>): Message {
  const reactions = message.appliedReactions ?? [];
  const present = reactions.find((other) => isOf(other, event));
  if (present && (isSame(present.reaction, event.reaction) || !isBefore(present, event))) return message;
  const others = present ? reactions.filter((other) => other !== present) : reactions;
  return { ...message, appliedReactions: [...others, { ...placed(event), reaction: event.reaction }] };
}

function addSticker(message: Message, event: Extract<Placed, { type: "message.stickerPlaced" }>): Message {
  const stickers = message.placedStickers ?? [];
  const { sticker, placement } = event;
  if (stickers.some((other) => isOf(other, event) && other.dateCreated === event.occurredAt)) return message;
  const added = { ...placed(event), ...(sticker && { sticker }), ...(placement && { placement }) };
  return { ...message, placedStickers: [...stickers, added] };
}
