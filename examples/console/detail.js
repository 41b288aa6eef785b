// One chat: what the API says about it, and what one can do with it.

import { Background } from "./background.js";
import { $, busy, make, paintAvatar, say } from "./dom.js";
import { chatName, clearErrors, messageText, showError } from "./words.js";

export class Detail {
  #session;
  #background;
  #chat;
  #typing = new Set();

  constructor(session) {
    this.#session = session;
    this.#background = new Background(session);
    const { im, world } = session;
    this.#action("read", "Marking read", (guid) => im.chats.markRead(guid), "Marked read.");
    this.#action("typing", "Typing", (guid) => this.#toggleTyping(guid));
    this.#action("card", "Sharing the contact card", (guid) => im.chats.shareContactInfo(guid), "Contact card shared.");
    this.#action("refresh", "Reading the chat", () => {}, "Read again.");
    this.#action("archive", "Archiving", (guid) => world.archive(guid), "Archived.");
    this.#action("unarchive", "Unarchiving", (guid) => world.unarchive(guid), "Taken out of the archive.");
    $("receive").onsubmit = (event) => {
      event.preventDefault();
      this.#receive();
    };
    this.close();
  }

  /** Shows another chat. */
  show(guid) {
    const chat = this.#session.chats.get(guid);
    if (!chat) return;
    this.#chat = undefined;
    this.#background.leave();
    $("text").value = "";
    this.#paint(chat);
    this.#background.check(guid).catch((error) => showError("Reading the background", error));
    $("detail-title").focus({ preventScroll: true });
  }

  /** Shows a chat's new state if it is the one shown. */
  async update(chat) {
    if (this.#chat?.guid !== chat.guid) return;
    this.#paint(chat);
    await this.#background.check(chat.guid);
  }

  /** The chat's background is another one now. */
  backgroundChanged(guid) {
    this.#background.forget(guid);
  }

  close() {
    this.#chat = undefined;
    this.#background.leave();
    $("detail").hidden = true;
    $("detail-empty").hidden = false;
  }

  #action(id, what, work, done) {
    const button = $(id);
    button.onclick = () =>
      busy(button, async () => {
        const guid = this.#chat?.guid;
        if (!guid) return;
        clearErrors();
        try {
          await work(guid);
          await this.#session.refresh(guid);
          if (done) say(done);
        } catch (error) {
          showError(what, error);
        }
      });
  }

  async #toggleTyping(guid) {
    const on = !this.#typing.has(guid);
    await this.#session.im.chats.setTyping(guid, on);
    if (on) this.#typing.add(guid);
    else this.#typing.delete(guid);
    say(on ? "Typing is shown." : "Typing is no longer shown.");
  }

  async #receive() {
    const guid = this.#chat?.guid;
    if (!guid) return;
    clearErrors();
    await busy($("receive").querySelector("button"), async () => {
      try {
        await this.#session.world.receive(guid, $("from").value, $("text").value || "Hello!");
        $("text").value = "";
        await this.#session.refresh(guid);
        say("A message came in.");
      } catch (error) {
        showError("Receiving a message", error);
      }
    });
  }

  #paint(chat) {
    this.#chat = chat;
    const name = chatName(chat);
    $("detail").hidden = false;
    $("detail-empty").hidden = true;
    $("detail-title").textContent = name;
    $("detail-guid").textContent = chat.guid;
    paintAvatar($("detail-avatar"), name);
    $("detail-tags").replaceChildren(...tags(chat).map((tag) => make("span", {}, tag)));
    $("details-list").replaceChildren(...details(chat).flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
    this.#paintBubbles(chat);
    $("typing").setAttribute("aria-checked", String(this.#typing.has(chat.guid)));
    $("archive").hidden = chat.isArchived;
    $("unarchive").hidden = !chat.isArchived;
    const senders = (chat.participants ?? []).map((participant) => participant.address);
    const before = $("from").value;
    $("from").replaceChildren(...senders.map((address) => make("option", {}, address)));
    if (senders.includes(before)) $("from").value = before;
  }

  #paintBubbles(chat) {
    const bubbles = [];
    const text = messageText(chat.lastMessage);
    if (text) bubbles.push(make("p", { className: `bubble${chat.lastMessage.isFromMe ? " mine" : ""}` }, text));
    if (this.#typing.has(chat.guid)) {
      const dots = make("p", { className: "bubble mine dots" }, "•••");
      dots.setAttribute("aria-label", "typing is shown to the others");
      bubbles.push(dots);
    }
    $("bubbles").replaceChildren(...bubbles);
  }
}

function tags(chat) {
  const tags = [chat.isGroup ? "group" : "direct", chat.service];
  if (chat.isArchived) tags.push("archived");
  if (chat.isFiltered) tags.push("filtered");
  return tags.filter(Boolean);
}

function details(chat) {
  const people = (chat.participants ?? []).map(({ address, country }) => (country ? `${address} (${country})` : address));
  return [
    ["Participants", people.join(", ") || "none given"],
    ["Unread", chat.unreadCount === undefined ? "not known" : String(chat.unreadCount)],
    ["Last message", messageText(chat.lastMessage) ?? "none"],
  ];
}
