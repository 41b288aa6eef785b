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
    const guids = [];
    let after = "";
    do {
      const answer = await this.#get(`chats?limit=1000&after=${encodeURIComponent(after)}`);
      if (!answer) return undefined;
      const { chats, nextAfter } = await read(answer);
      guids.push(...chats.map(({ chat }) => chat.guid));
      after = nextAfter;
    } while (after);
    return guids;
  }

  /** The picture behind a chat, or undefined where there is none to be had. */
  async background(chatGuid) {
    const answer = await this.#get(`chats:background?chatGuid=${encodeURIComponent(chatGuid)}`);
    return answer?.ok ? answer.blob() : undefined;
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

  /** The answer, or undefined when there is no such thing: the path on a relay, or what it asks for. */
  async #get(path) {
    const answer = await fetch(`/emulator/v1/${path}`, { headers: this.#headers(), cache: "no-store" });
    return answer.status === 404 ? undefined : answer;
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
