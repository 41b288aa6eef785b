// The conformance program with the emulator of `im-chats/emulator` in the same program, in the place of a gateway.

import { conform } from "../runtimes/program.mjs";

/** What the package knows an emulator by. */
const LINK = Symbol.for("im-chats.emulator");

/** Runs the program; resolves to the report, `[{ name, error? }]`. */
export async function conformInPage(sdk, messages, createEmulator, options) {
  const emulator = await createEmulator(options);
  let report;
  const driver = {
    job: { address: emulator, token: emulator.token },
    silent: { [LINK]: { ...emulator[LINK], fetch: () => new Promise(() => {}) } },
    elsewhere: async (path, body) => {
      const [status, answer] = await control(emulator, `/emulator/v1/${path}`, body);
      if (status !== 200) throw new Error(`${path}: ${JSON.stringify(answer)}`);
      return answer;
    },
    cut: () => emulator.cut(),
    restart: () => emulator.restart(),
    report: (told) => void (report = told),
  };
  await conform(sdk, driver, messages);
  await emulator.close();
  return report;
}

/** A call without the SDK: `[status, body]`. */
export async function control(emulator, path, body, method = body === undefined ? "GET" : "POST") {
  const headers = new Headers({ authorization: `Bearer ${emulator.token}`, ...(body !== undefined && { "content-type": "application/json" }) });
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const answer = await emulator[LINK].fetch(emulator.address + path, init);
  const text = await answer.text();
  return [answer.status, text.startsWith("{") ? JSON.parse(text) : text];
}
