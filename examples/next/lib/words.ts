import type { Chat } from "im-chats";

/** What a chat is called: its name, or who is in it. */
export const nameOf = ({ displayName, participants, guid }: Chat): string =>
  displayName || participants.map(({ address }) => address).join(", ") || guid;
