// A client that knows nothing of the service, as grpcurl does: it asks which services there are, fetches their descriptors,
// and calls them with messages made from these.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startGateway } from "../support/gateway.mjs";
import { importInstalled } from "./sdk.mjs";

/** Fields have the names of the protos: a descriptor knows no others. */
const OPTIONS = { keepCase: true, longs: String, enums: String, defaults: false, oneofs: true };

let grpc;
let loader;
let gateway;
let host;

before(async () => {
  grpc = (await importInstalled("@grpc/grpc-js")).default;
  loader = (await importInstalled("@grpc/proto-loader")).default;
  gateway = await startGateway();
  host = new URL(gateway.address).host;
});
after(() => gateway.stop());

const insecure = () => grpc.credentials.createInsecure();

/** Asks the server about itself; one question, one answer. */
async function reflect(question) {
  const definition = loader.loadSync(fileURLToPath(new URL("reflection.proto", import.meta.url)), OPTIONS);
  const { ServerReflection } = grpc.loadPackageDefinition(definition).grpc.reflection.v1;
  const client = new ServerReflection(host, insecure());
  const call = client.serverReflectionInfo(withToken());
  try {
    call.write(question);
    for await (const answer of call) return answer;
    throw new Error("no answer");
  } finally {
    call.cancel();
    client.close();
  }
}

function withToken(token = gateway.token) {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

/** A client of a service, made from what the server says of it. */
async function clientOf(service) {
  const { file_descriptor_response } = await reflect({ file_containing_symbol: service });
  assert.ok(file_descriptor_response, `the server describes ${service}`);
  const files = new Map();
  await collect(file_descriptor_response.file_descriptor_proto, files);
  // A descriptor set is its files, each as field 1 with its length before it.
  const set = Buffer.concat([...files.values()].flatMap((file) => [varint((1 << 3) | 2), varint(file.length), file]));
  const definition = loader.loadFileDescriptorSetFromBuffer(set, OPTIONS);
  const Service = service.split(".").reduce((holder, name) => holder[name], grpc.loadPackageDefinition(definition));
  return new Service(host, insecure());
}

/** The files and all that they import, by name. */
async function collect(found, files) {
  const { FileDescriptorProto } = (await importInstalled("protobufjs/ext/descriptor/index.js")).default;
  for (const file of found) {
    const { name, dependency } = FileDescriptorProto.decode(file);
    if (files.has(name)) continue;
    files.set(name, file);
    for (const needed of dependency ?? []) {
      if (files.has(needed)) continue;
      const { file_descriptor_response } = await reflect({ file_by_filename: needed });
      assert.ok(file_descriptor_response, `the server describes ${needed}`);
      await collect(file_descriptor_response.file_descriptor_proto, files);
    }
  }
}

function varint(number) {
  const bytes = [];
  for (let rest = number; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

const call = (client, method, request, metadata = withToken()) =>
  new Promise((resolve, reject) => client[method](request, metadata, (error, answer) => (error ? reject(error) : resolve(answer))));

test("lists its services", async () => {
  const { list_services_response } = await reflect({ list_services: "" });
  const names = list_services_response.service.map(({ name }) => name);
  for (const name of ["photon.imessage.v1.ChatService", "photon.imessage.v1.EventService", "grpc.health.v1.Health"]) {
    assert.ok(names.includes(name), `${name} in ${names}`);
  }
});

test("describes the ten methods of ChatService, and nothing that does not exist", async () => {
  const client = await clientOf("photon.imessage.v1.ChatService");
  const methods = Object.values(Object.getPrototypeOf(client).constructor.service).map(({ path }) => path.split("/").at(-1));
  assert.deepEqual(methods.sort(), [
    "CreateChat",
    "GetChat",
    "GetChatCount",
    "HasBackground",
    "MarkChatRead",
    "RemoveBackground",
    "SetBackground",
    "SetTyping",
    "ShareContactInfo",
    "SubscribeChatEvents",
  ]);
  client.close();
  await assert.rejects(reflect({ file_containing_symbol: "photon.imessage.v1.PigeonService" }), { code: grpc.status.NOT_FOUND });
});

test("is called by what it describes", async () => {
  const chats = await clientOf("photon.imessage.v1.ChatService");
  const { chat } = await call(chats, "createChat", { addresses: ["Alice@example.com"], service: "CHAT_SERVICE_TYPE_IMESSAGE" });
  assert.equal(chat.guid, "any;-;alice@example.com");
  assert.equal(chat.service, "CHAT_SERVICE_TYPE_IMESSAGE");
  assert.deepEqual(await call(chats, "getChatCount", {}), { count: "1" });

  const missing = await call(chats, "getChat", { chat_guid: "any;-;nobody@example.com" }).catch((error) => error);
  assert.equal(missing.code, grpc.status.NOT_FOUND);
  assert.deepEqual(missing.metadata.get("error-code"), ["chatNotFound"]);
  assert.deepEqual(missing.metadata.get("error-context-chat"), ["any;-;nobody@example.com"]);
  const refused = await call(chats, "getChatCount", {}, withToken("wrong")).catch((error) => error);
  assert.equal(refused.code, grpc.status.UNAUTHENTICATED);
  chats.close();
});

test("streams by what it describes", async () => {
  await gateway.call("POST", "/v1/chats", { addresses: ["bob@example.com"] });
  await gateway.call("POST", "/emulator/v1/chats:archive", { chatGuid: "any;-;bob@example.com" });
  const events = await clientOf("photon.imessage.v1.EventService");
  const frames = [];
  for await (const frame of events.catchUpEvents({}, withToken())) frames.push(frame);
  const [first, last] = [frames.find(({ payload }) => payload === "chat_changed"), frames.at(-1)];
  assert.equal(first.chat_changed.chat_guid, "any;-;bob@example.com");
  assert.equal(first.chat_changed.change, "archived");
  assert.equal(last.complete.head_sequence, first.sequence);
  events.close();
});

test("says that it is well", async () => {
  const health = await clientOf("grpc.health.v1.Health");
  assert.deepEqual(await call(health, "check", { service: "" }), { status: "SERVING" });
  health.close();
});
