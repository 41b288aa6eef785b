// Bad input of every call about messages, groups, polls and attachments: the error says what is wrong, over both transports of the vendor's
// SDK, and nothing was stored.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";

import { MESSAGES } from "./bad-input/messages.mjs";
import { OTHERS } from "./bad-input/others.mjs";
import { ALICE, MAX_ATTACHMENT_BYTES, prepare } from "./bad-input/stage.mjs";
import { declaredMethods } from "./methods/run.mjs";
import { outcomeOf } from "./outcome.mjs";
import { importInstalled, openSdk, resolveInstalled } from "./sdk.mjs";
import { all, openWorld } from "./world.mjs";

const CASES = { ...MESSAGES, ...OTHERS };

test("every call of these resources has cases", async () => {
  const declared = (await declaredMethods("http")).filter((method) => !method.startsWith("chats."));
  assert.deepEqual(Object.keys(CASES).sort(), declared.sort());
});

for (const sdk of ["http", "grpc"]) {
  describe(`bad input, over ${sdk}`, () => {
    let world;
    let stage;
    let reader;

    before(async () => {
      world = await openWorld(sdk, "emulator");
      reader = (await openSdk("ours", world.gateway.address, { token: world.gateway.token })).im;
      stage = await prepare(world);
    });
    after(async () => {
      await reader?.close();
      await world?.close();
    });

    /** Everything that a person could find: the log, the chats with their counts, the messages and the polls. */
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

    const refused = async (expected, call, module = world.module) => {
      const before = await stored();
      const { error, value } = await outcomeOf(module, call);
      assert.ok(error, `it was taken: ${JSON.stringify(value)}`);
      const { field } = error.context ?? {};
      assert.deepEqual({ class: error.class, code: error.code, ...(field && { field }) }, expected, error.message);
      assert.deepEqual(await stored(), before, "something was written");
    };

    for (const [method, cases] of Object.entries(CASES)) {
      for (const [what, expected, call, only] of cases) {
        if (only && only !== sdk) continue;
        test(`${method}: ${what}`, () => refused(expected, () => call(stage)));
      }
    }

    if (sdk === "grpc") {
      test("attachments.upload: 100 MiB and a byte, from a client that has no limit of its own", async () => {
        const before = await stored();
        const data = Buffer.alloc(MAX_ATTACHMENT_BYTES + 1);
        const error = await uploadRaw(world.gateway, { file_name: "much.bin", data });
        assert.equal(error?.metadata.get("error-code")[0], "invalidArgument", error?.message);
        assert.equal(error.metadata.get("error-context-field")[0], "data");
        assert.equal(error.code, 3);
        assert.deepEqual(await stored(), before);
      });
    } else {
      for (const [what, field, path, body] of raw()) {
        test(`POST ${path}: ${what}`, async () => {
          const before = await stored();
          const [status, answer] = await postText(world.gateway, path, body(stage));
          assert.deepEqual({ status, code: answer.errorCode, field: answer.context?.field }, { status: 400, code: "invalidArgument", field });
          assert.deepEqual(await stored(), before);
        });
      }
    }
  });
}

/** What only JSON that was written by hand can say: `[what, field, path, the body]`. */
function raw() {
  const target = ({ direct, own }) => `"target":{"chatGuid":"${direct}","messageGuid":"${own}"}`;
  return [
    ["half of a surrogate pair", "text", "/v1/messages:sendText", ({ direct }) => `{"chatGuid":"${direct}","text":"a\\ud800"}`],
    ["NUL", "text", "/v1/messages:sendText", ({ direct }) => `{"chatGuid":"${direct}","text":"a\\u0000b"}`],
    ["a number for a text", "text", "/v1/messages:sendText", ({ direct }) => `{"chatGuid":"${direct}","text":5}`],
    ["a path on the server's disk", "attachment.attachmentPath", "/v1/messages:sendAttachment", ({ direct }) => `{"chatGuid":"${direct}","attachment":{"attachmentPath":"/etc/passwd"}}`],
    ["no attachment at all", "attachment.attachmentGuid", "/v1/messages:sendAttachment", ({ direct }) => `{"chatGuid":"${direct}"}`],
    ["half of a surrogate pair in a part", "parts[0].text", "/v1/messages:sendMultipart", ({ direct }) => `{"chatGuid":"${direct}","parts":[{"text":"\\udfff"}]}`],
    ["a part that is nothing", "parts[0].text", "/v1/messages:sendMultipart", ({ direct }) => `{"chatGuid":"${direct}","parts":[{}]}`],
    ["no target", "target", "/v1/messages:edit", () => `{"newText":"Hello"}`],
    ["half of a surrogate pair", "newText", "/v1/messages:edit", (stage) => `{${target(stage)},"newText":"\\ud800"}`],
    ["no target", "target", "/v1/messages:unsend", () => "{}"],
    ["no reaction", "reaction", "/v1/messages:setReaction", (stage) => `{${target(stage)},"isSet":true}`],
    ["a reaction that is not one", "reaction.kind", "/v1/messages:setReaction", (stage) => `{${target(stage)},"isSet":true,"reaction":{"kind":"HUG"}}`],
    ["half of a surrogate pair", "displayName", "/v1/groups:setDisplayName", ({ group }) => `{"chatGuid":"${group}","displayName":"\\ud800"}`],
    ["an address that is no text", "addresses[0]", "/v1/groups:addParticipants", ({ group }) => `{"chatGuid":"${group}","addresses":[5]}`],
    ["bytes that are no base64", "data", "/v1/groups:setIcon", ({ group }) => `{"chatGuid":"${group}","data":"*"}`],
    ["half of a surrogate pair", "options[1]", "/v1/polls", ({ group }) => `{"chatGuid":"${group}","title":"?","options":["Yes","\\udc00"]}`],
    ["half of a surrogate pair", "optionText", "/v1/polls:addOption", ({ poll }) => `{"pollMessageGuid":"${poll}","optionText":"\\ud800"}`],
  ];
}

async function postText({ address, token }, path, body) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(new URL(path, address), { method: "POST", headers, body });
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
