// `im-chats/testing`: an emulator for a test starts, tells what is wrong when it does not, and never stays behind.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";

import { ConnectionError, ValidationError } from "im-chats";
import { fakeStream, startEmulator } from "im-chats/testing";

import { gatewayBinary } from "../support/gateway.mjs";
import { eventually } from "../support/until.mjs";

let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "im-chats-testing-"));
  // A folder for temporary files that nobody else's emulators are in: other suites may run beside this one.
  process.env.TMPDIR = join(folder, "tmp");
  await mkdir(process.env.TMPDIR);
});

after(() => rm(folder, { recursive: true, force: true }));

/** A program that stands in for the gateway. */
async function script(name, text) {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
  return file;
}

/** Runs with other variables in the environment; undefined takes one away. */
async function withEnvironment(variables, act) {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  const set = (values) => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  set(variables);
  try {
    return await act();
  } finally {
    set(before);
  }
}

const temporary = async () => new Set((await readdir(tmpdir())).filter((name) => name.startsWith("im-chats-test-")));

const isGone = (address) => eventually(`${address} is gone`, 20_000, () => fetch(`${address}/healthz`).then(() => false, () => true));

const refuses = (address) => assert.rejects(fetch(`${address}/healthz`), TypeError);

describe("startEmulator", () => {
  test("gives an emulator that a client talks to, and stop() ends both and leaves nothing", async () => {
    const there = await temporary();
    const server = await startEmulator();
    const im = server.client();
    const { chat } = await im.chats.create(["alice@example.com"]);
    assert.equal((await im.messages.send(chat.guid, "Hello!")).content.text, "Hello!");
    const stream = im.chats.subscribeEvents();
    await stream.ready;
    const loop = (async () => {
      for await (const event of stream) assert.fail(event.type);
    })();
    await Promise.all([server.stop(), server.stop()]);
    await loop;
    await server.stop();
    assert.equal(im.connection.state, "closed");
    await refuses(server.address);
    assert.deepEqual([...(await temporary())].filter((name) => !there.has(name)), []);
    await assert.rejects(server.world.chats(), { code: "preconditionFailed", message: /is stopped/ });
    assert.throws(() => server.client(), { code: "preconditionFailed", message: /is stopped/ });
  });

  test("is disposed of by `await using`", async () => {
    const server = await startEmulator();
    await server[Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]();
    await refuses(server.address);
  });

  test("many run beside each other, each with a world of its own", async () => {
    const servers = await Promise.all(Array.from({ length: 4 }, () => startEmulator()));
    try {
      assert.equal(new Set(servers.map(({ address }) => address)).size, 4);
      assert.equal(new Set(servers.map(({ token }) => token)).size, 4);
      await Promise.all(servers.map(({ world }, index) => world.receive({ from: `person${index}@example.com`, text: "Hello" })));
      for (const [index, { world }] of servers.entries()) {
        assert.deepEqual((await world.chats()).map(({ guid }) => guid), [`any;-;person${index}@example.com`]);
      }
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });

  test("a data directory of one's own stays, with everything in it", async () => {
    const data = join(folder, "kept");
    const first = await startEmulator({ data, token: "secret" });
    const { message } = await first.world.receive({ from: "alice@example.com", text: "Still there?" });
    await first.stop();
    const second = await startEmulator({ data, token: "secret" });
    try {
      assert.equal(second.token, "secret");
      assert.equal((await second.client().messages.get(message)).content.text, "Still there?");
    } finally {
      await second.stop();
    }
  });

  test("a client can have options of its own, such as the token of a user", async () => {
    const server = await startEmulator();
    try {
      const { token } = await server.client().tokens.create({ sub: "user-42", scope: ["chats:read"], ttlSeconds: 60 });
      await assert.rejects(server.client({ token }).chats.create(["alice@example.com"]), { name: "AuthenticationError", code: "unauthorized" });
      assert.throws(() => server.client({ tken: "x" }), { name: "ValidationError", context: { field: "tken" } });
    } finally {
      await server.stop();
    }
  });

  test("options of the gateway are passed on", async () => {
    const server = await startEmulator({ arguments: ["--allow-origin", "https://app.example"] });
    try {
      const answer = await fetch(`${server.address}/healthz`, { headers: { origin: "https://app.example" } });
      assert.equal(answer.headers.get("access-control-allow-origin"), "https://app.example");
    } finally {
      await server.stop();
    }
  });

  test("an emulator that ends by itself is told from one that was never there", async () => {
    const file = join(folder, "killed");
    const server = await startEmulator({ gateway: await script("named", `echo "$$" > ${file}; exec ${gatewayBinary()} "$@"`) });
    try {
      process.kill(Number(await readFile(file, "utf8")), "SIGKILL");
      await isGone(server.address);
      const failed = await server.world.chats().catch((error) => error);
      assert.equal(failed.code, "preconditionFailed");
      assert.match(failed.message, /the emulator has ended by itself: .* ended with SIGKILL/);
    } finally {
      await server.stop();
    }
  });

  for (const [field, options] of Object.entries({
    gateway: { gateway: "" },
    token: { token: "se\0cret" },
    data: { data: null },
    arguments: { arguments: "--allow-origin" },
    startTimeout: { startTimeout: 0 },
    gatway: { gatway: "x" },
  })) {
    test(`a bad option is refused by its name: ${field}`, async () => {
      await assert.rejects(startEmulator(options), { name: "ValidationError", code: "invalidArgument", context: { field } });
    });
  }
});

describe("the binary", () => {
  test("that is named must be there", async () => {
    const error = await startEmulator({ gateway: join(folder, "nowhere") }).catch((error) => error);
    assert.ok(error instanceof ValidationError);
    assert.equal(error.context.field, "gateway");
    assert.match(error.message, /there is no file .*nowhere/);
    assert.match(error.stack, /testing\.test\.mjs/);
  });

  test("that IM_CHATS_GATEWAY names must be there", async () => {
    await withEnvironment({ IM_CHATS_GATEWAY: join(folder, "nowhere") }, () =>
      assert.rejects(startEmulator(), { code: "preconditionFailed", message: /IM_CHATS_GATEWAY names .*nowhere/ }),
    );
  });

  test("is found on the PATH; without one, the error says how to get one", async () => {
    const bin = join(folder, "bin");
    await mkdir(bin);
    await withEnvironment({ IM_CHATS_GATEWAY: undefined, PATH: bin }, async () => {
      const advice = /npm install --save-dev im-chats-gateway.*PATH.*IM_CHATS_GATEWAY.*cargo xtask build/s;
      await assert.rejects(startEmulator(), { name: "ValidationError", code: "preconditionFailed", message: advice });
    });
    await symlink(gatewayBinary(), join(bin, "im-chats-gateway"));
    await withEnvironment({ IM_CHATS_GATEWAY: undefined, PATH: `${folder}${delimiter}${bin}` }, async () => {
      await (await startEmulator()).stop();
    });
  });

  test("of an npm package of the program is taken before that of the PATH", async () => {
    const program = join(folder, "program");
    await mkdir(join(program, "node_modules/.bin"), { recursive: true });
    await mkdir(join(program, "deeper"));
    await symlink(gatewayBinary(), join(program, "node_modules/.bin/im-chats-gateway"));
    const wrong = join(folder, "wrong");
    await mkdir(wrong);
    await writeFile(join(wrong, "im-chats-gateway"), "#!/bin/sh\nexit 7\n", { mode: 0o755 });
    const home = process.cwd();
    process.chdir(join(program, "deeper"));
    try {
      await withEnvironment({ IM_CHATS_GATEWAY: undefined, PATH: wrong }, async () => (await startEmulator()).stop());
    } finally {
      process.chdir(home);
    }
  });

  test("that ends at once is told with its last lines", async () => {
    const there = await temporary();
    const gateway = await script("ends", "echo 'error: the moon is full' >&2; exit 3");
    await assert.rejects(startEmulator({ gateway }), { name: "ValidationError", code: "preconditionFailed", message: /ended with 3 before it listened; it wrote:\nerror: the moon is full$/ });
    await assert.rejects(startEmulator({ arguments: ["--nonsense"] }), { message: /ended with 2 .*unexpected argument '--nonsense'/s });
    assert.deepEqual([...(await temporary())].filter((name) => !there.has(name)), []);
  });

  test("that cannot be run is told", async () => {
    const file = join(folder, "no-program");
    await writeFile(file, "hello");
    await assert.rejects(startEmulator({ gateway: file }), { message: /no-program could not be started: .*EACCES/ });
  });

  test("that does not listen in time is ended", async () => {
    const file = join(folder, "pid");
    const gateway = await script("waits", `echo "$$" > ${file}; echo 'still thinking' >&2; exec sleep 60`);
    const error = await startEmulator({ gateway, startTimeout: 2_000 }).catch((error) => error);
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.code, "timeout");
    assert.match(error.message, /not ready within 2000 ms; give it more by startTimeout; it wrote:\nstill thinking/);
    const pid = Number(await readFile(file, "utf8"));
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });
});

