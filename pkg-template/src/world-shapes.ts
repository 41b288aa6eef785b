import type { MessageEffect } from "./effects.js";
import type { MessageEffectName, PollOption, TextFormat } from "./wasm/im_chats.js";
import type { ReplyTarget } from "./wasm/messages.js";
import type { World } from "./world-types.js";

/** What an act wrote to the log. */
export interface Written {
  /** The sequences of the events that it caused, in order; empty when nothing changed. A client's events have the same `sequence`. */
  readonly sequences: readonly number[];
}

/** What is known of a message that came in. */
export interface WrittenMessage extends Written {
  /** The GUID of the chat that it stands in. */
  readonly chat: string;
  /** The GUID of the message, for `world.edit`, `im.messages.get` and the like. */
  readonly message: string;
}

/** What is known of a file that came in. */
export interface WrittenAttachment extends WrittenMessage {
  /** The GUID of the file. */
  readonly attachment: string;
}

/** What is known of a poll. */
export interface WrittenPoll extends Written {
  /** The GUID of the message that carries the poll: what every act on it takes. */
  readonly poll: string;
  /** Its options, in order. */
  readonly options: readonly PollOption[];
}

/** What {@link World.generate} wrote. */
export interface Generated extends Written {
  /** The sequence of the first event. */
  readonly first: number;
  /** The sequence of the last event. */
  readonly last: number;
  /** How many there are. */
  readonly count: number;
  /** The sequences one by one, up to 1,000 events; empty beyond that. */
  readonly sequences: readonly number[];
}

/** A chat as the emulator has it. */
export interface WorldChat {
  /** Its GUID. */
  readonly guid: string;
  /** The name that is shown; empty when nobody gave one. */
  readonly displayName: string;
  /** The addresses of the others. */
  readonly participants: readonly string[];
  /** Whether it is in the archive. */
  readonly isArchived: boolean;
  /** How many of its messages are not read. */
  readonly unreadCount: number;
  /** Whether it has a background. */
  readonly hasBackground: boolean;
  /** Whether it has an icon. */
  readonly hasIcon: boolean;
  /** Whether the account has left it. */
  readonly hasLeft: boolean;
  /** The addresses of those who are typing now, the account's among them: so a test sees that a program types. */
  readonly typing: readonly string[];
}

/** Who does something. */
export interface ActOptions {
  /**
   * The address of the person who does it. Without it, it is this account on another device. Of what is done to messages, groups and
   * polls the person must be in the chat.
   */
  readonly actor?: string | undefined;
}

/** Which part of a message is meant, and who does something to it. */
export interface ActOnMessageOptions extends ActOptions {
  /** The part of the message, 0-based. Without it the first. */
  readonly partIndex?: number | undefined;
}

/** How a tapback is put on a message. */
export interface WorldReactOptions extends ActOnMessageOptions {
  /** Whether it is taken away instead. Default false. */
  readonly remove?: boolean | undefined;
}

/** Who types, and whether. */
export interface WorldTypingOptions extends ActOptions {
  /** Whether somebody types now. Default true; `false` ends it. */
  readonly isTyping?: boolean | undefined;
}

/** Who reads what. */
export interface WorldReadOptions {
  /** Who reads. Without it the other person of a direct chat; in a group it is needed. */
  readonly actor?: string | undefined;
  /** The GUID of a message of this account that was read, and with it those before it. Without it the newest. */
  readonly message?: string | undefined;
}

/** Where something comes in, and from whom: `chat`, `from` or both. */
export interface WorldSender {
  /** The GUID of the chat. Without it, the direct chat with `from`. A direct chat that is not there yet is made; a group must be there. */
  readonly chat?: string | undefined;
  /** The address of the person who sends it. Without it the other person of a direct chat; in a group it is needed. */
  readonly from?: string | undefined;
  /** The message that it answers. Without it, none. */
  readonly replyTo?: ReplyTarget | undefined;
}

/** A message that comes in. */
export interface WorldMessage extends WorldSender {
  /** What it says. */
  readonly text: string;
  /** Its subject line. Without it, none. */
  readonly subject?: string | undefined;
  /** Its effect: a short name, or one of {@link MessageEffect}. Without it, none. */
  readonly effect?: MessageEffectName | MessageEffect | undefined;
  /** Stretches of the text that look different. Without it, none. */
  readonly formatting?: readonly TextFormat[] | undefined;
}

/** A file that comes in. */
export interface WorldAttachment extends WorldSender {
  /** The file: 1 byte to 20 MiB. */
  readonly data: ArrayBufferView | ArrayBuffer;
  /** Its name. Without it `attachment`. */
  readonly fileName?: string | undefined;
  /** Whether it is shown as a voice message. Default false. */
  readonly isAudioMessage?: boolean | undefined;
}

/** How many events are made, and in which chats. */
export interface GenerateOptions {
  /** How many: 1 to 10,000,000. */
  readonly count: number;
  /** The GUIDs of the chats that take turns. Without it, all of them. */
  readonly chats?: readonly string[] | undefined;
}
