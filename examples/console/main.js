// The console: one client, one control plane, one stream of events, and three views of them.

import { createClient } from "im-chats";

import { Chats } from "./chats.js";
import { Detail } from "./detail.js";
import { $, say, showView } from "./dom.js";
import { Feed } from "./feed.js";
import { Stream } from "./stream.js";
import { clearErrors, showError } from "./words.js";
import { World } from "./world.js";

const STORED_TOKEN = "im-chats.token";

let session;

/** Everything that lives as long as one connection. */
class Session {
  constructor(token) {
    this.im = createClient({ address: location.origin, token });
    this.world = new World(token);
    this.detail = new Detail(this);
    this.chats = new Chats(this);
    this.feed = new Feed(this);
    this.stream = new Stream(
      this.im,
      (event) => this.onEvent(event),
      () => this.readAgain(),
    );
  }

  /** Throws what the first call throws: a wrong token is best said before anything else is shown. */
  async start() {
    await this.showCount();
    await this.chats.load();
    this.stream.start();
  }

  async onEvent(event) {
    this.feed.add(event);
    if (event.type === "chat.backgroundChanged") this.detail.backgroundChanged(event.chatGuid);
    await this.refresh(event.chatGuid);
  }

  /** Reads a chat again and shows it wherever it is shown. */
  async refresh(guid) {
    try {
      const chat = await this.im.chats.get(guid);
      this.chats.put(chat);
      await this.detail.update(chat);
      await this.showCount();
    } catch (error) {
      showError("Reading the chat", error);
    }
  }

  /** After a cut: what is no chat event, such as a message, was missed by the page, not by the chats. */
  async readAgain() {
    try {
      await this.chats.load();
      const open = this.chats.current;
      if (open) await this.detail.update(open);
      await this.showCount();
    } catch (error) {
      showError("Reading the chats again", error);
    }
  }

  async showCount() {
    const [active, all] = await Promise.all([this.im.chats.count(), this.im.chats.count({ includeArchived: true })]);
    const archived = all - active;
    $("count").textContent = archived > 0 ? `${active} + ${archived} archived` : String(active);
  }

  open(guid) {
    this.detail.show(guid);
    this.chats.mark(guid);
    showView("detail");
  }

  end() {
    this.stream.stop();
    this.im.close();
    this.detail.close();
    this.chats.clear();
    this.feed.clear();
  }
}

async function connect(token) {
  clearErrors();
  try {
    session = new Session(token);
    await session.start();
    sessionStorage.setItem(STORED_TOKEN, token);
    setScreen("console");
    say("Connected.");
  } catch (error) {
    disconnect();
    showError("Connecting", error);
    $("token").focus();
  }
}

function disconnect() {
  sessionStorage.removeItem(STORED_TOKEN);
  session?.end();
  session = undefined;
  setScreen("connect");
}

function setScreen(screen) {
  document.body.dataset.screen = screen;
  $("leave").hidden = screen === "connect";
  showView("chats");
}

/** The token of the address, which is taken out of the address bar and of the history at once. */
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

$("connect").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  $("token").value = "";
  if (token) connect(token);
});
$("leave").addEventListener("click", () => {
  disconnect();
  clearErrors();
  $("token").focus();
});
$("resume").addEventListener("click", () => session?.stream.start());
for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => {
    showView(tab.dataset.view);
    if (tab.dataset.view === "events") session?.feed.seen();
  });
}
// A second link with a token, opened in the same tab, changes nothing but the fragment.
addEventListener("hashchange", () => {
  const token = takeToken();
  if (!token) return;
  session?.end();
  connect(token);
});

const token = takeToken() ?? sessionStorage.getItem(STORED_TOKEN);
if (token) connect(token);
