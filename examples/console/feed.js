// Events as they happen, newest first.

import { $, make } from "./dom.js";
import { chatName, eventWords, shortGuid, time } from "./words.js";

/** What is kept on the page; older entries go, the log keeps them. */
const KEPT = 200;

export class Feed {
  #session;
  #unseen = 0;

  constructor(session) {
    this.#session = session;
    this.clear();
    $("clear").onclick = () => this.clear();
  }

  add(event) {
    const chat = this.#session.chats.get(event.chatGuid);
    const name = chat ? chatName(chat) : shortGuid(event.chatGuid);
    const by = event.isFromMe ? "by this account" : event.actor ? `by ${event.actor.address}` : "by someone else";
    const item = make(
      "li",
      { title: `${event.type} · ${event.chatGuid}` },
      make("span", { className: "mark", ariaHidden: "true" }),
      make("span", { className: "what" }, make("strong", {}, name), ` ${eventWords(event.type)}`),
      make(
        "span",
        { className: "meta" },
        make("time", { dateTime: event.occurredAt }, time(event.occurredAt)),
        make("span", {}, `#${event.sequence}`),
        make("span", {}, by),
        make("code", {}, event.type),
      ),
    );
    item.dataset.type = event.type;
    const feed = $("feed");
    feed.prepend(item);
    while (feed.children.length > KEPT) feed.lastElementChild.remove();
    $("feed-empty").hidden = true;
    if (document.body.dataset.view !== "events") this.#count(this.#unseen + 1);
  }

  /** The events were looked at. */
  seen() {
    this.#count(0);
  }

  clear() {
    $("feed").replaceChildren();
    $("feed-empty").hidden = false;
    this.#count(0);
  }

  #count(unseen) {
    this.#unseen = unseen;
    const badge = $("unseen");
    badge.hidden = unseen === 0;
    badge.textContent = unseen > 99 ? "99+" : String(unseen);
    badge.setAttribute("aria-label", `${unseen} unseen`);
  }
}
