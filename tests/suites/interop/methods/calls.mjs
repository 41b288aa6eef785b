// Each method of the vendor's SDK once, in an order in which each finds what it needs. A call is one row of the table in docs/compatibility.md:
//
//   method      its name, `resource.method`
//   shape       the documented shape of what it gives, by its name in `SHAPES`
//   grpcOnly    their SDK has it over gRPC only
//   refused     the code of the error where the gateway does not do what is asked
//   as          the class of that error, where it is not IMessageError
//   run(stage)  makes the call and gives what it gave; `stage` has the client `im`, the `world`, and what earlier calls left

import { all } from "../world.mjs";
import { sunset } from "../../support/picture.mjs";

const ALICE = "alice@example.com";
const BOB = "bob@example.com";
const CAROL = "carol@example.com";

const PICTURE = sunset(40, 20);

const CARD = {
  appName: "Menu",
  extensionBundleId: "com.example.menu.MessagesExtension",
  teamId: "TEAM123456",
  url: "https://example.com/menu",
  layout: { caption: "Today" },
};

/** Keeps what a call gave, under a name, for later ones. */
const keep = (name, call) => async (stage) => (stage[name] = await call(stage));

/** The first event of a live stream, that of something that is done once the stream is attached. */
const live = (resource, act) => async (stage) => {
  // What was done before is behind it: when this has reached the gateway, so has that.
  await stage.world.elsewhere("messages:receive", { chatGuid: stage.direct.chat.guid, from: ALICE, text: "Before" });
  const heard = await stage.world.listen(stage.im[resource].subscribeEvents());
  await act(stage);
  const [event] = await heard.first(1);
  await heard.stop();
  if (!event) throw heard.error;
  return event;
};

const unsupported = "operationNotSupported";

