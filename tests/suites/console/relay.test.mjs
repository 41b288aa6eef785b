// The console on a relay: it knows that there are real people behind it.

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import { startGateway, startRelay } from "../support/gateway.mjs";
import { eventually } from "../support/until.mjs";
import { ALICE, stage } from "./stage.mjs";

let real;
const at = stage(async () => {
  real = await startGateway();
  const relay = await startRelay(real);
  await eventually("the relay is connected", 20_000, async () => (await fetch(`${relay.address}/healthz`)).ok);
  return relay;
});
afterEach(() => real.stop());

/** What happens at the real service. */
const act = async (path, body) => assert.equal((await real.call("POST", `/emulator/v1/${path}`, body))[0], 200);
const messages = async () => (await real.call("GET", `/v1/messages:listByChat?chatGuid=${encodeURIComponent(ALICE)}`))[1].messages ?? [];

describe("on a relay", () => {
  test("there are no others to play, the chats are listed, and the first thing sent needs a yes", async () => {
    await real.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });
    await act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "hello from outside" });
    await at.open();
    const { page } = at;
    await page.getByText("relay: real people").waitFor();
    assert.equal(await page.getByRole("tab").count(), 2);
    await at.row("hello from outside").waitFor();
    await at.openChat("Alice");
    await at.message("hello from outside").waitFor();
    await page.locator("#draft").fill("hello back");
    await page.keyboard.press("Enter");
    const warning = page.getByRole("dialog", { name: "This goes to a real person" });
    await warning.getByText("The message goes to Alice").waitFor();
    await warning.getByRole("button", { name: "Cancel" }).click();
    assert.equal((await messages()).length, 1, "nothing was sent");
    assert.equal(await page.locator("#draft").inputValue(), "hello back");
    await page.locator("#draft").press("Enter");
    await warning.getByRole("button", { name: "Go on" }).click();
    await at.message("hello back").waitFor();
    await at.drafted("");
    await at.send("and once more");
    assert.equal((await messages()).length, 3, "it does not ask again");
    at.assertNoComplaints();
  });

  test("without a chat it says that a relay knows those that it has seen", async () => {
    await at.open();
    await at.page.getByText("A relay knows the chats that it has seen").waitFor();

  });
});
