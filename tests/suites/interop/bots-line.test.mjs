// How a bot comes to the emulator: by its address on a line that many share, or by a project as in Spectrum's cloud.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Desk, isOwn } from "./bots/run.mjs";

const ALICE = "alice@example.com";
const CAROL = "carol@example.com";
const DIRECT = `any;-;${ALICE}`;
const PROJECT = { id: "desk", secret: "a-secret-of-the-desk" };
const TITLES = { spectrum: "spectrum-ts", "chat-sdk": "Chat SDK" };

/** Each way is a line of its own: what the bot's environment has, once the emulator is there. */
const WAYS = {
  "on a shared line": () => ({ IMESSAGE_PHONE: "shared" }),
  "with a project": ({ emulator }) => {
    const place = `localhost:${new URL(emulator.address).port}`;
    return {
      IMESSAGE_SERVER_URL: "",
      IMESSAGE_API_KEY: "",
      IMESSAGE_PHONE: "",
      IMESSAGE_PROJECT_ID: PROJECT.id,
      IMESSAGE_PROJECT_SECRET: PROJECT.secret,
      SPECTRUM_CLOUD_URL: `https://${place}`,
      SPECTRUM_IMESSAGE_ADDRESS: place,
    };
  },
};

for (const [way, environment] of Object.entries(WAYS)) {
  for (const [name, title] of Object.entries(TITLES)) {
    describe(`a bot with ${title} ${way}`, () => {
      let desk;

      before(async () => {
        desk = await Desk.open({ args: ["--spectrum-project", `${PROJECT.id}:${PROJECT.secret}`] });
        await desk.call("POST", "/v1/chats", { addresses: [ALICE] });
        await desk.start(name, environment(desk));
        await desk.hears(DIRECT, ALICE);
      });
      after(() => desk?.close());

      test("answers", async () => {
        const { head } = await desk.log();
        await desk.people.says(DIRECT, ALICE, "Hello");
        await desk.wrote(DIRECT, "echo: Hello", head);
      });

      test("writes to somebody with whom there is no chat, and hears the answer", async () => {
        const { head } = await desk.log();
        await desk.people.says(DIRECT, ALICE, `tell ${CAROL} you are invited`);
        const { message } = await desk.wrote(`any;-;${CAROL}`, "you are invited", head);
        assert.deepEqual(message.chatGuids, [`any;-;${CAROL}`]);
        await desk.people.says(`any;-;${CAROL}`, CAROL, "I am coming");
        await desk.wrote(`any;-;${CAROL}`, "echo: I am coming", head);
      });

      test("lives through the death of the emulator", async () => {
        await desk.restart();
        await desk.people.says(DIRECT, ALICE, "while you were away");
        await desk.wrote(DIRECT, "echo: while you were away");
        const { events } = await desk.log();
        assert.equal(events.filter((event) => isOwn(event, DIRECT) && event.message.content.text === "echo: while you were away").length, 1);
      });
    });
  }
}
