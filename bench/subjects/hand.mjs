// What a careful person writes by hand: `ws` or the runtime's WebSocket, JSON.parse, a queue, `fetch`. No cursor, no reconnect, no checks.

/** How many events may be under way: what im-chats asks for, too. */
const CREDIT = 2048;

async function* events({ address, token, WebSocket }, subscription, attached) {
  const socket = new WebSocket(`${address.replace("http", "ws")}/v1/events`, "im.events.v1.json");
  const queue = [];
  let wake = () => {};
  let over = false;
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "init", token, client: { name: "hand", version: "1" } }));
    socket.send(JSON.stringify({ type: "subscribe", id: 1, credit: CREDIT, ...subscription }));
  };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === "events") queue.push(...frame.events);
    if (frame.type === "subscribed") attached();
    if (frame.type === "complete") over = true;
    wake();
  };
  try {
    let taken = 0;
    for (;;) {
      while (queue.length === 0) {
        if (over) return;
        await new Promise((resolve) => (wake = resolve));
      }
      const batch = queue.splice(0);
      for (const event of batch) {
        yield event;
        taken += 1;
        if (taken === CREDIT / 2) {
          socket.send(JSON.stringify({ type: "credit", id: 1, add: taken }));
          taken = 0;
        }
      }
    }
  } finally {
    socket.close();
  }
}

/** The same face as the other subjects. */
export function open(options) {
  const { address, token } = options;
  const headers = { authorization: `Bearer ${token}` };
  const read = async (path) => (await fetch(`${address}/v1/${path}`, { headers })).json();
  // With a key, as im-chats sends one: it is the same request, and the same work for the gateway.
  const key = () => globalThis.crypto?.randomUUID?.() ?? String(Math.random());
  const write = async (path, body) => {
    const all = { ...headers, "content-type": "application/json", "x-idempotency-key": key() };
    return (await fetch(`${address}/v1/${path}`, { method: "POST", headers: all, body })).json();
  };
  return {
    async live() {
      let stream;
      let first;
      await new Promise((attached) => {
        stream = events(options, { topic: "chats" }, attached);
        first = stream.next();
      });
      return { first, stream };
    },
    replay: (after) => events(options, { topic: "all", until: "head", after: { sequence: after } }, () => {}),
    get: (chat) => read(`chats:get?chatGuid=${encodeURIComponent(chat)}`),
    markRead: (chat) => write("chats:markRead", JSON.stringify({ chatGuid: chat })),
    setBackground: (chat, image) => write("chats:setBackground", `{"chatGuid":"${chat}","data":"${base64(image)}"}`),
    close() {},
  };
}

function base64(bytes) {
  if (bytes.toBase64) return bytes.toBase64();
  if (globalThis.Buffer) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  let text = "";
  for (let from = 0; from < bytes.length; from += 24_576) text += btoa(String.fromCharCode(...bytes.subarray(from, from + 24_576)));
  return text;
}
