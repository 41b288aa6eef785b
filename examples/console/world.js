// The emulator's control plane: playing the people and devices on the other side. A real account has none of this.

/** A failure of the control plane, which is not part of the SDK. It has the fields that the SDK's errors have. */
export class WorldError extends Error {
  constructor(status, body) {
    super(body.message ?? `the gateway answered ${status}`);
    this.name = "WorldError";
    this.code = body.errorCode ?? `HTTP ${status}`;
    this.context = body.context ?? {};
    this.retryable = body.retryable ?? false;
    this.requestId = body.requestId;
  }
}

export class World {
  #token;

  constructor(token) {
    this.#token = token;
  }

  /** GUIDs of all chats, archived ones included, or undefined where there is no control plane. */
  async chats() {
    const answer = await fetch("/emulator/v1/chats", { headers: this.#headers(), cache: "no-store" });
    if (answer.status === 404 || answer.status === 501) return undefined;
    const { chats = [] } = await read(answer);
    return chats.map((chat) => chat.guid);
  }

  archive(chatGuid) {
    return this.#post("chats:archive", { chatGuid });
  }

  unarchive(chatGuid) {
    return this.#post("chats:unarchive", { chatGuid });
  }

  receive(chatGuid, from, text) {
    return this.#post("messages:receive", { chatGuid, from, text });
  }

  async #post(path, body) {
    const headers = { ...this.#headers(), "content-type": "application/json" };
    return read(await fetch(`/emulator/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
  }

  #headers() {
    return { authorization: `Bearer ${this.#token}` };
  }
}

/** The body, or the failure that it describes. */
async function read(answer) {
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new WorldError(answer.status, body);
}
