// Everything that lives as long as one connection: the client, its inbox, and the parts of the page.

import { createInbox } from "im-chats/inbox";
import { createClient } from "im-chats/messages";

import { Chats } from "./chats.js";
import { Composer } from "./composer.js";
import { showConnection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Create } from "./create.js";
import { Details } from "./details.js";
import { $, isNarrow, showView } from "./dom.js";
import { Feed } from "./feed.js";
import { closeMenu } from "./menu.js";
import { Others } from "./others.js";
import { Side } from "./side.js";
import { Warning } from "./warning.js";
import { World } from "./world.js";

export class Session {
  #end = new AbortController();

  constructor(token, mode) {
    this.mode = mode;
    this.signal = this.#end.signal;
    this.im = createClient({ address: location.origin, token });
    this.inbox = createInbox(this.im);
    this.world = mode === "emulator" ? new World(token) : undefined;
    this.warning = new Warning(mode);
    this.chats = new Chats(this);
    this.create = new Create(this);
    this.details = new Details(this);
    this.others = this.world && new Others(this);
    this.composer = new Composer(this);
    this.conversation = new Conversation(this);
    this.feed = new Feed(this);
    this.side = new Side(this);
    const stop = this.inbox.onEvent(undefined, (event) => this.#onEvent(event));
    this.signal.addEventListener("abort", stop);
    showConnection(this.inbox.connection, this.signal);
    $("mode").hidden = mode !== "relay";
    $("back").onclick = () => this.backToChats();
    $("to-details").onclick = () => {
      this.side.show("details");
      showView("side");
      $("tab-details").focus();
    };
    $("side-back").onclick = () => {
      if (!this.conversation.guid) return this.backToChats();
      showView("talk");
      this.conversation.shown();
      $("to-details").focus();
    };
  }

  /** Throws what reading the chats throws: a wrong token is best said before anything else is shown. */
  async start() {
    await this.chats.ready();
    this.feed.start();
  }

  /** Opens a chat and puts the focus where one goes on: into the composer, or on a phone on its name. */
  open(guid) {
    showView("talk");
    if (this.conversation.guid !== guid) {
      this.composer.open(guid);
      this.details.open(guid);
      this.others?.open();
      this.chats.mark(guid);
    }
    this.conversation.open(guid);
    if (isNarrow()) $("detail-title").focus({ preventScroll: true });
    else this.composer.focus();
  }

  /** A chat was made, which leaves no event. */
  created(chat) {
    if (this.signal.aborted) return;
    this.chats.show(chat.isArchived);
    this.inbox.chats({ archived: chat.isArchived }).get().reload();
    this.open(chat.guid);
  }

  backToChats() {
    showView("chats");
    this.chats.focus();
  }

  /** The open chat has another state. */
  onChat(chat) {
    this.details.update(chat);
    this.others?.update(chat);
  }

  #onEvent(event) {
    if (event.type === "chat.backgroundChanged" || event.type === "chat.backgroundRemoved") this.details.backgroundChanged(event.chatGuid);
    if (event.type === "message.received" && event.isFromMe) this.details.sent(event.chatGuid);
  }

  end() {
    this.feed.stop();
    closeMenu(false);
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    this.conversation.close();
    this.composer.open(undefined);
    this.details.open(undefined);
    this.chats.clear();
    this.#end.abort();
    this.inbox.close();
    this.im.close().catch(() => {});
  }
}