/** A program that starts an emulator, says where, and then does what `then` says. */
async function program(then) {
  const file = join(process.env.IM_CHATS_PROJECT, `testing-${Math.random().toString(36).slice(2)}.mjs`);
  await writeFile(file, `import { startEmulator } from "im-chats/testing";\nconst server = await startEmulator();\nconsole.log(server.address);\n${then}\n`);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [address] = await once(createInterface({ input: child.stdout }), "line");
  await rm(file);
  return { child, exited, address };
}

describe("the emulator ends with its program", () => {
  test("that is killed", async () => {
    const { child, exited, address } = await program("setInterval(() => {}, 1000);");
    assert.equal((await fetch(`${address}/healthz`)).status, 200);
    child.kill("SIGKILL");
    await exited;
    await isGone(address);
  });

  test("that has nothing left to do, and forgot to stop it: it ends by itself and leaves nothing", async () => {
    const there = await temporary();
    const { exited, address } = await program("server.client();");
    assert.deepEqual(await exited, [0, null]);
    await isGone(address);
    assert.deepEqual([...(await temporary())].filter((name) => !there.has(name)), []);
  });
});

describe("fakeStream", () => {
  const event = (sequence) => ({ type: "chat.archived", chatGuid: "any;-;alice@example.com", sequence, occurredAt: "2026-01-01T00:00:00Z", isFromMe: true });
  const sequences = async (stream) => {
    const seen = [];
    for await (const { sequence } of stream) seen.push(sequence);
    return seen;
  };

  test("gives the events of a list, is ready at once, and has no cursor", async () => {
    const stream = fakeStream([event(1), event(2)]);
    await stream.ready;
    assert.deepEqual(await sequences(stream.filter(({ sequence }) => sequence > 1)), [2]);
    assert.equal(stream.cursor, undefined);
  });

  test("gives those of an asynchronous iterable, and its error reaches the loop", async () => {
    async function* live() {
      yield event(1);
      throw new Error("the line is cut");
    }
    const seen = [];
    await assert.rejects(async () => {
      for await (const { sequence } of fakeStream(live())) seen.push(sequence);
    }, /the line is cut/);
    assert.deepEqual(seen, [1]);
  });

  test("ends what it iterates when its loop is left", async () => {
    let isOver = false;
    function* endless() {
      try {
        for (let sequence = 1; ; sequence++) yield event(sequence);
      } finally {
        isOver = true;
      }
    }
    for await (const { sequence } of fakeStream(endless())) if (sequence === 3) break;
    await eventually("its end", 20_000, () => isOver);
  });

  for (const wrong of [undefined, null, 7, "events", {}]) {
    test(`refuses ${JSON.stringify(wrong)}`, () => {
      assert.throws(() => fakeStream(wrong), { name: "ValidationError", context: { field: "events" } });
    });
  }
});