export const CALLS = [
  { method: "chats.create", shape: "CreateChatResult", run: keep("direct", ({ im }) => im.chats.create([ALICE], { message: "Hello" })) },
  { method: "chats.get", shape: "Chat", run: ({ im, direct }) => im.chats.get(direct.chat.guid) },
  { method: "chats.count", shape: "number", run: ({ im }) => im.chats.count() },
  { method: "chats.setBackground", shape: "nothing", run: ({ im, direct }) => im.chats.setBackground(direct.chat.guid, PICTURE) },
  { method: "chats.hasBackground", shape: "boolean", run: ({ im, direct }) => im.chats.hasBackground(direct.chat.guid) },
  { method: "chats.removeBackground", shape: "nothing", run: ({ im, direct }) => im.chats.removeBackground(direct.chat.guid) },
  { method: "chats.markRead", shape: "nothing", run: ({ im, direct }) => im.chats.markRead(direct.chat.guid) },
  { method: "chats.setTyping", shape: "nothing", run: ({ im, direct }) => im.chats.setTyping(direct.chat.guid, true) },
  { method: "chats.shareContactInfo", shape: "nothing", run: ({ im, direct }) => im.chats.shareContactInfo(direct.chat.guid) },
  {
    method: "chats.subscribeEvents",
    shape: "ChatEvent",
    grpcOnly: true,
    run: live("chats", ({ world, direct }) => world.elsewhere("chats:archive", { chatGuid: direct.chat.guid })),
  },

  { method: "messages.sendText", shape: "Message", run: keep("text", ({ im, direct }) => im.messages.sendText(direct.chat.guid, "One")) },
  {
    method: "attachments.upload",
    shape: "UploadAttachmentResult",
    run: keep("file", ({ im }) => im.attachments.upload({ fileName: "evening.png", data: PICTURE })),
  },
  { method: "attachments.get", shape: "AttachmentInfo", run: ({ im, file }) => im.attachments.get(file.attachment.guid) },
  {
    method: "attachments.downloadStream",
    shape: "DownloadHeader",
    rest: "DownloadChunk",
    run: async ({ im, file }) => {
      const frames = await all(im.attachments.downloadStream(file.attachment.guid));
      const data = Buffer.concat(frames.filter(({ type }) => type === "primaryChunk").map((frame) => frame.data));
      if (!data.equals(PICTURE)) throw new Error("what comes down is not what went up");
      return frames;
    },
  },
  {
    method: "messages.sendAttachment",
    shape: "Message",
    run: ({ im, direct, file }) => im.messages.sendAttachment(direct.chat.guid, file.attachment.guid),
  },
  {
    method: "messages.sendMultipart",
    shape: "Message",
    run: ({ im, direct, file }) =>
      im.messages.sendMultipart(direct.chat.guid, [
        { text: "Look:", bubbleIndex: 0 },
        { attachmentGuid: file.attachment.guid, bubbleIndex: 1 },
      ]),
  },
  { method: "messages.edit", shape: "Message", run: ({ im, direct, text }) => im.messages.edit(direct.chat.guid, text.guid, "Two") },
  {
    method: "messages.setReaction",
    shape: "Message",
    run: ({ im, direct, text }) => im.messages.setReaction(direct.chat.guid, text.guid, { kind: "love" }, true),
  },
  { method: "messages.get", shape: "Message", run: ({ im, text }) => im.messages.get(text.guid) },
  { method: "messages.listRecent", shape: "MessageListPage", run: ({ im }) => im.messages.listRecent({ pageSize: 2 }) },
  { method: "messages.listInChat", shape: "MessageListPage", run: ({ im, direct }) => im.messages.listInChat(direct.chat.guid, { isFromMe: true }) },
  {
    method: "messages.placeSticker",
    shape: "Message",
    refused: unsupported,
    run: ({ im, direct, text, file }) => im.messages.placeSticker(direct.chat.guid, text.guid, file.attachment.guid, { x: 0.5, y: 0.5 }),
  },
  {
    method: "messages.notifySilenced",
    shape: "nothing",
    refused: unsupported,
    run: ({ im, direct, text }) => im.messages.notifySilenced(direct.chat.guid, text.guid),
  },
  {
    method: "messages.getEmbeddedMedia",
    shape: "GroupIcon",
    refused: unsupported,
    as: "ValidationError",
    run: ({ im, direct, text }) => im.messages.getEmbeddedMedia(direct.chat.guid, text.guid),
  },
  {
    method: "messages.sendCustomizedMiniApp",
    shape: "Message",
    refused: unsupported,
    run: ({ im, direct }) => im.messages.sendCustomizedMiniApp(direct.chat.guid, CARD),
  },
  {
    method: "messages.updateCustomizedMiniApp",
    shape: "Message",
    refused: unsupported,
    run: ({ im, direct, text }) => {
      const session = { chatGuid: direct.chat.guid, messageGuid: text.guid, targetMessageGuid: text.guid, sessionId: text.guid };
      return im.messages.updateCustomizedMiniApp(session, CARD);
    },
  },
  { method: "messages.unsend", shape: "nothing", run: ({ im, direct, text }) => im.messages.unsend(direct.chat.guid, text.guid) },
  {
    method: "messages.subscribeEvents",
    shape: "MessageReceived",
    grpcOnly: true,
    run: live("messages", ({ world, direct }) => world.elsewhere("messages:receive", { chatGuid: direct.chat.guid, from: ALICE, text: "Hi" })),
  },

  {
    method: "groups.setDisplayName",
    shape: "Chat",
    run: async (stage) => {
      stage.group = (await stage.im.chats.create([ALICE, BOB])).chat.guid;
      return stage.im.groups.setDisplayName(stage.group, "Dinner");
    },
  },
  { method: "groups.addParticipants", shape: "Chat", run: ({ im, group }) => im.groups.addParticipants(group, [CAROL]) },
  { method: "groups.removeParticipants", shape: "Chat", run: ({ im, group }) => im.groups.removeParticipants(group, [CAROL]) },
  { method: "groups.setIcon", shape: "nothing", run: ({ im, group }) => im.groups.setIcon(group, PICTURE) },
  { method: "groups.getIcon", shape: "GroupIcon", run: ({ im, group }) => im.groups.getIcon(group) },
  { method: "groups.removeIcon", shape: "nothing", run: ({ im, group }) => im.groups.removeIcon(group) },
  {
    method: "groups.subscribeEvents",
    shape: "GroupEvent",
    grpcOnly: true,
    run: live("groups", ({ im, group }) => im.groups.setDisplayName(group, "Late dinner")),
  },

  {
    method: "polls.create",
    shape: "Poll",
    run: keep("poll", ({ im, group }) => im.polls.create(group, "Pizza or pasta?", ["Pizza", "Pasta"])),
  },
  { method: "polls.get", shape: "Poll", run: ({ im, poll }) => im.polls.get(poll.pollMessageGuid) },
  { method: "polls.addOption", shape: "Poll", run: ({ im, poll }) => im.polls.addOption(poll.pollMessageGuid, "Soup") },
  { method: "polls.vote", shape: "Poll", run: ({ im, poll }) => im.polls.vote(poll.pollMessageGuid, poll.options[0].optionIdentifier) },
  { method: "polls.unvote", shape: "Poll", run: ({ im, poll }) => im.polls.unvote(poll.pollMessageGuid) },
  {
    method: "polls.subscribeEvents",
    shape: "PollEvent",
    grpcOnly: true,
    run: live("polls", ({ im, poll }) => im.polls.vote(poll.pollMessageGuid, poll.options[1].optionIdentifier)),
  },
  { method: "groups.leave", shape: "nothing", run: ({ im, group }) => im.groups.leave(group) },

  { method: "addresses.get", shape: "nothing", refused: unsupported, run: ({ im }) => im.addresses.get(ALICE) },
  { method: "addresses.isFocusSilenced", shape: "boolean", refused: unsupported, run: ({ im }) => im.addresses.isFocusSilenced(ALICE) },
  { method: "addresses.isIMessageAvailable", shape: "boolean", refused: unsupported, run: ({ im }) => im.addresses.isIMessageAvailable(ALICE) },
  { method: "locations.list", shape: "nothing", refused: unsupported, run: ({ im }) => im.locations.list() },
  { method: "locations.get", shape: "nothing", refused: unsupported, run: ({ im }) => im.locations.get(ALICE) },
  { method: "locations.request", shape: "nothing", refused: unsupported, run: ({ im, direct }) => im.locations.request(direct.chat.guid, ALICE) },
  { method: "locations.watch", shape: "nothing", grpcOnly: true, refused: unsupported, run: ({ im }) => all(im.locations.watch()) },
  {
    method: "events.catchUp",
    shape: "CatchUpComplete",
    grpcOnly: true,
    run: async ({ im }) => {
      const events = await all(im.events.catchUp());
      const kinds = new Set(events.map(({ type }) => type.split(".")[0]));
      for (const kind of ["message", "chat", "group", "poll", "catchup"]) if (!kinds.has(kind)) throw new Error(`no event of a ${kind}`);
      return events.at(-1);
    },
  },
];
