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
  /** The picture that is set. The chat API never hands it out; the emulator's control plane does. */
  #setUrl;
  #present = false;
  /** How often was asked for the background: the answer to an earlier question is not shown. */
  #turn = 0;

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
    this.#turn += 1;
    this.#guid = undefined;
    this.#present = false;
    this.#unchoose();
    this.#hold(undefined);
    this.#paint();
    progress();
  }

  /** Another chat is open. */
  open(guid) {
    this.#guid = guid;
    this.#check();
  }

  /** The background of this chat is another one. */
  changed(guid) {
    if (this.#guid === guid) this.#check();
  }

  /** Asks whether the open chat has a background, and shows it. */
  async #check() {
    const guid = this.#guid;
    const turn = (this.#turn += 1);
    try {
      const present = await this.#session.im.chats.hasBackground(guid);
      const picture = present ? await this.#session.world?.background(guid) : undefined;
      if (turn !== this.#turn) return; // another chat was opened, or it was asked again
      this.#present = present;
      this.#hold(picture);
      this.#paint();
    } catch (error) {
      if (turn === this.#turn) showError("Reading the background", error);
    }
  }

  #hold(picture) {
    if (this.#setUrl) URL.revokeObjectURL(this.#setUrl);
    this.#setUrl = picture && URL.createObjectURL(picture);
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
      say("Background set.");
      if (this.#file !== file) return; // another chat was opened, or another picture chosen
      this.#unchoose();
      progress(undefined, `Set in ${duration(performance.now() - started)}. Devices of a real chat show it within about 30 s.`);
      this.#check();
      $("file").focus();
    } catch (error) {
      if (this.#guid === guid) progress(undefined, "Not set.");
      showError("Setting the background", error);
    }
  }

  async #remove() {
    const guid = this.#guid;
    if (!guid || !(await this.#session.warning.ask("The people in this chat see that the background goes"))) return;
    clearErrors();
    try {
      await this.#session.im.chats.removeBackground(guid);
      say("Background removed.");
      if (this.#guid !== guid) return;
      this.#unchoose();
      $("background-status").textContent = "No background now.";
      this.#check();
    } catch (error) {
      showError("Removing the background", error);
    }
  }

  #paint() {
    const url = this.#chosenUrl ?? this.#setUrl;
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
