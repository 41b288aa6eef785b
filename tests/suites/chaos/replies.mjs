// A bot that answers every message once, while its server is killed again and again, and now and then the bot with it.
//
//   node tests/suites/chaos/replies.mjs --kills 50 [--seed N]
//
// The bot is what docs/bots.md says a bot should be: the cursor is saved when a message has been answered, and the reply's idempotency key is
// made of the message's GUID. At the end the log is asked: each message that came in has one reply. `cargo xtask chaos --replies` runs it with
// the environment it needs.

import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { importPackage } from "../support/package.mjs";
import { startProxy } from "../support/proxy.mjs";
import { seeded } from "../support/seeded.mjs";
import { eventually } from "../support/until.mjs";
import { readLog } from "./oracle.mjs";
import { startServers } from "./servers.mjs";

/** How long after the last kill every message must have its reply. */
const SETTLE_MS = 60_000;

/** How long the bot waits before it asks again for what is new. */
const IDLE_MS = 20;

const PEOPLE = ["alice", "bob", "carol"].map((name) => `${name}@example.com`);

/** Kills the server `kills` times. Gives the figures; `wrong` in them says which promise was not kept. */
export async function replies({ kills, relay = false, seed = Date.now() % 1e9, say = () => {} }) {
  const dice = seeded(seed);
  const token = randomBytes(12).toString("hex");
  const servers = await startServers({ relay, args: [], token });
  const { emulator } = servers;
  // The server comes back at another port. To the bot its address stays: our SDK asks there until there is an answer.
  const proxy = await startProxy(() => servers.front().address);
  try {
    for (const address of PEOPLE) await emulator().call("POST", "/v1/chats", { addresses: [address] });
    const { createClient } = await importPackage();
    const bot = startBot({ createClient, address: proxy.address, token, dice });
    const people = startPeople({ emulator, dice });
    for (let killed = 1; killed <= kills; killed += 1) {
      await bot.goesOn(dice.between(1, 10));
      await pause(dice.between(0, 30));
      await servers.restart(dice.between(0, 150), dice);
      say(`kill ${killed} of ${kills}; ${people.acknowledged.length} messages, ${bot.answered} answers`);
    }
    const acknowledged = await people.stop();
    await bot.reaches(acknowledged.at(-1));
    const { crashes, refused, sentAgain } = await bot.stop();
    const log = await readLog(emulator(), createRequire(join(process.env.IM_CHATS_PROJECT, "package.json"))("ws").WebSocket);
    return judge({ seed, kills, crashes, sentAgain, refused, acknowledged, log });
  } finally {
    await proxy.close();
    await servers.stop();
  }
}

/** Other people write, whether or not the server lives at the moment; no text twice. */
function startPeople({ emulator, dice }) {
  const acknowledged = [];
  let count = 0;
  let over = false;
  const write = async () => {
    const from = dice.pick(PEOPLE);
    const body = { chatGuid: `any;-;${from}`, from, text: `message ${++count}` };
    // A server that dies in the middle may have written it or not: the log will tell.
    const [status, answer] = await emulator()
      .call("POST", "/emulator/v1/messages:receive", body)
      .catch(() => []);
    if (status === 200) acknowledged.push(answer.message.guid);
    return status === 200;
  };
  const running = (async () => {
    while (!over) {
      await write();
      await pause(dice.between(1, 40));
    }
  })();
  return {
    acknowledged,
    /** The last message is behind all others in the log, those included of which nobody knows whether they were written. */
    async stop() {
      over = true;
      await running;
      await eventually("the last message is written", SETTLE_MS, write);
      return acknowledged;
    },
  };
}

