// What chats, people and messages are called.

/** The recipient or group id, which is what a person recognises in a GUID. */
export const shortGuid = (guid) => guid.split(";").slice(2).join(";") || guid;

export const addressesOf = (chat) => (chat.participants ?? []).map((participant) => participant.address);

/** What a chat is called. */
export function chatName(chat) {
  if (chat.displayName) return chat.displayName;
  return addressesOf(chat).join(", ") || shortGuid(chat.guid);
}

const EMOJI = { love: "❤️", like: "👍", dislike: "👎", laugh: "😂", emphasize: "‼️", question: "❓", sticker: "🏷️" };

/** The tapbacks that every device has. */
export const TAPBACKS = ["love", "like", "dislike", "laugh", "emphasize", "question"];

/** A tapback as one sees it. */
export const reactionMark = (reaction) => reaction.emoji || EMOJI[reaction.kind] || "•";

/** What a message says, in one line, whatever it consists of. */
export function messageText(message) {
  if (!message) return undefined;
  if (message.dateRetracted) return "Message unsent";
  const { text, attachments = [], miniApp } = message.content ?? {};
  if (text) return text.replaceAll("\uFFFC", "").trim() || fileNames(attachments);
  if (attachments.length > 0) return fileNames(attachments);
  if (miniApp) return miniApp.appName ?? "An app's message";
  return message.groupTitle ? `Named “${message.groupTitle}”` : undefined;
}

const fileNames = (attachments) => attachments.map((file) => file.fileName).join(", ") || "A file";

export function bytes(count) {
  if (count < 1024) return `${count} bytes`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(0)} KB`;
  return `${(count / 1024 / 1024).toFixed(1)} MB`;
}
