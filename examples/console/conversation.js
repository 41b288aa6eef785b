// The open chat: its messages, oldest first, and what one can do with each.

import { openMenu } from "./menu.js";
import { onNewDay, sameDay } from "./dates.js";
import { $, copyText, isNarrow, onceAFrame, paintAvatar } from "./dom.js";
import { describe } from "./errors.js";
import { KeyedList } from "./keyed.js";
import { Roving } from "./keyboard.js";
import { fillItem, makeItem, sameItem } from "./message.js";
import { menuOf } from "./message-menu.js";
import { addressesOf, chatName, messageText } from "./names.js";
import { ReadMark } from "./read-mark.js";
import { showCode } from "./code.js";
import { follow, getChat, listMessages } from "./snippets.js";

/** The most messages that stand in the page at once; older ones come as one scrolls up. */
const PAGE = 100;
/** How near to the end, in pixels, one follows what comes. */
const NEAR = 80;

export class Conversation {
  #session;
  #guid;
  #view;
  #chatView;
  #stops = [];
  #items;
  #roving;
  #shown = PAGE;
  #newestSeen;
  /** Whether the newest message was in sight when the conversation was last shown. */
  #follows = true;
  #readMark;
  #render = onceAFrame(() => this.#paint());

  constructor(session) {
    const { signal } = session;
    this.#session = session;
    this.#readMark = new ReadMark(session);
    this.#items = new KeyedList($("messages"), { key: keyOf, create: makeItem, update: fillItem, same: sameItem });
    this.#roving = new Roving($("messages"), ".more-of", { signal, keys: ["ArrowDown", "ArrowUp"], start: "last" });
    $("messages").onclick = (event) => {
      const button = event.target.closest(".more-of");
      if (button) this.#openMenu(button);
    };
    $("messages").oncontextmenu = (event) => {
      const button = event.target.closest(".message")?.querySelector(".more-of");
      if (!button || getSelection()?.toString()) return;
      event.preventDefault();
      this.#openMenu(button);
    };
    $("older").onclick = () => this.#older();
    $("newest").onclick = () => this.#toEnd();
    $("scroll").onscroll = () => this.#onScroll();
    $("copy-guid").onclick = () => copyText(this.#guid, "The GUID is");
    $("talk-code").onclick = () => showCode(follow({ chats: [this.#guid] }, "Follow this chat"), listMessages(this.#guid), getChat(this.#guid));
    addEventListener("visibilitychange", () => this.see(), { signal });
    onNewDay(() => this.#items.repaint(), signal);
    this.close();
  }

  get guid() {
    return this.#guid;
  }

  /** The open chat, as far as it is known. */
  get chat() {
    return this.#chatView?.get().chat ?? (this.#guid && this.#session.chats.get(this.#guid));
  }

  open(guid) {
    if (this.#guid === guid) return this.shown();
    this.#leave();
    this.#guid = guid;
    this.#shown = PAGE;
    this.#newestSeen = undefined;
    const { inbox } = this.#session;
    this.#view = inbox.messages(guid);
    this.#chatView = inbox.chat(guid);
    this.#stops = [this.#view.subscribe(this.#render), this.#chatView.subscribe(this.#render)];
    $("talk").hidden = false;
    $("talk-empty").hidden = true;
    this.#paint();
    this.#toEnd();
  }

  /** It is shown again, as on a phone after the list. */
  shown() {
    if (this.#follows) this.#toEnd();
    this.see();
  }

  close() {
    this.#leave();
    $("talk").hidden = true;
    $("talk-empty").hidden = false;
  }

  /** The message with this GUID, if it is held. */
  message(guid) {
    return this.#view?.get().messages.find((message) => message.guid === guid);
  }

  /** Puts the focus on the message that Tab would reach. */
  focus() {
    this.#roving.focus();
  }

  #leave() {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#guid = undefined;
    this.#view = undefined;
    this.#chatView = undefined;
    this.#items.clear();
  }

  #paint() {
    if (!this.#guid) return;
    const { chat } = this;
    this.#paintHead(chat ?? { guid: this.#guid });
    const { status, error, messages, hasMore } = this.#view.get();
    const all = messages.filter((message) => !message.reactionTargetGuid);
    const shown = all.slice(-this.#shown);
    this.#items.show(itemsOf(shown, chat?.isGroup, (guid) => this.message(guid)));
    this.#roving.refresh();
    $("older").hidden = !hasMore && shown.length === all.length;
    const failed = status === "error";
    $("messages-empty").hidden = !failed && (all.length > 0 || status === "loading");
    $("messages-empty").textContent = failed ? `The messages could not be read: ${describe(error).message}` : "No messages yet. Write the first one below.";
    const newest = all.at(-1)?.guid;
    const isNew = newest !== this.#newestSeen;
    const first = this.#newestSeen === undefined;
    this.#newestSeen = newest;
    if (this.#follows || first) this.#toEnd();
    else if (isNew && !all.at(-1)?.isFromMe) $("newest").hidden = false;
    else if (isNew) this.#toEnd();
    this.#session.onChat(chat);
    this.see();
  }

  #paintHead(chat) {
    const name = chatName(chat);
    if ($("detail-title").textContent !== name) {
      $("detail-title").textContent = name;
      paintAvatar($("detail-avatar"), name);
      $("draft").placeholder = `Message to ${name}`;
    }
    const people = addressesOf(chat).join(", ");
    const unread = [people, chat.isArchived && "archived"].filter(Boolean).join(" · ");
    if ($("people").textContent !== unread) $("people").textContent = unread;
  }

  #openMenu(button) {
    const message = this.message(button.closest(".message").dataset.guid);
    if (message) openMenu(button, menuOf(this.#session, this.#guid, message));
  }

  async #older() {
    const { hasMore, loadMore, messages } = this.#view.get();
    const guid = this.#guid;
    const scroll = $("scroll");
    const fromEnd = scroll.scrollHeight - scroll.scrollTop;
    this.#shown += PAGE;
    if (hasMore && messages.length < this.#shown) await loadMore();
    if (this.#guid !== guid) return;
    this.#paint();
    scroll.scrollTop = scroll.scrollHeight - fromEnd;
  }

  #toEnd() {
    const scroll = $("scroll");
    scroll.scrollTop = scroll.scrollHeight;
    this.#follows = true;
    $("newest").hidden = true;
  }

  #onScroll() {
    const { clientHeight, scrollHeight, scrollTop } = $("scroll");
    // Without a height it is not shown, and nobody scrolled.
    if (clientHeight === 0) return;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#follows) $("newest").hidden = true;
  }

  /** What is looked at is read. */
  see() {
    const { chat } = this;
    const seen = document.visibilityState === "visible" && (!isNarrow() || document.body.dataset.view === "talk");
    if (chat && seen) this.#readMark.look(chat);
  }
}

const keyOf = (item) => (item.day ? `day ${item.day}` : item.message.guid);

/** The messages with the headings of their days, and with what each shows of the others. */
function itemsOf(messages, isGroup, find) {
  const items = [];
  const lastMine = messages.findLast((message) => message.isFromMe && !message.dateRetracted);
  let before;
  for (const message of messages) {
    if (!before || !sameDay(before.dateCreated, message.dateCreated)) items.push({ day: message.dateCreated.slice(0, 19) });
    const sender = message.isFromMe ? "" : message.sender?.address;
    const named = Boolean(isGroup && sender && (before?.isFromMe || before?.sender?.address !== sender));
    const target = message.replyTargetGuid;
    const quoted = target === undefined ? undefined : (messageText(find(target)) ?? "an earlier message");
    items.push({ message, named, isLast: message === lastMine, quoted });
    before = message;
  }
  return items;
}

