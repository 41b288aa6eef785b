import { run } from "/hosts/in-worker.mjs";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", (event) => event.waitUntil(run(event.data.driver, (message) => event.source.postMessage(message))));
