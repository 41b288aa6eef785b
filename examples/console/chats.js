// The list of chats, and the form that makes one.

import { MessageEffect } from "im-chats";

import { $, busy, make, paintAvatar, say } from "./dom.js";
import { chatName, clearErrors, messageText, shortGuid, showError } from "./words.js";

/** How many `get` calls run at a time when the list is read. */
const AT_ONCE = 8;

export class Chats {
  #session;
  #chats = new Map();
  #current;

  constructor(session) {
    this.#session = session;
    this.clear();
    fillEffects();
    $("new").onclick = () => this.#toggleForm($("create").hidden);
    $("create-cancel").onclick = () => this.#toggleForm(false);
    $("create").onsubmit = (event) => {
      event.preventDefault();
      this.#create();
    };
    $("create").onkeydown = (event) => {
      if (event.key === "Escape") this.#toggleForm(false);
    };
    $("list").onkeydown = (event) => moveInList(event);
  }

  get(guid) {
    return this.#chats.get(guid);
  }

  /** The chat that is open, as it was read last. */
  get current() {
    return this.#chats.get(this.#current);
  }

  /** All chats the gateway has. The SDK has no list; a relay's page fills up from events and from what it creates. */
  async load() {
    const guids = (await this.#session.world.chats()) ?? [];
    for (let from = 0; from < guids.length; from += AT_ONCE) {
      const chats = await Promise.all(guids.slice(from, from + AT_ONCE).map((guid) => this.#session.im.chats.get(guid)));
      for (const chat of chats) this.#chats.set(chat.guid, chat);
    }
    this.#render();
  }

  put(chat) {
    this.#chats.set(chat.guid, chat);
    this.#render();
  }

  mark(guid) {
    this.#current = guid;
    this.#render();
  }

  clear() {
    this.#chats.clear();
    this.#current = undefined;
    this.#toggleForm(false, false);
    this.#render();
  }

  #toggleForm(shown, focus = true) {
    $("create").hidden = !shown;
    $("new").setAttribute("aria-expanded", String(shown));
    if (focus) $(shown ? "addresses" : "new").focus();
  }

  async #create() {
    const addresses = $("addresses").value.split(",").map((address) => address.trim()).filter(Boolean);
    const message = $("message").value.trim();
    const effect = $("effect").value;
    const options = message ? { message, ...(effect && { effect }) } : {};
    clearErrors();
    await busy($("create").querySelector("[type=submit]"), async () => {
      try {
        const { chat } = await this.#session.im.chats.create(addresses, options);
        $("create").reset();
        this.#toggleForm(false);
        await this.#session.refresh(chat.guid);
        this.#session.open(chat.guid);
        say(`Chat with ${chatName(chat)} is there.`);
      } catch (error) {
        showError("Creating the chat", error);
        $("addresses").focus();
      }
    });
  }

  #render() {
    // A keyboard user must not lose the focus when an event redraws the list.
    const focused = document.activeElement?.closest?.("#list button")?.dataset.guid;
    const items = [...this.#chats.values()].sort(byArchiveThenName).map((chat) => this.#item(chat));
    $("list").replaceChildren(...items);
    $("list-empty").hidden = items.length > 0;
    if (focused) $("list").querySelector(`[data-guid="${CSS.escape(focused)}"]`)?.focus();
  }

  #item(chat) {
    const name = chatName(chat);
    const unread = chat.unreadCount ?? 0;
    const button = make("button", { type: "button", onclick: () => this.#session.open(chat.guid) });
    button.dataset.guid = chat.guid;
    if (chat.guid === this.#current) button.setAttribute("aria-current", "true");
    const badge = make("span", { className: "badge" }, String(unread));
    badge.setAttribute("aria-label", `${unread} unread`);
    const last = messageText(chat.lastMessage) ?? shortGuid(chat.guid);
    const avatar = paintAvatar(make("span", { className: "avatar", ariaHidden: "true" }), name);
    button.append(avatar, make("span", { className: "name" }, name), unread > 0 ? badge : make("span"));
    button.append(make("span", { className: "last" }, chat.isArchived ? `Archived · ${last}` : last));
    return make("li", {}, button);
  }
}

function byArchiveThenName(one, other) {
  if (one.isArchived !== other.isArchived) return one.isArchived ? 1 : -1;
  return chatName(one).localeCompare(chatName(other));
}

function fillEffects() {
  const options = Object.entries(MessageEffect).map(([name, id]) => make("option", { value: id }, name));
  $("effect").replaceChildren(make("option", { value: "" }, "none"), ...options);
}

/** Arrow keys move between chats, as in any list; Tab leaves it. */
function moveInList(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const buttons = [...$("list").querySelectorAll("button")];
  const next = buttons[buttons.indexOf(document.activeElement) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}
