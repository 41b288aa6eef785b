// Bad input of every call about messages, groups, polls and attachments: the error says what is wrong, over both transports of the vendor's
// SDK, at the emulator and through a relay, and nothing was stored.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";

import { MESSAGES } from "./bad-input/messages.mjs";
import { OTHERS } from "./bad-input/others.mjs";
import { RAW } from "./bad-input/raw.mjs";
import { MAX_ATTACHMENT_BYTES, prepare, refresh } from "./bad-input/stage.mjs";
import { declaredMethods } from "./methods/run.mjs";
import { outcomeOf } from "./outcome.mjs";
import { importInstalled, openSdk, resolveInstalled } from "./sdk.mjs";
import { all, openWorld } from "./world.mjs";

const CASES = { ...MESSAGES, ...OTHERS };

test("every call of these resources has cases", async () => {
  const declared = (await declaredMethods("http")).filter((method) => !method.startsWith("chats."));
  assert.deepEqual(Object.keys(CASES).sort(), declared.sort());
});

/** Each transport, and where its calls go. */
const PLACES = ["http", "grpc"].flatMap((sdk) => ["emulator", "relay"].map((place) => ({ sdk, place })));

for (const { sdk, place } of PLACES) {
  describe(`bad input, over ${sdk}, ${place}`, () => {
    let world;
    let stage;
    let reader;

    before(async () => {
      world = await openWorld(sdk, place);
      reader = (await openSdk("ours", world.service.address, { token: world.service.token })).im;
      stage = await prepare(world);
    });
    after(async () => {
      await reader?.close();
      await world?.close();
    });

    /** Everything that a person could find at the service: the log, the chats with their counts, the messages and the polls. */
    const stored = async () => {
      const get = async (path) => {
        const [status, body] = await world.service.call("GET", path);
        assert.equal(status, 200, path);
        return body;
      };
      return {
        head: (await all(reader.events.catchUp())).at(-1).headSequence,
        chats: await get("/emulator/v1/chats"),
        messages: await get("/v1/messages:listRecent?pageSize=100"),
        polls: await Promise.all([stage.poll, stage.takenPoll, stage.pollThere].map((poll) => get(`/v1/polls/${poll}`))),
      };
    };

    let last;
    /** Does something that must be refused, and fails when anything is stored otherwise than before. Gives what `act` gave. */
    const unchanged = async (act) => {
      if ((await refresh(stage)) || !last) last = await stored();
      const result = await act();
      const [was, now] = [last, await stored()];
      last = now;
      assert.deepEqual(now, was, "something was written");
      return result;
    };

    for (const [method, cases] of Object.entries(CASES)) {
      for (const [what, expected, call, only] of cases) {
        if (only && only !== sdk) continue;
        test(`${method}: ${what}`, async () => {
          const { error, value } = await unchanged(() => outcomeOf(world.module, () => call(stage)));
          assert.ok(error, `it was taken: ${JSON.stringify(value)}`);
          const { field } = error.context ?? {};
          assert.deepEqual({ class: error.class, code: error.code, ...(field && { field }) }, expected, error.message);
        });
      }
    }

    if (sdk === "grpc") {
      test("attachments.upload: 100 MiB and a byte, from a client that has no limit of its own", async () => {
        const data = Buffer.alloc(MAX_ATTACHMENT_BYTES + 1);
        const error = await unchanged(() => uploadRaw(world.gateway, { file_name: "much.bin", data }));
        const [code, field] = ["error-code", "error-context-field"].map((name) => error?.metadata.get(name)[0]);
        assert.deepEqual({ status: error?.code, code, field }, { status: 3, code: "invalidArgument", field: "data" }, error?.message);
      });
    } else {
      for (const [what, field, path, body] of RAW) {
        test(`${path}: ${what}`, async () => {
          const [status, answer] = await unchanged(() => callRaw(world.gateway, path, body?.(stage)));
          assert.deepEqual({ status, code: answer.errorCode, field: answer.context?.field }, { status: 400, code: "invalidArgument", field });
        });
      }
    }
  });
}

/** A write when there is a body, else a read. */
async function callRaw({ address, token }, path, body) {
  const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
  const answer = await fetch(new URL(path, address), { method: body ? "POST" : "GET", headers, body });
  return [answer.status, await answer.json()];
}

/** Calls UploadAttachment as the vendor's protos have it, with a client that takes messages of any size. Gives the error. */
async function uploadRaw({ address, token }, request) {
  const [grpc, loader] = (await Promise.all(["@grpc/grpc-js", "@grpc/proto-loader"].map(importInstalled))).map((module) => module.default);
  const protos = join(dirname(resolveInstalled("@photon-ai/advanced-imessage/http")), "../proto");
  const definition = loader.loadSync("photon/imessage/v1/attachment_service.proto", { includeDirs: [protos], keepCase: true });
  const { AttachmentService } = grpc.loadPackageDefinition(definition).photon.imessage.v1;
  const client = new AttachmentService(new URL(address).host, grpc.credentials.createInsecure(), { "grpc.max_send_message_length": -1 });
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  try {
    return await new Promise((resolve) => client.UploadAttachment(request, metadata, resolve));
  } finally {
    client.close();
  }
}
