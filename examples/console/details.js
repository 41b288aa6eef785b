// What the API says about the open chat, and what this account can do with it beside writing.

import { Background } from "./background.js";
import { showCode } from "./code.js";
import { $, busy, copyText, make, say } from "./dom.js";
import { attempt } from "./errors.js";
import { messageText } from "./names.js";
import { call, follow, getChat, setBackground } from "./snippets.js";

export class Details {
  #session;
  #background;
  #chat;
  #typing = new Set();

  constructor(session) {
    this.#session = session;
    this.#background = new Background(session);
    const { chats, groups } = session.im;
    this.#action("read", "Marking read", (guid) => chats.markRead(guid), "Marked read.");
    this.#action("typing", "Typing", (guid) => this.#toggleTyping(guid), undefined, "The people in this chat see that you type");
    this.#action("card", "Sharing the contact card", (guid) => chats.shareContactInfo(guid), "Contact card shared.", "Your contact card goes to the people in this chat");
    this.#action("leave-group", "Leaving the group", (guid) => groups.leave(guid), "Group left.", "The people in this group see that you leave");
    this.#action("remove", "Removing", (guid) => groups.remove(guid, [address()]), "Removed.", "The people in this group see it");
    this.#form("add", "Adding", (guid) => groups.add(guid, [address()]), "Added.");
    this.#form("rename", "Renaming", (guid) => groups.rename(guid, $("group-name").value.trim()), "Renamed.");
    $("account-code").onclick = () => showCode(...this.#programs());
    this.open(undefined);
  }

  /** Another chat is open. */
  open(guid) {
    this.#chat = undefined;
    this.#background.leave();
    for (const id of ["group-name", "group-address"]) $(id).value = "";
    $("details").hidden = true;
    $("details-empty").hidden = false;
    if (guid) this.#background.open(guid);
  }

  /** Shows a chat's state. */
  update(chat) {
    if (!chat || chat === this.#chat) return;
    this.#chat = chat;
    $("details").hidden = false;
    $("details-empty").hidden = true;
    $("group").hidden = !chat.isGroup;
    $("detail-tags").replaceChildren(...tags(chat).map((tag) => make("span", {}, tag)));
    this.#paintRows(chat);
    this.#paintTyping();
  }

  /** Only what changed: the button in the first row keeps the focus. */
  #paintRows(chat) {
    const all = rows(chat);
    const list = $("details-list");
    if (list.dataset.guid !== chat.guid) {
      list.dataset.guid = chat.guid;
      const copy = make("button", { type: "button", className: "quiet small", onclick: () => copyText(chat.guid, "The GUID is") }, "Copy");
      list.replaceChildren(make("dt", {}, "GUID"), make("dd", {}, make("code", { id: "detail-guid" }, chat.guid), " ", copy));
      list.append(...all.flatMap(([term]) => [make("dt", {}, term), make("dd")]));
    }
    const cells = [...list.querySelectorAll("dd")].slice(1);
    all.forEach(([, value], index) => (cells[index].textContent = value));
  }

  /** The chat's background is another one now. */
  backgroundChanged(guid) {
    this.#background.changed(guid);
  }

  /** This account sent a message there, which ends its typing. */
  sent(guid) {
    if (this.#typing.delete(guid)) this.#paintTyping();
  }

  #action(id, what, work, done, warning) {
    const button = $(id);
    button.onclick = () => busy(button, () => this.#do(what, work, done, warning));
  }

  #form(id, what, work, done) {
    const form = $(id);
    form.onsubmit = (event) => {
      event.preventDefault();
      busy(form.querySelector("[type=submit]"), () => this.#do(what, work, done, "The people in this group see it"));
    };
  }

  async #do(what, work, done, warning) {
    const guid = this.#chat?.guid;
    if (!guid || (warning && !(await this.#session.warning.ask(warning)))) return;
    if ((await attempt(what, () => work(guid))) && done) say(done);
  }

  async #toggleTyping(guid) {
    const on = !this.#typing.has(guid);
    await this.#session.im.chats.setTyping(guid, on);
    if (on) this.#typing.add(guid);
    else this.#typing.delete(guid);
    this.#paintTyping();
    say(on ? "Typing is shown." : "Typing is no longer shown.");
  }

  #paintTyping() {
    const on = this.#typing.has(this.#chat?.guid);
    $("typing").setAttribute("aria-checked", String(on));
    $("dots").hidden = !on;
    $("dots").textContent = "You are shown as typing …";
  }

  #programs() {
    const { guid, isGroup } = this.#chat;
    const isTyping = this.#typing.has(guid);
    return [
      getChat(guid),
      follow({ chats: [guid] }, "Follow the chat"),
      call("Mark read", "chats.markRead", guid),
      call(isTyping ? "Stop typing" : "Type", "chats.setTyping", guid, !isTyping),
      call("Share the contact card", "chats.shareContactInfo", guid),
      setBackground(guid, this.#background.fileName ?? "picture.jpg"),
      call("Remove the background", "chats.removeBackground", guid),
      ...(isGroup
        ? [
            call("Rename the group", "groups.rename", guid, $("group-name").value.trim() || "Trip to Rome"),
            call("Add people", "groups.add", guid, [address() || "carol@example.com"]),
            call("Remove people", "groups.remove", guid, [address() || "carol@example.com"]),
            call("Leave the group", "groups.leave", guid),
          ]
        : []),
    ];
  }
}

const address = () => $("group-address").value.trim();

function tags(chat) {
  const tags = [chat.isGroup ? "group" : "direct", chat.service];
  if (chat.isArchived) tags.push("archived");
  if (chat.isFiltered) tags.push("filtered");
  return tags.filter(Boolean);
}

function rows(chat) {
  const people = (chat.participants ?? []).map(({ address: held, country }) => (country ? `${held} (${country})` : held));
  return [
    ["Participants", people.join(", ") || "none given"],
    ["Unread", chat.unreadCount === undefined ? "not known" : String(chat.unreadCount)],
    ["Last message", messageText(chat.lastMessage) ?? "none"],
  ];
}
