// Bots of examples/bots in processes of their own, with the packages as published, and the emulator with TLS that they speak to.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";

import { startGateway } from "../../support/gateway.mjs";
import { peopleOf } from "../../support/people.mjs";
import { openPlainDoor } from "../../support/plain-door.mjs";
import { eventually } from "../../support/until.mjs";
import { openSdk } from "../sdk.mjs";
import { all } from "../world.mjs";

/** How long anything may take that a bot is expected to do. */
const PATIENCE_MS = 30_000;

/** How long a bot may take to answer before it counts as one that was not listening yet. */
const ANSWER_MS = 1_500;

/** Where a folder for a bot's program can be made, beside the packages that it imports. */
export const programFolder = async () => {
  const folder = await mkdtemp(join(process.env.IM_CHATS_INTEROP, "bots-"));
  await cp(join(process.env.IM_CHATS_ROOT, "examples/bots"), folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
  return folder;
};

/** Starts a bot, `spectrum` or `chat-sdk`. It lives until `kill`. */
export async function startBot(name, folder, environment) {
  const env = { ...process.env, NO_COLOR: "1", ...environment };
  // grpc-js would take the authorities in this file in place of those that Node knows.
  delete env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH;
  const child = spawn(process.execPath, [`${name}.mjs`], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const ready = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      log += `${line}\n`;
      if (line === "listening") return;
    }
    throw new Error(`the bot ended before it listened:\n${log}`);
  })();
  await ready;
  child.stdout.on("data", (chunk) => (log += chunk));
  child.stdout.resume();
  return {
    log: () => log,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** An emulator with TLS, a bot of it, and what is needed to play the bot's counterparts and to read what it did. */
export class Desk {
  /** Starts the emulator. `args` come after `--tls-self-signed`. */
  static async open({ args = [] } = {}) {
    const desk = new Desk();
    desk.data = await mkdtemp(join(tmpdir(), "im-chats-bots-"));
    desk.args = ["--heartbeat-interval-ms", "100", "--tls-self-signed", ...args];
    await desk.#start({});
    desk.folder = await programFolder();
    return desk;
  }

  async #start(options) {
    this.emulator = await startGateway({ data: this.data, args: this.args, ...options });
    // The emulator prints what makes Node trust it.
    this.authority = await eventually("the line that says how to trust the emulator", PATIENCE_MS, () => {
      const path = /NODE_EXTRA_CA_CERTS=(\S+)/.exec(this.emulator.log())?.[1];
      return path && resolve(path.replace(/^['"]|['"]$/g, ""));
    });
    this.door ??= await openPlainDoor(this.emulator.address, await readFile(this.authority));
    const call = async (method, path, body) => {
      const answer = await fetch(new URL(path, this.door.address), {
        method,
        headers: { authorization: `Bearer ${this.emulator.token}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return [answer.status, await answer.json()];
    };
    this.call = call;
    this.people = peopleOf({ call });
    this.im ??= (await openSdk("grpc", this.door.address, { token: this.emulator.token })).im;
  }

  /** The emulator dies without a word and comes back where it was; `wiped`, it has forgotten everything but its certificate. */
  async restart({ wiped = false } = {}) {
    const { token, address } = this.emulator;
    await this.emulator.kill();
    if (wiped) await this.#wipe();
    await this.#start({ token, listen: new URL(address).host });
    await eventually("the emulator answers again", PATIENCE_MS, () => this.head());
  }

  async #wipe() {
    const kept = dirname(this.authority);
    for (const name of await readdir(this.data)) {
      const path = join(this.data, name);
      if (path !== kept) await rm(path, { recursive: true });
    }
  }

  /** Starts the bot and waits until it answers. */
  async start(name, environment = {}) {
    const { host } = new URL(this.emulator.address);
    this.bot = await startBot(name, this.folder, {
      NODE_EXTRA_CA_CERTS: this.authority,
      IMESSAGE_SERVER_URL: host,
      IMESSAGE_API_KEY: this.emulator.token,
      IMESSAGE_PHONE: "me@example.com",
      ...environment,
    });
  }

  /** Every event of the log after `after`, and where it ends. */
  async log(after = 0) {
    const events = await all(this.im.events.catchUp(after));
    return { events: events.slice(0, -1), head: events.at(-1).headSequence };
  }

  head = async () => (await this.log()).head + 1;

  /** The first event after `after` of which `is` is true. */
  find(what, is, after = 0, ms = PATIENCE_MS) {
    return eventually(`${what}\n${this.bot?.log().slice(-4_000)}`, ms, async () => (await this.log(after)).events.find(is));
  }

  /** What the bot wrote in a chat: the event, once there is one that `is` likes. */
  wrote(chat, text, after = 0, ms = PATIENCE_MS) {
    return this.find(`the bot writes ${text}`, (event) => isOwn(event, chat) && event.message.content.text === text, after, ms);
  }

  /** Speaks to the bot until it answers: nobody can see whether its stream is attached already. */
  async hears(chat, from) {
    for (let turn = 1; ; turn += 1) {
      const text = `are you there? ${Date.now()}`;
      await this.people.says(chat, from, text);
      const answer = await this.wrote(chat, `echo: ${text}`, 0, ANSWER_MS).catch(() => {});
      if (answer) return;
      if (turn * ANSWER_MS > 2 * PATIENCE_MS) throw new Error(`the bot does not answer:\n${this.bot.log().slice(-4_000)}`);
    }
  }

  async close() {
    await this.bot?.kill();
    await this.im?.close();
    await this.door?.close();
    await this.emulator?.stop();
    await rm(this.data, { recursive: true, force: true });
    if (this.folder) await rm(this.folder, { recursive: true, force: true });
  }
}

/** Whether an event is a message that the account sent in this chat. */
export const isOwn = (event, chat) => event.type === "message.received" && event.isFromMe && event.chatGuid === chat;
