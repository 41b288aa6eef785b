// Events as sentences.

import { messageText, reactionMark } from "./names.js";

/** All types of events that this page knows, by what they are about. */
export const TYPES = {
  Messages: [
    "message.received",
    "message.edited",
    "message.read",
    "message.unsent",
    "message.reactionAdded",
    "message.reactionRemoved",
    "message.stickerPlaced",
  ],
  Chats: ["chat.markedRead", "chat.archived", "chat.unarchived", "chat.backgroundChanged", "chat.backgroundRemoved"],
  Groups: ["group.changed"],
  Polls: ["poll.changed"],
  Others: ["unknown"],
};

const GROUP = {
  displayNameChanged: ({ displayName }) => (displayName ? `named “${displayName}”` : "has no name any more"),
  participantAdded: ({ participant }) => `${participant.address} was added`,
  participantRemoved: ({ participant }) => `${participant.address} was removed`,
  participantLeft: ({ participant }) => `${participant.address} left`,
  iconChanged: () => "has another icon",
  iconRemoved: () => "has no icon any more",
};

const POLL = {
  created: ({ title }) => `poll “${title}”`,
  optionAdded: () => "poll has another option",
  voted: () => "poll got a vote",
  unvoted: () => "poll lost a vote",
};

const EVENTS = {
  "message.received": ({ message }) => `${message.isFromMe ? "sent" : "received"}: ${messageText(message) ?? "a message"}`,
  "message.edited": ({ content }) => `edited: ${content.text ?? "a message"}`,
  "message.read": () => "message read",
  "message.unsent": () => "message unsent",
  "message.reactionAdded": ({ reaction }) => `${reactionMark(reaction)} added`,
  "message.reactionRemoved": ({ reaction }) => `${reactionMark(reaction)} taken back`,
  "message.stickerPlaced": () => "sticker placed",
  "chat.backgroundChanged": () => "background set",
  "chat.backgroundRemoved": () => "background removed",
  "chat.markedRead": () => "marked read",
  "chat.archived": () => "archived",
  "chat.unarchived": () => "taken out of the archive",
  "group.changed": ({ change }) => GROUP[change.type]?.(change) ?? change.type,
  "poll.changed": ({ delta }) => POLL[delta.type]?.(delta) ?? delta.type,
  unknown: ({ about }) => `something new about a ${about}`,
};

/** What happened; an event that this page does not know yet is called by its type. */
export const eventWords = (event) => EVENTS[event.type]?.(event) ?? event.type;

/** Who did it. */
export const eventActor = (event) => (event.isFromMe ? "by this account" : event.actor ? `by ${event.actor.address}` : "by someone else");
