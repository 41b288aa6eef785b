import { run } from "./in-worker.mjs";

onmessage = ({ data }) => run(data.driver, (message) => postMessage(message));
