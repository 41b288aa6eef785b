// A service that has any log one likes: it speaks the protos of the service's own SDK, and of every method only those that a relay needs to
// read a log. The emulator has chat events and messages; the real service has more.

import { join, dirname } from "node:path";

import { importInstalled, resolveInstalled } from "./sdk.mjs";

const PACKAGE = "photon.imessage.v1";

/** One moment, in whole milliseconds: a `Date` has no more. */
const MOMENT = { seconds: 1_767_323_045, nanos: 6_000_000 };

/** The types of the service, from the protos that its SDK brings along. */
export async function loadTypes() {
  // The loader teaches the library those of the well-known types that it does not know by itself.
  await importInstalled("@grpc/proto-loader");
  const protobuf = (await importInstalled("protobufjs")).default;
  const folder = join(dirname(resolveInstalled("@photon-ai/advanced-imessage")), "../proto");
  const root = new protobuf.Root();
  // The well-known types are inside the library, under their names.
  root.resolvePath = (_, target) => (target.startsWith("google/protobuf/") ? target : join(folder, target));
  root.loadSync(["photon/imessage/v1/event_service.proto", "photon/imessage/v1/chat_service.proto"]);
  return { protobuf, root, type: (name) => root.lookupType(`${PACKAGE}.${name}`) };
}

/**
 * Values of a message with every field set (`full`), or only with the messages in it that are not optional. Enums go through all their
 * values, the one that nobody knows yet included, as messages are made.
 */
export function sampler({ protobuf }) {
  let turn = 0;
  const value = (field, full) => {
    const type = field.resolvedType;
    if (type instanceof protobuf.Enum) {
      const known = Object.values(type.values);
      return [...known, 99][turn++ % (known.length + 1)];
    }
    if (type?.fullName === ".google.protobuf.Timestamp") return MOMENT;
    if (type) return message(type, full);
    if (field.type === "string") return `${field.name} é`;
    if (field.type === "bool") return true;
    if (field.type === "double") return 1.5;
    return 7;
  };
  function message(type, full) {
    const filled = {};
    for (const field of type.resolveAll().fieldsArray) {
      // A choice is made by who asks; what is only optional is no choice.
      if (field.partOf && !field.options?.proto3_optional) continue;
      const needed = field.resolvedType instanceof protobuf.Type && !field.repeated && !field.options?.proto3_optional;
      if (!full && !needed) continue;
      filled[field.name] = field.repeated ? [value(field, full), value(field, full)] : value(field, full);
    }
    return filled;
  }
  return message;
}

/** Starts the service with a log of `frames`, `CatchUpEventsResponse`s as objects; it listens on a free port. */
export async function startUpstream(types, frames) {
  const grpc = (await importInstalled("@grpc/grpc-js")).default;
  const server = new grpc.Server();
  const stream = (service, method, request, response) => ({
    path: `/${PACKAGE}.${service}/${method}`,
    requestStream: false,
    responseStream: true,
    requestDeserialize: (bytes) => types.type(request).decode(bytes),
    responseSerialize: (message) => Buffer.from(types.type(response).encode(message).finish()),
  });
  server.addService(
    { CatchUpEvents: stream("EventService", "CatchUpEvents", "CatchUpEventsRequest", "CatchUpEventsResponse") },
    {
      CatchUpEvents(call) {
        const after = Number(call.request.afterSequence ?? 0);
        for (const frame of frames) if (frame.sequence > after) call.write(frame);
        call.write({ complete: { headSequence: frames.at(-1).sequence } });
        call.end();
      },
    },
  );
  server.addService(
    {
      SubscribeChatEvents: stream("ChatService", "SubscribeChatEvents", "SubscribeChatEventsRequest", "SubscribeChatEventsResponse"),
    },
    { SubscribeChatEvents: (call) => call.write({ heartbeat: {} }) },
  );
  const port = await new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
  });
  return { address: `http://127.0.0.1:${port}`, token: "any", close: () => server.forceShutdown() };
}
