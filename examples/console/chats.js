// The list of chats: newest first, searched, one row a chat, and only the rows that changed are touched.

import { short, onNewDay, timeElement } from "./dates.js";
import { $, make, onceAFrame, paintAvatar, unseen } from "./dom.js";
import { describe } from "./errors.js";
import { KeyedList } from "./keyed.js";
import { Roving } from "./keyboard.js";
import { addressesOf, chatName, messageText, shortGuid } from "./names.js";
import { noChats } from "./no-chats.js";

/** The most chats that a search reads beyond those that are shown. */
const SEARCHED = 2_000;
/** How near to the end, in pixels, more chats are read. */
const NEAR = 400;

export class Chats {
  #session;
  #views;
  #rows;
  #roving;
  #archived = false;
  #current;
  #render = onceAFrame(() => this.#paint());

  constructor(session) {
    const { inbox, signal } = session;
    this.#session = session;
    this.#views = { false: inbox.chats({ archived: false }), true: inbox.chats({ archived: true }) };
    this.#rows = new KeyedList($("list"), { key: (chat) => chat.guid, create: makeRow, update: fillRow });
    this.#roving = new Roving($("list"), "button", { signal, keys: ["ArrowDown", "ArrowUp"] });
    for (const view of Object.values(this.#views)) {
      const stop = view.subscribe(this.#render);
      signal.addEventListener("abort", stop);
    }
    $("list").onclick = (event) => {
      const guid = event.target.closest("button")?.dataset.guid;
      if (guid) session.open(guid);
    };
    $("search").value = "";
    $("search").oninput = this.#render;
    $("search").onkeydown = (event) => {
      if (event.key === "ArrowDown") this.focus();
      else if (event.key === "Escape" && $("search").value) $("search").value = "";
      else return;
      event.preventDefault();
      this.#render();
    };
    $("visible").onclick = () => this.show(false);
    $("archived").onclick = () => this.show(true);
    $("more").onclick = () => this.#state().loadMore();
    $("list").onscroll = () => this.#onScroll();
    onNewDay(() => this.#rows.repaint(), signal);
    this.show(false);
  }

  /** Resolves when the chats were read; throws what reading them threw. */
  async ready() {
    const view = this.#views.false;
    while (view.get().status === "loading") {
      await new Promise((resolve) => {
        const stop = view.subscribe(() => {
          stop();
          resolve();
        });
      });
    }
    if (view.get().status === "error") throw view.get().error;
  }

  /** A chat as it is held, if it is. */
  get(guid) {
    return byGuid(this.#views.false.get().chats).get(guid) ?? byGuid(this.#views.true.get().chats).get(guid);
  }

  /** What a chat is called. */
  nameOf(guid) {
    const chat = this.get(guid);
    return chat ? chatName(chat) : shortGuid(guid);
  }

  /** Shows the archived chats, or the others. */
  show(archived) {
    this.#archived = archived;
    $("visible").setAttribute("aria-pressed", String(!archived));
    $("archived").setAttribute("aria-pressed", String(archived));
    this.#render();
  }

  /** Marks the chat that is open. */
  mark(guid) {
    const before = this.#button(this.#current);
    before?.removeAttribute("aria-current");
    this.#current = guid;
    const button = this.#button(guid);
    button?.setAttribute("aria-current", "true");
    this.#roving.refresh(button);
  }

  /** Puts the focus on the open chat, or the first. */
  focus() {
    const button = this.#button(this.#current);
    if (button) button.focus();
    else this.#roving.focus();
  }

  clear() {
    this.#rows.clear();
    $("count").textContent = "";
  }

  /** The next chats come as one gets near the end. */
  #onScroll() {
    const { hasMore, loadMore } = this.#state();
    const { scrollHeight, scrollTop, clientHeight } = $("list");
    if (hasMore && scrollHeight - scrollTop - clientHeight < NEAR && $("search").value === "") loadMore();
  }

  #state() {
    return this.#views[this.#archived].get();
  }

  #button(guid) {
    return guid === undefined ? undefined : this.#rows.element(guid)?.firstElementChild;
  }

  #paint() {
    if (this.#session.signal.aborted) return;
    const { status, error, chats, hasMore, loadMore } = this.#state();
    const wanted = $("search").value.trim().toLowerCase();
    const shown = wanted ? chats.filter((chat) => haystack(chat).includes(wanted)) : chats;
    const focused = document.activeElement?.closest?.("#list button")?.dataset.guid;
    this.#rows.show(shown);
    const current = this.#button(this.#current);
    if (current && !current.hasAttribute("aria-current")) current.setAttribute("aria-current", "true");
    this.#roving.refresh();
    // A chat with the focus that went elsewhere, such as into the archive: the focus stays in the list.
    if (focused && !this.#button(focused)) this.#roving.focus();
    const total = `${chats.length}${hasMore ? "+" : ""}`;
    const count = wanted ? `${shown.length} of ${total}` : total;
    if ($("count").textContent !== count) $("count").textContent = count;
    $("more").hidden = !hasMore;
    // What is searched must be there; one page after another, each when the one before has come.
    const isSearching = wanted !== "" && hasMore && chats.length < SEARCHED && status === "ready";
    if (isSearching) loadMore();
    this.#paintEmpty(shown.length === 0 && !isSearching, wanted, status, error);
  }

  #paintEmpty(empty, wanted, status, error) {
    const words =
      status === "error" ? "error" : !empty || status === "loading" ? "" : wanted ? "search" : this.#archived ? "archived" : `none ${this.#session.mode}`;
    $("list-empty").hidden = !words;
    if ($("list-empty").dataset.words === words) return;
    $("list-empty").dataset.words = words;
    const texts = {
      "": [],
      error: [make("p", {}, `The chats could not be read: ${error && describe(error).message}`), make("button", { type: "button", className: "small", onclick: () => this.#state().reload() }, "Try again")],
      search: [make("p", {}, "No chat has this in its name, its addresses or its last message.")],
      archived: [make("p", {}, "No chat is archived.")],
    };
    $("list-empty").replaceChildren(...(texts[words] ?? noChats(this.#session)));
  }
}

const indexes = new WeakMap();

/** The chats of a list by their GUIDs; made once for each state of the list. */
function byGuid(chats) {
  let index = indexes.get(chats);
  if (index === undefined) {
    index = new Map(chats.map((chat) => [chat.guid, chat]));
    indexes.set(chats, index);
  }
  return index;
}

const texts = new WeakMap();

/** What a search looks in; made once for each state of a chat. */
function haystack(chat) {
  let text = texts.get(chat);
  if (text === undefined) {
    text = [chat.displayName, chat.guid, ...addressesOf(chat), messageText(chat.lastMessage)].join("\n").toLowerCase();
    texts.set(chat, text);
  }
  return text;
}

function makeRow(chat) {
  const button = make("button", { type: "button", tabIndex: -1 });
  button.dataset.guid = chat.guid;
  button.append(
    make("span", { className: "avatar", ariaHidden: "true" }),
    make("span", { className: "name" }),
    make("span", { className: "at" }),
    make("span", { className: "last" }),
    make("span", { className: "unread" }),
  );
  return make("li", {}, button);
}

function fillRow(row, chat) {
  const [avatar, name, at, last, unread] = row.firstElementChild.children;
  const called = chatName(chat);
  if (name.textContent !== called) {
    paintAvatar(avatar, called);
    name.textContent = called;
  }
  const { lastMessage } = chat;
  at.replaceChildren(...(lastMessage?.dateCreated ? [timeElement(lastMessage.dateCreated, short(lastMessage.dateCreated))] : []));
  const said = lastMessage ? (messageText(lastMessage) ?? "A message without text") : "No messages yet";
  last.textContent = lastMessage?.isFromMe ? `You: ${said}` : said;
  const count = chat.unreadCount ?? 0;
  unread.className = count > 0 ? "unread badge" : "unread";
  unread.replaceChildren(...(count > 0 ? [count > 99 ? "99+" : String(count), unseen(" unread")] : []));
}
