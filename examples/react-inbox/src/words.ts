import type { Chat } from "im-chats";

/** What a chat is called: its name, or who is in it. */
export const nameOf = ({ displayName, participants, guid }: Chat): string =>
  displayName || participants.map(({ address }) => address).join(", ") || guid;

/** What a message says, in words. */
export function textOf({ content }: { readonly content: { readonly text?: string; readonly attachments?: readonly unknown[] } }): string {
  const files = content.attachments?.length ?? 0;
  return content.text || (files > 0 ? `${files} file${files === 1 ? "" : "s"}` : "a message without text");
}

/** The hour of today, or the day. */
export function timeOf(rfc3339: string): string {
  const date = new Date(rfc3339);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : date.toLocaleDateString();
}
