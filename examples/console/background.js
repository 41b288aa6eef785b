// A chat's background: choosing a picture, looking at it first, sending it, taking it away.

import { $, busy, say } from "./dom.js";
import { duration } from "./dates.js";
import { clearErrors, showError } from "./errors.js";
import { bytes } from "./names.js";

export class Background {
  #session;
  #guid;
  #file;
  #chosenUrl;
  /** Pictures that are set, by chat. The chat API never hands one out; the emulator's control plane does. */
  #set = new Map();
  #present = false;

  constructor(session) {
    this.#session = session;
    $("file").onchange = () => this.#choose($("file").files[0]);
    $("background-set").onclick = () => busy($("background-set"), () => this.#send());
    $("background-remove").onclick = () => busy($("background-remove"), () => this.#remove());
  }

  /** The file that was chosen and not sent. */
  get fileName() {
    return this.#file?.name;
  }

  /** Forgets what was chosen and not sent. */
  leave() {
    this.#guid = undefined;
    this.#present = false;
    this.#unchoose();
    this.#paint();
    $("background-status").textContent = "";
  }

  /** Another chat is open. */
  open(guid) {
    this.#guid = guid;
    this.#check(guid).catch((error) => this.#session.signal.aborted || showError("Reading the background", error));
  }

  /** The background of this chat is another one: the picture that is held is no longer it. */
  changed(guid) {
    this.#forget(guid);
    if (this.#guid === guid) this.open(guid);
  }

  /** Asks whether `guid` has a background, and shows it. */
  async #check(guid) {
    const present = await this.#session.im.chats.hasBackground(guid);
    if (this.#guid !== guid) return; // another chat was opened meanwhile
    this.#present = present;
    if (!present) this.#forget(guid);
    else if (!this.#set.has(guid)) await this.#fetch(guid);
    if (this.#guid === guid) this.#paint();
  }

  #forget(guid) {
    const url = this.#set.get(guid);
    if (url) URL.revokeObjectURL(url);
    this.#set.delete(guid);
  }

  async #fetch(guid) {
    const picture = await this.#session.world?.background(guid);
    if (!picture) return;
    this.#forget(guid);
    this.#set.set(guid, URL.createObjectURL(picture));
  }

  #choose(file) {
    this.#unchoose();
    if (!file) return this.#paint();
    this.#file = file;
    this.#chosenUrl = URL.createObjectURL(file);
    $("background-set").hidden = false;
    $("background-status").textContent = `${file.name}, ${bytes(file.size)}. This is how it will look; nothing is sent yet.`;
    this.#paint();
    $("background-set").focus();
  }

  #unchoose() {
    if (this.#chosenUrl) URL.revokeObjectURL(this.#chosenUrl);
    this.#chosenUrl = undefined;
    this.#file = undefined;
    $("file").value = "";
    $("background-set").hidden = true;
  }

  async #send() {
    const guid = this.#guid;
    const file = this.#file;
    if (!guid || !file || !(await this.#session.warning.ask("The people in this chat see the background"))) return;
    clearErrors();
    const started = performance.now();
    progress(`Sending ${bytes(file.size)}…`);
    try {
      await this.#session.im.chats.setBackground(guid, await file.arrayBuffer());
      this.#forget(guid);
      this.#unchoose();
      progress(undefined, `Set in ${duration(performance.now() - started)}. Devices of a real chat show it within about 30 s.`);
      say("Background set.");
      this.changed(guid);
      $("file").focus();
    } catch (error) {
      progress(undefined, "Not set.");
      showError("Setting the background", error);
    }
  }

  async #remove() {
    const guid = this.#guid;
    if (!guid || !(await this.#session.warning.ask("The people in this chat see that the background goes"))) return;
    clearErrors();
    try {
      await this.#session.im.chats.removeBackground(guid);
      this.#unchoose();
      $("background-status").textContent = "No background now.";
      say("Background removed.");
      this.changed(guid);
    } catch (error) {
      showError("Removing the background", error);
    }
  }

  #paint() {
    const url = this.#chosenUrl ?? this.#set.get(this.#guid);
    const image = $("backdrop");
    image.onerror = () => {
      if (!image.hasAttribute("src")) return;
      image.hidden = true;
      $("backdrop-caption").textContent = "This browser cannot show this kind of picture; the service may take it all the same.";
    };
    image.hidden = !url;
    if (url && image.src !== url) image.src = url;
    if (!url) image.removeAttribute("src");
    image.alt = this.#chosenUrl ? "Preview of the chosen background" : "The chat's background";
    const unseen = this.#present && !url;
    $("stage").dataset.background = this.#chosenUrl ? "chosen" : unseen ? "unseen" : this.#present ? "set" : "none";
    $("backdrop-caption").textContent = this.#chosenUrl
      ? "A preview: nobody else sees it."
      : unseen
        ? "This chat has a background that only its devices can show."
        : this.#present
          ? "This chat has a background."
          : "This chat has no background.";
    $("background-remove").disabled = !this.#present;
  }
}

/** While something is sent there is a bar; fetch does not tell how far it is, so the bar does not pretend to know. */
function progress(text, done = "") {
  $("background-progress").hidden = text === undefined;
  $("background-status").textContent = text ?? done;
}
