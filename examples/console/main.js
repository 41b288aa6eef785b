// The console: takes the token, connects, and switches between the two screens.

import { $, say, showView } from "./dom.js";
import { clearErrors, showError } from "./errors.js";
import { readMode } from "./mode.js";
import { Session } from "./session.js";

const STORED_TOKEN = "im-chats.token";

let session;
/** How often it was connected or disconnected: what a later one overtook changes nothing any more. */
let turns = 0;

async function connect(token) {
  clearErrors();
  session?.end();
  session = undefined;
  const turn = (turns += 1);
  try {
    const mode = await readMode();
    if (turn !== turns) return;
    session = new Session(token, mode);
    await session.start();
    if (turn !== turns) return;
    sessionStorage.setItem(STORED_TOKEN, token);
    setScreen("console");
    say("Connected.");
  } catch (error) {
    if (turn !== turns) return;
    disconnect();
    showError("Connecting", error);
    // When nobody answered, the token may be right: one press tries it again.
    if (error?.code === "networkError" || error?.code === "timeout") $("token").value = token;
    $("token").focus();
  }
}

function disconnect() {
  turns += 1;
  sessionStorage.removeItem(STORED_TOKEN);
  session?.end();
  session = undefined;
  setScreen("connect");
}

function setScreen(screen) {
  document.body.dataset.screen = screen;
  $("leave").hidden = screen === "connect";
  if (screen === "connect") $("mode").hidden = true;
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
for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => {
    showView(tab.dataset.view);
    if (tab.dataset.view === "side") session?.side.show("events");
  });
}
// A second link with a token, opened in the same tab, changes nothing but the fragment.
addEventListener("hashchange", () => {
  const token = takeToken();
  if (token) connect(token);
});

const token = takeToken() ?? sessionStorage.getItem(STORED_TOKEN);
if (token) connect(token);
