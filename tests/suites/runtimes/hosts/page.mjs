// A page: runs the program itself, or starts the worker that its address names.
import * as sdk from "/im-chats/index.js";

import { conform } from "/program.mjs";

const driver = location.origin;
const kind = new URLSearchParams(location.search).get("in");

if (kind === "page") await conform(sdk, driver, await import("/im-chats/messages.js"));
if (kind === "inline") await conform(await import("/im-chats/inline.js"), driver, await import("/im-chats/messages-inline.js"));
if (kind === "worker") {
  const worker = new Worker("/hosts/worker.mjs", { type: "module" });
  worker.onmessage = ({ data }) => told(data);
  worker.onerror = ({ message }) => failed(`the worker did not start: ${message}`);
  worker.postMessage({ driver });
}
if (kind === "service-worker") {
  navigator.serviceWorker.onmessage = ({ data }) => told(data);
  try {
    await navigator.serviceWorker.register("/service-worker.mjs", { type: "module" });
    (await navigator.serviceWorker.ready).active.postMessage({ driver });
  } catch (error) {
    await failed(`the service worker did not start: ${error}`);
  }
}

/** An error that came out of a worker as plain data is what it was there. */
function told({ json, clone }) {
  const error = sdk.IMessageError.fromJSON(json);
  const whole = error instanceof sdk.NotFoundError && error.code === "chatNotFound" && error.grpcCode === 5;
  // Were this no longer so, the documents would be wrong.
  const bare = !(clone instanceof sdk.IMessageError) && clone.code === undefined;
  return amend("an error across postMessage", whole && bare ? undefined : `whole ${whole}, clone is bare ${bare}`);
}

const failed = (error) => amend("start", error);

const amend = (name, error) => fetch(`${driver}/amend`, { method: "POST", body: JSON.stringify({ name, error }) });
