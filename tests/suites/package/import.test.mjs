// The package as such: what importing it does, and that nothing keeps a process alive.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { promisify } from "node:util";

import * as inline from "im-chats/inline";
import * as main from "im-chats";

import { startGateway } from "../support/gateway.mjs";
import { startProxy } from "../support/proxy.mjs";

const run = promisify(execFile);

/** Runs a program in a process of its own, beside the installed package. */
const program = (code, env = {}) =>
  run(process.execPath, ["--input-type=module", "--eval", code], { env: { ...process.env, ...env }, timeout: 20_000 });

describe("importing", () => {
  test("gives the documented names", () => {
    const names = [
      "AuthenticationError",
      "ConnectionError",
      "ErrorCode",
      "IMessageError",
      "MessageEffect",
      "NotFoundError",
      "RateLimitError",
      "TypedEventStream",
      "ValidationError",
      "createClient",
      "fileCursor",
      "storageCursor",
    ];
    assert.deepEqual(Object.keys(main).sort(), names);
    assert.deepEqual(Object.keys(inline).sort(), names);
  });

  test("gives the same names to pages, while developing and after", async () => {
    const entry = (name) => import(new URL(name, import.meta.resolve("im-chats/package.json")).href);
    for (const names of [["index.js", "index-dev.js"], ["messages.js", "messages-dev.js"]]) {
      const [index, development] = await Promise.all(names.map(entry));
      assert.deepEqual(Object.keys(development).sort(), Object.keys(index).sort());
      assert.notEqual(development.createClient, index.createClient);
    }
  });

  test("touches no global and reads no file", async () => {
    const { stdout } = await program(`
      const touched = [];
      for (const name of ["fetch", "WebSocket", "setTimeout", "document", "window", "localStorage", "navigator"]) {
        Object.defineProperty(globalThis, name, { get() { touched.push(name); return undefined; }, configurable: true });
      }
      const instantiate = WebAssembly.instantiate;
      WebAssembly.instantiate = () => touched.push("wasm");
      const { createClient } = await import("im-chats");
      createClient({ address: "im.example.com", token: "t" });
      console.log(JSON.stringify(touched));
    `);
    assert.equal(stdout.trim(), "[]");
  });

  // As in the sandbox of a test runner, or under a runtime that is still small.
  test("needs nothing but the language, and a call then names what is missing", async () => {
    const { stdout } = await program(
      `
      import { readFile } from "node:fs/promises";
      import { createContext, SourceTextModule } from "node:vm";
      const load = async (entry, globals) => {
        const context = createContext(globals);
        const modules = new Map();
        const module = (url) => {
          if (!modules.has(url)) {
            modules.set(url, readFile(new URL(url), "utf8").then((code) =>
              new SourceTextModule(code, { context, identifier: url, initializeImportMeta: (meta) => { meta.url = url; } })));
          }
          return modules.get(url);
        };
        const main = await module(entry);
        await main.link((specifier, { identifier }) => module(new URL(specifier, identifier).href));
        await main.evaluate();
        return main.namespace;
      };
      const errors = [];
      for (const name of ["index.js", "index-dev.js", "inline.js"]) {
        const entry = new URL(name, import.meta.resolve("im-chats/package.json")).href;
        const options = { address: "im.example.com", token: "t" };
        const bare = await load(entry, {});
        try { bare.createClient(options); } catch (error) { errors.push([error instanceof bare.IMessageError, error.code, error.message]); }
        const some = await load(entry, { URL, AbortController });
        const error = await some.createClient(options).chats.count().catch((error) => error);
        errors.push([error instanceof some.IMessageError, error.code, error.message]);
      }
      console.log(JSON.stringify(errors));
    `,
      { NODE_OPTIONS: "--experimental-vm-modules --no-warnings" },
    );
    const errors = JSON.parse(stdout);
    assert.equal(errors.length, 6);
    errors.forEach(([isOurs, code, message], index) => {
      assert.deepEqual([isOurs, code], [true, "operationNotSupported"], message);
      assert.ok(message.startsWith(`im-chats needs ${index % 2 === 0 ? "URL" : "Headers, TextDecoder, TextEncoder, fetch, setTimeout"}, which`), message);
    });
  });

  test("codes and effects are what the types say", () => {
    for (const [key, value] of Object.entries(main.ErrorCode)) assert.equal(key, value);
    assert.equal(Object.keys(main.MessageEffect).length, 13);
  });
});

describe("a process", () => {
  test("ends by itself after close(), whatever was open", async () => {
    const gateway = await startGateway();
    try {
      const { stdout } = await program(
        `
        import { createClient } from "im-chats";
        const im = createClient({ address: process.env.ADDRESS, token: process.env.TOKEN });
        const stream = im.chats.subscribeEvents();
        const loop = (async () => { for await (const _ of stream); return "loop over"; })();
        await stream.ready;
        await im.close();
        console.log(await loop);
      `,
        { ADDRESS: gateway.address, TOKEN: gateway.token },
      );
      assert.equal(stdout.trim(), "loop over");
    } finally {
      await gateway.stop();
    }
  });

  test("ends by itself after close() on a link that is half-open: no goodbye ever comes back", async () => {
    const gateway = await startGateway();
    const proxy = await startProxy(gateway.address);
    const code = `
      import { createClient } from "im-chats";
      const im = createClient({ address: process.env.ADDRESS, token: process.env.TOKEN });
      await im.chats.subscribeEvents().ready;
      process.send("ready");
      process.once("message", async () => {
        process.disconnect();
        await im.close();
      });
    `;
    const env = { ...process.env, ADDRESS: proxy.address, TOKEN: gateway.token };
    const child = spawn(process.execPath, ["--input-type=module", "--eval", code], { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    try {
      const ended = once(child, "exit");
      await once(child, "message");
      proxy.blackhole();
      const closed = performance.now();
      child.send("close");
      assert.deepEqual(await ended, [0, null]);
      assert.ok(performance.now() - closed < 15_000, "it was kept alive by a socket that it had closed");
    } finally {
      child.kill();
      await proxy.close();
      await gateway.stop();
    }
  });

  test("ends by itself after its last stream, without close()", async () => {
    const gateway = await startGateway();
    try {
      await program(
        `
        import { createClient } from "im-chats";
        const im = createClient({ address: process.env.ADDRESS, token: process.env.TOKEN });
        for await (const event of im.events.catchUp()) if (event.type === "catchup.complete") break;
      `,
        { ADDRESS: gateway.address, TOKEN: gateway.token },
      );
    } finally {
      await gateway.stop();
    }
  });
});

describe("the start of the wasm", () => {
  test("that failed says why, and the next call tries again", async () => {
    const { stdout } = await program(`
      const compile = WebAssembly.instantiate;
      // Node itself instantiates a wasm, with the first use of its fetch.
      WebAssembly.instantiate = (source, imports) => {
        if (!("./im_chats_bg.js" in imports)) return compile(source, imports);
        WebAssembly.instantiate = compile;
        return Promise.reject(new Error("out of memory"));
      };
      const { createClient } = await import("im-chats");
      const im = createClient({ address: "http://127.0.0.1:1", token: "t" });
      const first = await im.chats.count().catch((error) => error);
      const second = await im.chats.get("nothing").catch((error) => error);
      console.log(first.name, /out of memory/.test(first.message), second.name);
    `);
    assert.equal(stdout.trim(), "ConnectionError true ValidationError");
  });
});
