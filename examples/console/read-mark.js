// What is looked at is read: when a chat is opened, and when a message comes while it is open.

import { showError } from "./errors.js";

/** At most one request in this time, however many messages come. */
const EVERY_MS = 1_000;

export class ReadMark {
  #session;
  #underWay = false;
  /** The chat for which it failed: that is said once. */
  #failed;

  constructor(session) {
    this.#session = session;
  }

  /** The chat is open, and somebody looks at it. */
  look(chat) {
    if (!(chat.unreadCount > 0) || this.#underWay || this.#failed === chat.guid) return;
    this.#mark(chat.guid);
  }

  async #mark(guid) {
    this.#underWay = true;
    try {
      await this.#session.im.chats.markRead(guid);
      this.#failed = undefined;
    } catch (error) {
      this.#failed = guid;
      if (!this.#session.signal.aborted) showError("Marking the chat read", error);
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    this.#underWay = false;
    // What came meanwhile, if somebody still looks.
    if (!this.#session.signal.aborted) this.#session.conversation.see();
  }
}
