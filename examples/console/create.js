// The form that makes a chat.

import { MessageEffect } from "im-chats/messages";

import { showCode } from "./code.js";
import { $, busy, make, say } from "./dom.js";
import { attempt } from "./errors.js";
import { chatName } from "./names.js";
import { createChat } from "./snippets.js";

export class Create {
  #session;

  constructor(session) {
    this.#session = session;
    fillEffects($("effect"));
    $("new").onclick = () => this.#toggle($("create").hidden);
    $("create-cancel").onclick = () => this.#toggle(false);
    $("create-code").onclick = () => {
      const { addresses, options } = this.#given();
      showCode(createChat(addresses.length > 0 ? addresses : ["alice@example.com"], options));
    };
    $("create").onsubmit = (event) => {
      event.preventDefault();
      busy($("create").querySelector("[type=submit]"), () => this.#create());
    };
    $("create").onkeydown = (event) => {
      if (event.key === "Escape") this.#toggle(false);
    };
    this.#toggle(false, false);
  }

  #toggle(shown, focus = true) {
    $("create").hidden = !shown;
    $("new").setAttribute("aria-expanded", String(shown));
    if (focus) $(shown ? "addresses" : "new").focus();
  }

  #given() {
    const addresses = $("addresses").value.split(",").map((address) => address.trim()).filter(Boolean);
    const message = $("message").value.trim();
    const effect = $("effect").value;
    return { addresses, options: message ? { message, ...(effect && { effect }) } : {} };
  }

  async #create() {
    const { addresses, options } = this.#given();
    if (options.message && !(await this.#session.warning.ask(`The message goes to ${addresses.join(", ")}`))) return;
    const done = await attempt("Creating the chat", async () => {
      const { chat } = await this.#session.im.chats.create(addresses, options);
      $("create").reset();
      this.#toggle(false);
      this.#session.created(chat);
      say(`Chat with ${chatName(chat)} is there.`);
    });
    if (!done) $("addresses").focus();
  }
}

/** Fills a list with the effects that a message can have. */
export function fillEffects(select) {
  const options = Object.entries(MessageEffect).map(([name, id]) => make("option", { value: id }, name));
  select.replaceChildren(make("option", { value: "" }, "no effect"), ...options);
}
