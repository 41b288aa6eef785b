// Writing: a message, a reply, an edit, a file.

import { showCode } from "./code.js";
import { fillEffects } from "./create.js";
import { $, busy, say } from "./dom.js";
import { attempt } from "./errors.js";
import { bytes, chatName, messageText } from "./names.js";
import { edit, send, sendFile } from "./snippets.js";

export class Composer {
  #session;
  #guid;
  #drafts = new Map();
  /** `{ what: "reply" | "edit", message }`, or undefined for a new message. */
  #about;
  #file;

  constructor(session) {
    this.#session = session;
    fillEffects($("send-effect"));
    $("composer").onsubmit = (event) => {
      event.preventDefault();
      busy($("send"), () => this.#send());
    };
    $("draft").oninput = grow;
    $("draft").onkeydown = (event) => this.#onKey(event);
    $("about-cancel").onclick = () => this.#stopAbout();
    $("attachment").onchange = () => this.#attach($("attachment").files[0]);
    $("attached-cancel").onclick = () => {
      this.#attach(undefined);
      $("draft").focus();
    };
    $("send-code").onclick = () => showCode(this.#program());
    this.open(undefined);
  }

  /** Another chat is open: what was written for it before is there again. */
  open(guid) {
    // During an edit the message's text is there, and no draft.
    if (this.#guid !== undefined && this.#about?.what !== "edit") this.#drafts.set(this.#guid, $("draft").value);
    this.#guid = guid;
    this.#setAbout(undefined);
    this.#attach(undefined);
    this.#write(this.#drafts.get(guid) ?? "");
  }

  focus() {
    $("draft").focus({ preventScroll: true });
  }

  reply(message) {
    this.#endEdit();
    this.#setAbout({ what: "reply", message });
    this.focus();
  }

  edit(message) {
    this.#endEdit();
    this.#drafts.set(this.#guid, $("draft").value);
    this.#setAbout({ what: "edit", message });
    this.#write(message.content.text ?? "");
    this.focus();
  }

  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      $("composer").requestSubmit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (this.#about) this.#stopAbout();
      else this.#session.backToChats();
    } else if (event.key === "ArrowUp" && $("draft").value === "") {
      event.preventDefault();
      this.#session.conversation.focus();
    }
  }

  #setAbout(about) {
    this.#about = about;
    $("about").hidden = !about;
    $("send").textContent = about?.what === "edit" ? "Save" : "Send";
    $("send-effect").hidden = about?.what === "edit";
    if (!about) return;
    const what = about.what === "edit" ? "Editing" : "Replying to";
    $("about-text").textContent = `${what}: ${messageText(about.message) ?? "a message"}`;
  }

  #stopAbout() {
    this.#endEdit();
    this.#setAbout(undefined);
    this.focus();
  }

  /** The draft that was there before an edit is there again. */
  #endEdit() {
    if (this.#about?.what === "edit") this.#write(this.#drafts.get(this.#guid) ?? "");
  }

  #attach(file) {
    this.#file = file;
    $("attached").hidden = !file;
    $("attached-text").textContent = file ? `${file.name}, ${bytes(file.size)}` : "";
    if (!file) $("attachment").value = "";
    else this.focus();
  }

  #write(text) {
    $("draft").value = text;
    grow();
  }

  /** What the form says: also what its code says. */
  #given() {
    const text = $("draft").value.trim();
    const effect = $("send-effect").value || undefined;
    return { text, effect, replyTo: this.#about?.what === "reply" ? this.#about.message.guid : undefined };
  }

  #program() {
    const { text, effect, replyTo } = this.#given();
    if (this.#about?.what === "edit") return edit(this.#guid, this.#about.message.guid, text);
    if (this.#file) return sendFile(this.#guid, this.#file.name, { replyTo });
    return send(this.#guid, text || "Hello!", { replyTo, effect });
  }

  async #send() {
    const guid = this.#guid;
    const about = this.#about;
    const file = this.#file;
    const { text, effect, replyTo } = this.#given();
    if (!guid || (!text && !file)) return;
    const { conversation, im, warning } = this.#session;
    const name = conversation.chat ? chatName(conversation.chat) : guid;
    if (!(await warning.ask(`The message goes to ${name}`))) return;
    const done = await attempt(about?.what === "edit" ? "Editing" : "Sending", async () => {
      if (about?.what === "edit") {
        await im.messages.edit(guid, about.message.guid, text);
        return;
      }
      if (file) {
        await im.messages.sendAttachment(guid, await file.arrayBuffer(), { fileName: file.name, ...(replyTo && { replyTo }) });
        // It is not sent again when the text fails.
        if (this.#file === file) this.#attach(undefined);
      }
      if (text) await im.messages.send(guid, text, { ...(replyTo && !file && { replyTo }), ...(effect && { effect }) });
    });
    if (!done) return;
    say(about?.what === "edit" ? "Edited." : "Sent.");
    // An edit began beside a draft, which is still wanted.
    if (about?.what !== "edit") this.#drafts.delete(guid);
    // Another chat may be open by now, or another text be written.
    if (this.#guid !== guid || $("draft").value.trim() !== text) return;
    if (this.#about === about) this.#setAbout(undefined);
    $("send-effect").value = "";
    this.#write(this.#drafts.get(guid) ?? "");
    if ($("composer").contains(document.activeElement)) this.focus();
  }
}

/** As high as what is written, up to a third of the window. */
function grow() {
  const draft = $("draft");
  draft.style.setProperty("height", "auto");
  draft.style.setProperty("height", `${Math.min(draft.scrollHeight + 2, innerHeight / 3)}px`);
}
