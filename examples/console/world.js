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

  /** The picture behind a chat, or undefined where there is none to be had. */
  async background(chatGuid) {
    const answer = await fetch(`/emulator/v1/chats:background?chatGuid=${encodeURIComponent(chatGuid)}`, {
      headers: this.#headers(),
      cache: "no-store",
    });
    return answer.ok ? answer.blob() : undefined;
  }

  /** Does what docs/emulator.md lists, such as `messages:receive`. */
  async act(path, body) {
    const headers = { ...this.#headers(), "content-type": "application/json" };
    const answer = await fetch(`/emulator/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return said;
    throw new WorldError(answer.status, said);
  }

  #headers() {
    return { authorization: `Bearer ${this.#token}` };
  }
}