/** The bot, with a client and a cursor of its own. What it saved is all that is left of it after a crash. */
function startBot({ createClient, address, token, dice }) {
  const seen = new Set();
  const bot = { answered: 0, crashes: 0, sentAgain: 0, refused: [] };
  const sent = new Set();
  let saved = 0;
  let over = false;

  /** Handles what is new, until there is nothing, the server dies, or the bot does. */
  const live = async () => {
    const im = createClient({ address, token });
    try {
      for await (const event of im.events.catchUp(saved)) {
        if (event.type === "message.received" && !event.isFromMe) {
          if (sent.has(event.message.guid)) bot.sentAgain += 1;
          sent.add(event.message.guid);
          await answer(address, token, event);
          bot.answered += 1;
          if (dice.random() < 0.02) {
            // It dies after the reply and before it could save: the same message comes again.
            bot.crashes += 1;
            return;
          }
          seen.add(event.message.guid);
        }
        saved = event.type === "catchup.complete" ? event.headSequence : event.sequence;
      }
    } finally {
      await im.close();
    }
  };
  const running = (async () => {
    while (!over) {
      await live().catch((error) => error.retryable || error.name === "TypeError" || bot.refused.push(`${error.code}: ${error.message}`));
      await pause(IDLE_MS);
    }
  })();
  return Object.assign(bot, {
    /** It has answered so many messages more. */
    goesOn: (more, from = bot.answered) => eventually("the bot answers", SETTLE_MS, () => bot.answered >= from + more),
    reaches: (guid) => eventually("the bot has answered the last message", SETTLE_MS, () => seen.has(guid)),
    async stop() {
      over = true;
      await running;
      return bot;
    },
  });
}

/** One reply. Its key is the message's, so that it is one reply however often it is sent. */
async function answer(address, token, { chatGuid, message }) {
  const response = await fetch(new URL("/v1/messages:sendText", address), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ chatGuid, text: `re: ${message.guid}`, clientMessageId: `reply-${message.guid}` }),
  });
  if (!response.ok) throw Object.assign(new Error(await response.text()), { retryable: response.status >= 500, code: response.status });
  await response.json();
}

/** The figures, from the log. */
function judge({ seed, kills, crashes, sentAgain, refused, acknowledged, log }) {
  const messages = log.filter(({ type }) => type === "message.received");
  const incoming = messages.filter(({ isFromMe }) => !isFromMe).map(({ message }) => message.guid);
  const counts = new Map(incoming.map((guid) => [guid, 0]));
  let foreign = 0;
  for (const { message } of messages.filter(({ isFromMe }) => isFromMe)) {
    const guid = message.content.text.slice("re: ".length);
    if (counts.has(guid)) counts.set(guid, counts.get(guid) + 1);
    else foreign += 1;
  }
  const of = (is) => [...counts.values()].filter(is).length;
  const known = new Set(incoming);
  const result = {
    seed,
    kills,
    crashes,
    sentAgain,
    messages: incoming.length,
    forgotten: acknowledged.filter((guid) => !known.has(guid)).length,
    answered: of((count) => count > 0),
    lost: of((count) => count === 0),
    repeated: of((count) => count > 1),
    foreign,
    refused,
  };
  result.wrong = [
    ...["forgotten", "lost", "repeated", "foreign"].filter((key) => result[key] > 0).map((key) => `${result[key]} ${key}`),
    ...refused,
  ];
  return result;
}

/** For a person. */
export function table(result) {
  const rows = [
    ["seed", result.seed],
    ["kills of the server", result.kills],
    ["crashes of the bot between a reply and its cursor", result.crashes],
    ["replies that the bot sent again", result.sentAgain],
    ["messages that came in", result.messages],
    ["answered once", result.answered - result.repeated],
    ["lost / repeated", `${result.lost} / ${result.repeated}`],
    ["broken promises", result.wrong.join("; ") || "none"],
  ];
  return rows.map(([name, value]) => `| ${name} | ${value} |`).join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "50" },
      relay: { type: "boolean", default: false },
      seed: { type: "string" },
    },
  });
  const result = await replies({
    kills: Number(values.kills),
    relay: values.relay,
    ...(values.seed && { seed: Number(values.seed) }),
    say: (line) => console.error(line),
  });
  console.log(table(result));
  process.exitCode = result.wrong.length ? 1 : 0;
}
