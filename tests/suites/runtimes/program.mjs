// The conformance program: everything a user of the package relies on, through its public API and what every runtime has.
//
// It runs unchanged wherever a host imports the package and hands it over. What it needs of the outside – other people's
// writes, a cut, a restart of the server – it asks of the driver, and there it reports.

/**
 * Runs every check and reports; resolves to whether all passed. `driver` is the address of one over HTTP, or one in this program;
 * `messages` is the entry with messages.
 */
export async function conform(sdk, driver, messages) {
  const { job, report: told, ...outside } = await (typeof driver === "string" ? overHttp(driver) : driver);
  const world = {
    sdk,
    messages,
    ...job,
    ...outside,
    client: (options = {}) => sdk.createClient({ address: job.address, token: job.token, ...options }),
  };
  world.im = world.client();
  const report = [];
  for (const [name, check] of Object.entries(CHECKS)) {
    report.push({ name, ...(await outcome(() => check(world))) });
  }
  await told(report);
  return report.every(({ error }) => error === undefined);
}

async function overHttp(driver) {
  const command = async (name, body = {}) => {
    const answer = await fetch(`${driver}/command/${name}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`the driver could not ${name}: ${await answer.text()}`);
    return answer.json();
  };
  return {
    /** Where the service is, and the token. */
    job: await (await fetch(`${driver}/job`)).json(),
    /** An address that never answers. */
    silent: `${driver}/silent`,
    /** What other people and devices do. */
    elsewhere: (path, body) => command("elsewhere", { path, body }),
    cut: () => command("cut"),
    restart: () => command("restart"),
    report: (report) => fetch(`${driver}/report`, { method: "POST", body: JSON.stringify(report) }),
  };
}

const CHECKS = {
  async "create: direct, group, opening message, idempotency key"({ sdk, im }) {
    const direct = await im.chats.create(["Alice@Example.com"]);
    same(direct.chat.guid, "any;-;alice@example.com");
    same("initialMessage" in direct, false);
    const group = await im.chats.create(["alice@example.com", "bob@example.com"], { message: "Hello 🎂", effect: sdk.MessageEffect.confetti });
    same([group.chat.isGroup, group.chat.participants.length], [true, 2]);
    same([group.initialMessage.content.text, group.initialMessage.isFromMe], ["Hello 🎂", true]);
    const once = { message: "once", clientMessageId: "a key" };
    same(await im.chats.create(["carol@example.com"], once), await im.chats.create(["carol@example.com"], once));
    const conflict = await failure(im.chats.create(["carol@example.com"], { ...once, message: "twice" }));
    same([conflict.constructor === sdk.IMessageError, conflict.code], [true, "duplicateMessage"]);
  },

  async "get, count, markRead"({ im, elsewhere }) {
    const { chat } = await im.chats.create(["dora@example.com"]);
    await elsewhere("messages:receive", { chatGuid: chat.guid, from: "dora@example.com", text: "hi" });
    same((await im.chats.get(chat.guid)).unreadCount, 1);
    same(await im.chats.markRead(chat.guid), undefined);
    const got = await im.chats.get(` ${chat.guid} `);
    same([got.unreadCount, got.lastMessage.content.text, got.service], [0, "hi", "iMessage"]);
    const [active, total] = [await im.chats.count(), await im.chats.count({ includeArchived: true })];
    await elsewhere("chats:archive", { chatGuid: chat.guid });
    same([await im.chats.count(), await im.chats.count({ includeArchived: true })], [active - 1, total]);
  },

  async "setTyping, shareContactInfo"({ im }) {
    const { chat } = await im.chats.create(["erin@example.com"]);
    same(await im.chats.setTyping(chat.guid, true), undefined);
    same(await im.chats.setTyping(chat.guid, false), undefined);
    same(await im.chats.shareContactInfo(chat.guid), undefined);
  },

  async "setBackground, hasBackground, removeBackground"({ im, sdk }) {
    const { chat } = await im.chats.create(["fred@example.com"]);
    // A megabyte behind the signature: more than one piece of whatever the bytes are sent in.
    const picture = new Uint8Array(1_000_001);
    picture.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    for (const data of [picture, picture.buffer, new DataView(picture.buffer)]) {
      same(await im.chats.setBackground(chat.guid, data), undefined);
      same(await im.chats.hasBackground(chat.guid), true);
      same(await im.chats.removeBackground(chat.guid), undefined);
      same(await im.chats.hasBackground(chat.guid), false);
    }
    const empty = await failure(im.chats.setBackground(chat.guid, new Uint8Array()));
    same([empty instanceof sdk.ValidationError, empty.context.field], [true, "data"]);
  },

  async "errors: class, code, field"({ sdk, im, client }) {
    const missing = await failure(im.chats.get("any;-;nobody@example.com"));
    same([missing instanceof sdk.NotFoundError, missing instanceof Error, missing.name], [true, true, "NotFoundError"]);
    same([missing.code, missing.grpcCode, missing.retryable], [sdk.ErrorCode.chatNotFound, 5, false]);
    const wrong = await failure(im.chats.get("nobody"));
    same([wrong instanceof sdk.ValidationError, wrong.code, wrong.context.field], [true, "invalidArgument", "chat"]);
    // Not awaited by an async function, which some runtimes would find by themselves.
    const failed = await new Promise(function callersFunction(resolve) {
      im.chats.get("nobody").catch(resolve);
    });
    same([/^chat: /.test(failed.message), /callersFunction/.test(failed.stack)], [true, true]);
    const stranger = client({ token: "not-the-token" });
    const refused = await failure(stranger.chats.count());
    same([refused instanceof sdk.AuthenticationError, refused.code], [true, "unauthenticated"]);
    await stranger.close();
    const lost = client({ address: "http://127.0.0.1:1" });
    const unreachable = await failure(lost.chats.count());
    same([unreachable instanceof sdk.ConnectionError, unreachable.code, unreachable.retryable], [true, "networkError", true]);
    await lost.close();
    const option = await failure(async () => client({ adress: "typo" }));
    same([option instanceof sdk.ValidationError, option.context.field], [true, "adress"]);
  },

  async "errors as plain data, and back"({ sdk, im }) {
    const error = await failure(im.chats.get("any;-;nobody@example.com"));
    const back = sdk.IMessageError.fromJSON(JSON.parse(JSON.stringify(error)));
    same([back instanceof sdk.NotFoundError, back.toJSON()], [true, error.toJSON()]);
    const wrong = await failure(async () => sdk.IMessageError.fromJSON({ name: "Error", message: "no" }));
    same([wrong instanceof sdk.ValidationError, wrong.context.field], [true, "json"]);
  },

  async "timeout and abort of a call"({ sdk, im, client, silent }) {
    const hasty = client({ address: silent, timeout: 200 });
    const late = await failure(hasty.chats.count());
    same([late instanceof sdk.ConnectionError, late.code], [true, "timeout"]);
    await hasty.close();
    const reason = new Error("changed my mind");
    same((await failure(im.chats.count({ signal: AbortSignal.abort(reason) }))) === reason, true);
    const patient = client({ address: silent });
    const controller = new AbortController();
    const call = failure(patient.chats.count({ signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 50);
    same((await call) === reason, true);
    await patient.close();
  },

  async "catch-up: all of it, in order, with its end"({ sdk, im, elsewhere }) {
    const { chat } = await im.chats.create(["gina@example.com"]);
    const { first, last } = await elsewhere("events:generate", { count: 1500, chatGuids: [chat.guid] });
    const all = await collect(im.events.catchUp());
    same(all.pop(), { type: "catchup.complete", headSequence: last });
    same(all.map(({ sequence }) => sequence), range(1, last));
    const rest = await collect(im.events.catchUp(first - 1));
    same(rest.length, 1501);
    const ahead = await failure(collect(im.events.catchUp(last + 1_000_000)));
    same([ahead.constructor === sdk.IMessageError, ahead.code], [true, "cursorAhead"]);
    const negative = await failure(collect(im.events.catchUp(-1)));
    same([negative instanceof sdk.ValidationError, negative.context.field], [true, "after"]);
  },

  async "live events, own writes, one chat"({ im, elsewhere }) {
    const { chat } = await im.chats.create(["hugo@example.com"]);
    const { chat: other } = await im.chats.create(["ida@example.com"]);
    const stream = im.chats.subscribeEvents({ chat: chat.guid });
    await stream.ready;
    await elsewhere("chats:archive", { chatGuid: other.guid });
    await elsewhere("messages:receive", { chatGuid: chat.guid, from: "hugo@example.com", text: "hi" });
    await im.chats.markRead(chat.guid);
    await elsewhere("chats:archive", { chatGuid: chat.guid, actor: "hugo@example.com" });
    const [read, archived] = await collect(stream.take(2));
    same([read.type, read.chatGuid, read.isFromMe], ["chat.markedRead", chat.guid, true]);
    same(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(read.occurredAt), true);
    same([archived.type, archived.isFromMe, archived.actor.address], ["chat.archived", false, "hugo@example.com"]);
  },

  async "a stream through a cut and a restart of the server, nothing lost or repeated"({ client, elsewhere, cut, restart }) {
    const im = client();
    const { chat } = await im.chats.create(["jan@example.com"]);
    const states = [];
    const stop = im.connection.on(({ state }) => states.push(state));
    const stream = im.chats.subscribeEvents({ chat: chat.guid });
    await stream.ready;
    const written = [];
    const write = async () => {
      const { first, last } = await elsewhere("events:generate", { count: 700, chatGuids: [chat.guid] });
      written.push(...range(first, last));
    };
    const seen = [];
    const events = stream[Symbol.asyncIterator]();
    const read = async (count) => {
      while (seen.length < count) {
        const { done, value } = await events.next();
        if (done) throw new Error(`the stream ended after ${seen.length} events`);
        seen.push(value.sequence);
      }
    };
    await write();
    await read(100);
    await cut();
    await write();
    await read(1_000);
    await restart();
    await write();
    await read(2_100);
    same(seen, written);
    await until(() => im.connection.state === "live", "live again");
    same([states.includes("live"), states.includes("reconnecting")], [true, true]);
    const cursor = stream.cursor;
    await events.return();
    stop();
    const after = im.chats.subscribeEvents({ chat: chat.guid, after: cursor });
    // The last event was never followed by a question for another, so it comes again.
    same((await collect(after.take(1)))[0].sequence, written.at(-1));
    await im.close();
  },

  async "filter, map, take, on"({ im, elsewhere }) {
    const { chat } = await im.chats.create(["kate@example.com"]);
    const toggle = async () => {
      await elsewhere("chats:archive", { chatGuid: chat.guid });
      await elsewhere("chats:unarchive", { chatGuid: chat.guid });
    };
    const stream = im.chats.subscribeEvents({ chat: chat.guid });
    const types = stream.filter(({ type }) => type === "chat.unarchived").map(({ type }) => type);
    await stream.ready;
    await toggle();
    await toggle();
    same(await collect(types.take(2)), ["chat.unarchived", "chat.unarchived"]);
    const heard = [];
    const second = im.chats.subscribeEvents({ chat: chat.guid });
    const stop = second.on(async ({ type }) => void heard.push(type));
    await second.ready;
    await toggle();
    await until(() => heard.length === 2, "both events");
    stop();
    same(heard, ["chat.archived", "chat.unarchived"]);
  },

  async "abort of a stream; bad options"({ sdk, im }) {
    const controller = new AbortController();
    const stream = im.chats.subscribeEvents({ signal: controller.signal });
    await stream.ready;
    const loop = failure(collect(stream));
    const reason = new Error("enough");
    controller.abort(reason);
    same((await loop) === reason, true);
    const bad = await failure(collect(im.chats.subscribeEvents({ chat: "nobody" })));
    same([bad instanceof sdk.ValidationError, bad.context.field], [true, "chat"]);
  },

  async "im-chats/messages: a text, a file, a list; the same classes"({ sdk, messages, address, token }) {
    same(Object.keys(sdk).filter((name) => sdk[name] !== messages[name]), ["createClient"]);
    const im = messages.createClient({ address, token });
    const { chat } = await im.chats.create(["mary@example.com"]);
    const text = await im.messages.send(chat.guid, "Hello 🎂", { effect: "confetti" });
    same((await im.messages.react(chat.guid, text.guid, "love")).appliedReactions.map(({ reaction }) => reaction.kind), ["love"]);
    // More than one piece of whatever the bytes are sent in.
    const file = await im.messages.sendAttachment(chat.guid, new Uint8Array(1_000_001).fill(7), { fileName: "sevens.bin" });
    same(file.content.attachments.map(({ fileName, totalBytes }) => [fileName, totalBytes]), [["sevens.bin", 1_000_001]]);
    same((await im.messages.list(chat.guid)).messages.map(({ guid }) => guid), [file.guid, text.guid]);
    const unknown = await failure(im.messages.get("unknown"));
    same([unknown instanceof sdk.NotFoundError, unknown.code], [true, "messageNotFound"]);
    await im.close();
  },

  async "close: loops finish, calls are refused, repeating is safe"({ sdk, im }) {
    const stream = im.chats.subscribeEvents();
    await stream.ready;
    const loop = collect(stream);
    await im.close();
    await im.close();
    same(await loop, []);
    same(im.connection.state, "closed");
    const refused = await failure(im.chats.count());
    same([refused instanceof sdk.ValidationError, refused.code], [true, "preconditionFailed"]);
  },
};

async function outcome(check) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("not within 60 s")), 60_000);
  });
  try {
    await Promise.race([check(), late]);
    return {};
  } catch (error) {
    return { error: `${error?.stack ?? error}` };
  } finally {
    clearTimeout(timer);
  }
}

/** What a promise, or a function, rejects with. */
async function failure(attempt) {
  let value;
  try {
    value = await (typeof attempt === "function" ? attempt() : attempt);
  } catch (error) {
    return error;
  }
  throw new Error(`it should have failed, and gave ${JSON.stringify(value)}`);
}

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function until(condition, what) {
  for (const end = Date.now() + 30_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 10))) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${what}`);
  }
}

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** Both are plain data. Keys count in the order that the package gives them. */
function same(actual, expected) {
  const [got, wanted] = [actual, expected].map((value) => JSON.stringify(value) ?? "undefined");
  if (got !== wanted) throw new Error(`got ${got.slice(0, 300)}, expected ${wanted.slice(0, 300)}`);
}
