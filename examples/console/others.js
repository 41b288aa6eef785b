// The people in the open chat, played by this page: the emulator's control plane as buttons. A relay has none of this.

import { showCode } from "./code.js";
import { $, busy, make, say } from "./dom.js";
import { attempt } from "./errors.js";
import { addressesOf } from "./names.js";
import { world as program } from "./snippets.js";

const ACTS = {
  "they-love": ["Love the last message", "messages:react"],
  "they-read": ["Read my messages", "messages:read"],
  "they-type": ["Type", "chats:typing"],
  poll: ["Send a poll", "polls:create"],
  archive: ["Archive", "chats:archive"],
  unarchive: ["Unarchive", "chats:unarchive"],
};

export class Others {
  #session;
  #chat;

  constructor(session) {
    this.#session = session;
    for (const [id, [label, path]] of Object.entries(ACTS)) {
      $(id).onclick = () => busy($(id), () => this.#act(label, path, this.#body(id), `Done: ${label}.`));
    }
    $("receive").onsubmit = (event) => {
      event.preventDefault();
      busy($("receive").querySelector("[type=submit]"), async () => {
        if (await this.#act("Receiving a message", "messages:receive", this.#body("receive"), "A message came in.")) $("text").value = "";
      });
    };
    $("world-code").onclick = () =>
      showCode(
        program("Receive a message", "messages:receive", this.#body("receive")),
        ...Object.entries(ACTS).map(([id, [label, path]]) => program(label, path, this.#body(id))),
        program("100 events", "events:generate", { count: 100, chatGuids: [this.#chat.guid] }),
      );
    this.open();
  }

  /** Another chat is open, or none. */
  open() {
    this.#chat = undefined;
    $("text").value = "";
    $("world").hidden = true;
    $("world-empty").hidden = false;
  }

  update(chat) {
    if (!chat || chat === this.#chat) return;
    this.#chat = chat;
    $("world").hidden = false;
    $("world-empty").hidden = true;
    $("archive").hidden = chat.isArchived;
    $("unarchive").hidden = !chat.isArchived;
    const senders = addressesOf(chat);
    const before = $("from").value;
    if ([...$("from").options].map(({ value }) => value).join() === senders.join()) return;
    $("from").replaceChildren(...senders.map((address) => make("option", {}, address)));
    if (senders.includes(before)) $("from").value = before;
  }

  #body(id) {
    const chatGuid = this.#chat?.guid;
    const actor = $("from").value;
    const last = this.#chat?.lastMessage?.guid;
    return {
      receive: { chatGuid, from: actor, text: $("text").value.trim() || "Hello!" },
      "they-love": { chatGuid, messageGuid: last ?? "", actor, kind: "love" },
      "they-read": { chatGuid, actor },
      "they-type": { chatGuid, actor },
      poll: { chatGuid, actor, title: "Lunch?", options: ["Pizza", "Sushi"] },
      archive: { chatGuid },
      unarchive: { chatGuid },
    }[id];
  }

  async #act(what, path, body, done) {
    if (!body.chatGuid) return false;
    const went = await attempt(what, () => this.#session.world.act(path, body));
    if (went) say(done);
    return went;
  }
}
