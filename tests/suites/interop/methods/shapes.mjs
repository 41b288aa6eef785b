// The documented shapes of what the methods of the vendor's SDK give: the names of its declarations and its pages, in a form that a value can be
// held against.

const says = (name, fits) => ({ name, fits });
const string = says("text", (value) => typeof value === "string");
const filled = says("text that is not empty", (value) => typeof value === "string" && value !== "");
const number = says("a whole number from 0", (value) => Number.isSafeInteger(value) && value >= 0);
const integer = says("a whole number", Number.isSafeInteger);
const boolean = says("true or false", (value) => typeof value === "boolean");
const date = says("a time", (value) => value instanceof Date && !Number.isNaN(value.getTime()));
const bytes = says("bytes", (value) => value instanceof Uint8Array);
const nothing = says("nothing", (value) => value === undefined);
const among = (...texts) => says(`one of ${texts.join(", ")}`, (value) => texts.includes(value));
const optional = (shape) => ({ optional: shape });
const list = (shape) => ({ list: shape });
const record = (fields) => ({ fields });

const service = among("iMessage", "SMS", "RCS", "unknown");
const kinds = ["love", "like", "dislike", "laugh", "emphasize", "question", "emoji", "sticker", "unknown"];

const Address = record({ address: filled, country: optional(filled), service });

const Attachment = record({
  companionKind: optional(among("live-photo-video", "unknown")),
  fileName: filled,
  guid: filled,
  isHidden: boolean,
  isOutgoing: boolean,
  isSticker: boolean,
  mimeType: filled,
  originalGuid: optional(filled),
  totalBytes: number,
  transferState: among("pending", "transferring", "failed", "finished", "unknown"),
  uti: filled,
});

const Companion = record({ fileName: filled, kind: among("live-photo-video", "unknown"), mimeType: filled, totalBytes: number });

const Reaction = record({ emoji: optional(filled), kind: among(...kinds) });

const Content = record({
  attachments: list(Attachment),
  balloonBundleId: optional(filled),
  expressiveSendStyleId: optional(filled),
  formatting: list(record({ effectName: optional(filled), length: number, start: number, type: filled })),
  mentions: list(record({ address: filled, length: number, start: number })),
  miniApp: optional(nothing),
  text: optional(filled),
});

const Applied = record({
  dateCreated: date,
  isFromMe: boolean,
  messageGuid: filled,
  reaction: Reaction,
  sender: optional(Address),
  targetPartIndex: optional(number),
});

const flags = (names) => Object.fromEntries(names.map((name) => [name, boolean]));

const Message = record({
  appliedReactions: list(Applied),
  cachedRoomNames: optional(string),
  chatActionType: optional(integer),
  chatGuids: list(filled),
  content: Content,
  dateCreated: date,
  dateDelivered: optional(date),
  dateEdited: optional(date),
  dateExpressiveSendPlayed: optional(date),
  datePlayed: optional(date),
  dateRead: optional(date),
  dateRetracted: optional(date),
  destinationCallerId: optional(string),
  groupTitle: optional(string),
  guid: filled,
  itemType: among("normal", "groupNameChange", "participantChange", "chatAction", "unknown"),
  partCount: optional(number),
  placedStickers: list(record({})),
  reaction: optional(Reaction),
  reactionSelected: optional(boolean),
  reactionTargetGuid: optional(filled),
  reactionTargetPartIndex: optional(number),
  replyTargetGuid: optional(filled),
  sendErrorCode: integer,
  sender: optional(Address),
  shareDirection: optional(integer),
  shareStatus: optional(integer),
  subject: optional(filled),
  threadOriginatorGuid: optional(filled),
  threadOriginatorPart: optional(filled),
  ...flags(["dataDetectorResultsPresent", "didNotifyRecipient", "isArchived", "isAudioMessage", "isAutoReply", "isCorrupt", "isDelayed"]),
  ...flags(["isDelivered", "isDeliveredQuietly", "isExpirable", "isForward", "isFromMe", "isSent", "isServiceMessage", "isSpam"]),
  ...flags(["isSystemMessage"]),
});

const Chat = record({
  chatIdentifier: optional(filled),
  displayName: string,
  groupId: optional(filled),
  guid: filled,
  isArchived: boolean,
  isFiltered: boolean,
  isGroup: boolean,
  lastMessage: optional(Message),
  participants: list(Address),
  service,
  unreadCount: optional(number),
});

const Poll = record({
  chatGuid: filled,
  options: list(record({ creatorHandle: optional(filled), optionIdentifier: filled, text: filled })),
  pollMessageGuid: filled,
  title: filled,
  votes: list(record({ optionIdentifier: filled, participant: Address })),
});

/** An event has this, and what its kind adds. */
const event = (type, fields) =>
  record({ actor: optional(Address), chatGuid: filled, isFromMe: boolean, occurredAt: date, sequence: number, type: among(type), ...fields });

/** The shapes, by the names that the vendor's declarations have for them. */
export const SHAPES = {
  nothing,
  boolean,
  number,
  Message,
  MessageListPage: record({ messages: list(Message), nextPageToken: optional(filled) }),
  Chat,
  CreateChatResult: record({ chat: Chat, initialMessage: optional(Message) }),
  GroupIcon: record({ data: bytes, mimeType: filled }),
  AttachmentInfo: Attachment,
  UploadAttachmentResult: record({ attachment: Attachment, companion: optional(Companion) }),
  DownloadHeader: record({ type: among("header"), info: Attachment, companionInfo: optional(Companion) }),
  DownloadChunk: record({ type: among("primaryChunk", "companionChunk"), data: bytes }),
  Poll,
  MessageReceived: event("message.received", { message: Message }),
  ChatEvent: event("chat.archived", {}),
  GroupEvent: event("group.changed", { change: record({ type: among("displayNameChanged"), displayName: filled }) }),
  PollEvent: event("poll.changed", {
    pollMessageGuid: filled,
    delta: record({ type: among("voted"), optionIdentifier: filled }),
  }),
  CatchUpComplete: record({ type: among("catchup.complete"), headSequence: number }),
};

/** Where a value is not what its shape says, one text for each place. */
export function misfits(shape, value, place = "answer") {
  if (shape.optional) return value === undefined ? [] : misfits(shape.optional, value, place);
  if (shape.list) {
    if (!Array.isArray(value)) return [`${place} is not a list`];
    return value.flatMap((item, index) => misfits(shape.list, item, `${place}[${index}]`));
  }
  if (!shape.fields) return shape.fits(value) ? [] : [`${place} is not ${shape.name}`];
  if (value === null || typeof value !== "object") return [`${place} has no fields`];
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(shape.fields, name));
  return [
    ...unknown.map((name) => `${place}.${name} is not documented`),
    ...Object.entries(shape.fields).flatMap(([name, field]) => misfits(field, value[name], `${place}.${name}`)),
  ];
}
