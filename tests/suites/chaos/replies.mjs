// The bot of examples/bot, which answers every message once, while it and its server are killed again and again.
//
//   node tests/suites/chaos/replies.mjs --kills 50 [--relay] [--seed N]
//
// The bot is the example's own file, in a process of its own. At the end the chats are read: each message that came in has one reply.
// `cargo xtask chaos --replies` runs it with the environment it needs.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { installExample, startProgram } from "../support/example.mjs";
import { importPackage } from "../support/package.mjs";
import { startProxy } from "../support/proxy.mjs";
import { seeded } from "../support/seeded.mjs";
import { eventually } from "../support/until.mjs";
import { startServers } from "./servers.mjs";

/** How long after the last kill every message must have its reply. */
const SETTLE_MS = 60_000;

/** How many messages may wait for a reply before people wait, too: a slow machine would never be through with them. */
const MOST_WAITING = 100;

const PEOPLE = ["alice", "bob", "carol"].map((name) => `${name}@example.com`);

/** Kills the bot and its server `kills` times each. Gives the figures; `wrong` in them says which promise was not kept. */
export async function replies({ kills, relay = false, seed = Date.now() % 1e9, say = () => {} }) {
  const dice = seeded(seed);
  const token = randomBytes(12).toString("hex");
  const example = await installExample("bot");
  const servers = await startServers({ relay, args: [], token });
  const { emulator } = servers;
  // The server comes back at another port. To the bot its address stays: it asks there until there is an answer.
  const proxy = await startProxy(() => servers.front().address);
  let bot;
  try {
    for (const address of PEOPLE) await emulator().call("POST", "/v1/chats", { addresses: [address] });
    bot = await startBot({ folder: example.folder, address: proxy.address, token });
    const people = startPeople({ emulator, dice, repliedTo: bot.repliedTo });
    const killed = { bot: 0, server: 0 };
    while (killed.bot < kills || killed.server < kills) {
      // Now and then it is killed before it has done anything, in the middle of its start.
      if (dice.random() < 0.8) await bot.goesOn(dice.between(1, 10));
      await pause(dice.between(0, 300));
      const turn = killed.bot <= killed.server ? "bot" : "server";
      const dies = ["bot", "server"].filter((who) => killed[who] < kills && (who === turn || dice.random() < 0.3));
      for (const who of dies) killed[who] += 1;
      // With its server gone first, it may have handled what it could not answer.
      const later = dies.length === 2 ? dice.between(0, 800) : 0;
      await Promise.all([
        dies.includes("bot") && pause(later).then(() => bot.restart(dice.between(0, 150))),
        dies.includes("server") && servers.restart(dice.between(0, 150), dice),
      ]);
      say(`killed: bot ${killed.bot}, server ${killed.server} of ${kills}; ${people.acknowledged.length} messages, ${bot.answered()} answers`);
    }
    const acknowledged = await people.stop();
    await bot.reaches(acknowledged.at(-1));
    await bot.stop();
    const messages = await readChats(emulator());
    return judge({ seed, killed, unexpected: bot.unexpected, sentAgain: bot.answered() - bot.repliedTo(), acknowledged, messages });
  } finally {
    await bot?.stop();
    await proxy.close();
    await servers.stop();
    await example.remove();
  }
}

/** Other people write, whether or not the server lives at the moment; no text twice. */
function startPeople({ emulator, dice, repliedTo }) {
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
      if (acknowledged.length - repliedTo() < MOST_WAITING) await write();
      await pause(dice.between(1, 80));
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

/** The bot's process, and the service manager that starts it again. The cursor in its file is all that is left of it after a kill. */
async function startBot({ folder, address, token }) {
  const env = { ...process.env, IM_CHATS_ADDRESS: address, IM_CHATS_TOKEN: token, CURSOR_FILE: join(folder, "cursor.txt") };
  const answers = [];
  const unexpected = [];
  const onLine = (line) => line.startsWith("answered ") && answers.push(line.slice("answered ".length));
  let bot;
  const start = async (ready) => {
    const started = (bot = await startProgram(process.execPath, ["bot.mjs"], { cwd: folder, env, onLine, ready }));
    // Nothing but a kill may end it.
    started.ended.then((code) => code !== "SIGKILL" && code !== 0 && unexpected.push(`the bot ended with ${code}: ${started.output()}`));
  };
  // People write once its first cursor is saved: what was before is none of its business.
  await start(/^listening$/);
  return {
    /** How many replies it sent, those included that it sent again. */
    answered: () => answers.length,
    /** To how many messages. */
    repliedTo: () => new Set(answers).size,
    unexpected,
    /** It has answered so many messages more. */
    goesOn: (more, from = answers.length) => eventually("the bot answers", SETTLE_MS, () => answers.length >= from + more),
    reaches: (guid) => eventually("the bot has answered the last message", SETTLE_MS, () => answers.includes(guid)),
    async restart(downMs) {
      await bot.kill();
      await pause(downMs);
      await start();
    },
    stop: () => bot.stop(),
  };
}

/** Every message of every chat, read as a program reads them. */
async function readChats({ address, token }) {
  const { createClient } = await importPackage("im-chats/messages");
  const im = createClient({ address, token });
  const all = [];
  try {
    for (const person of PEOPLE) {
      for (let pageToken; ; ) {
        const page = await im.messages.list(`any;-;${person}`, { pageSize: 100, ...(pageToken && { pageToken }) });
        all.push(...page.messages);
        pageToken = page.nextPageToken;
        if (!pageToken) break;
      }
    }
  } finally {
    await im.close();
  }
  return all;
}

/** The figures. A reply says what it answers, and no two messages are alike. */
function judge({ seed, killed, unexpected, sentAgain, acknowledged, messages }) {
  const incoming = messages.filter(({ isFromMe }) => !isFromMe);
  const counts = new Map(incoming.map(({ content }) => [`You wrote: ${content.text}`, 0]));
  let foreign = 0;
  for (const { content } of messages.filter(({ isFromMe }) => isFromMe)) {
    if (counts.has(content.text)) counts.set(content.text, counts.get(content.text) + 1);
    else foreign += 1;
  }
  const of = (is) => [...counts.values()].filter(is).length;
  const known = new Set(incoming.map(({ guid }) => guid));
  const result = {
    seed,
    killed,
    sentAgain,
    messages: incoming.length,
    forgotten: acknowledged.filter((guid) => !known.has(guid)).length,
    answered: of((count) => count > 0),
    lost: of((count) => count === 0),
    repeated: of((count) => count > 1),
    foreign,
  };
  const kinds = ["forgotten", "lost", "repeated", "foreign"];
  result.wrong = [...kinds.filter((kind) => result[kind] > 0).map((kind) => `${result[kind]} ${kind}`), ...unexpected];
  return result;
}

/** For a person. */
export function table(result) {
  const rows = [
    ["seed", result.seed],
    ["kills of the bot / of its server", `${result.killed.bot} / ${result.killed.server}`],
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
