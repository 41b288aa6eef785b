// Requests that the vendor's SDK would not send, as text: `[what is wrong, the field, the path, the body]`. Without a body it is a read.

const target = ({ direct, own }) => `"target":{"chatGuid":"${direct}","messageGuid":"${own}"}`;

/** Writes that name a chat, and what else they need. */
const OF_A_CHAT = {
  "/v1/messages:sendText": { text: "Hello" },
  "/v1/messages:sendAttachment": { attachment: { attachmentGuid: "A" } },
  "/v1/messages:sendMultipart": { parts: [{ text: "Hello" }] },
  "/v1/groups:setDisplayName": { displayName: "Dinner" },
  "/v1/groups:addParticipants": { addresses: ["dora@example.com"] },
  "/v1/groups:removeParticipants": { addresses: ["alice@example.com"] },
  "/v1/groups:leave": {},
  "/v1/groups:setIcon": { data: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=" },
  "/v1/groups:removeIcon": {},
  "/v1/polls": { title: "Dinner?", options: ["Yes", "No"] },
};

const OF_A_MESSAGE = {
  "/v1/messages:edit": { newText: "Hello" },
  "/v1/messages:unsend": {},
  "/v1/messages:setReaction": { reaction: { kind: "MESSAGE_REACTION_KIND_LOVE" }, isSet: true },
};

const READS = ["/v1/messages:listByChat", "/v1/messages:embeddedMedia", "/v1/groups:icon"];

const NO_GUIDS = { "no chat": "", "no GUID of a chat": "dinner" };

export const RAW = [
  ...Object.entries(NO_GUIDS).flatMap(([what, chatGuid]) => [
    ...Object.entries(OF_A_CHAT).map(([path, body]) => [what, "chatGuid", path, () => JSON.stringify({ chatGuid, ...body })]),
    ...Object.entries(OF_A_MESSAGE).map(([path, body]) => [
      what,
      "target.chatGuid",
      path,
      ({ own }) => JSON.stringify({ target: { chatGuid, messageGuid: own }, ...body }),
    ]),
    ...READS.map((path) => [what, "chatGuid", `${path}?chatGuid=${chatGuid}&messageGuid=M`]),
  ]),
  ...Object.entries(OF_A_MESSAGE).map(([path, body]) => ["no target", "target", path, () => JSON.stringify(body)]),

  ["half of a surrogate pair", "text", "/v1/messages:sendText", ({ direct }) => `{"chatGuid":"${direct}","text":"a\\ud800"}`],
  ["NUL", "text", "/v1/messages:sendText", ({ direct }) => `{"chatGuid":"${direct}","text":"a\\u0000b"}`],
  ["a number for a text", "text", "/v1/messages:sendText", ({ direct }) => `{"chatGuid":"${direct}","text":5}`],
  [
    "a path on the server's disk",
    "attachment.attachmentPath",
    "/v1/messages:sendAttachment",
    ({ direct }) => `{"chatGuid":"${direct}","attachment":{"attachmentPath":"/etc/passwd"}}`,
  ],
  ["no attachment at all", "attachment.attachmentGuid", "/v1/messages:sendAttachment", ({ direct }) => `{"chatGuid":"${direct}"}`],
  [
    "half of a surrogate pair",
    "parts[0].text",
    "/v1/messages:sendMultipart",
    ({ direct }) => `{"chatGuid":"${direct}","parts":[{"text":"\\udfff"}]}`,
  ],
  ["a part that is nothing", "parts[0].text", "/v1/messages:sendMultipart", ({ direct }) => `{"chatGuid":"${direct}","parts":[{}]}`],
  ["half of a surrogate pair", "newText", "/v1/messages:edit", (stage) => `{${target(stage)},"newText":"\\ud800"}`],
  ["no reaction", "reaction", "/v1/messages:setReaction", (stage) => `{${target(stage)},"isSet":true}`],
  [
    "a reaction that is not one",
    "reaction.kind",
    "/v1/messages:setReaction",
    (stage) => `{${target(stage)},"isSet":true,"reaction":{"kind":"HUG"}}`,
  ],
  ["no name", "displayName", "/v1/groups:setDisplayName", ({ group }) => `{"chatGuid":"${group}","displayName":" "}`],
  ["half of a surrogate pair", "displayName", "/v1/groups:setDisplayName", ({ group }) => `{"chatGuid":"${group}","displayName":"\\ud800"}`],
  ["an address that is no text", "addresses[0]", "/v1/groups:addParticipants", ({ group }) => `{"chatGuid":"${group}","addresses":[5]}`],
  ["bytes that are no base64", "data", "/v1/groups:setIcon", ({ group }) => `{"chatGuid":"${group}","data":"*"}`],
  ["half of a surrogate pair", "options[1]", "/v1/polls", ({ group }) => `{"chatGuid":"${group}","title":"?","options":["Yes","\\udc00"]}`],
  ["half of a surrogate pair", "optionText", "/v1/polls:addOption", ({ poll }) => `{"pollMessageGuid":"${poll}","optionText":"\\ud800"}`],
];
