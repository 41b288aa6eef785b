// The console's way in and out: the token, a server that is not there, one that dies and comes back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startGateway } from "../support/gateway.mjs";
import { ALICE, stage } from "./stage.mjs";

const at = stage();

describe("connecting", () => {
  test("the token leaves the address bar, stays in the tab, and goes when asked", async () => {
    await at.open();
    const { page, gateway } = at;
    assert.equal(await page.evaluate(() => location.hash), "");
    assert.equal((await page.content()).includes(gateway.token), false);
    await page.reload();
    await page.getByRole("heading", { name: "Chats", exact: true }).waitFor();
    await page.getByRole("button", { name: "Disconnect" }).click();
    await page.getByRole("heading", { name: "Connect" }).waitFor();
    await page.reload();
    assert.equal(await page.getByLabel("Token", { exact: true }).isVisible(), true);
    at.assertNoComplaints();
  });

  test("a wrong token is said in words, with where the right one is, and the right one still works", async () => {
    await at.visit();
    const { page, alert, gateway } = at;
    // One that cannot travel in a header is refused before anything is sent.
    await page.getByLabel("Token", { exact: true }).fill("not a token");
    await page.getByRole("button", { name: "Connect" }).click();
    await alert.getByText("Connecting failed.").waitFor();
    assert.match(await alert.textContent(), /ValidationError.*token/s);
    await page.getByLabel("Token", { exact: true }).fill("not-the-token");
    await page.getByRole("button", { name: "Connect" }).click();
    await alert.getByText("AuthenticationError").waitFor();
    assert.match(await alert.textContent(), /--token-file.*IM_CHATS_TOKEN.*AuthenticationError.*unauthenticated/s);
    assert.equal(await at.focused, "token");
    await page.getByLabel("Token", { exact: true }).fill(gateway.token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Chats", exact: true }).waitFor();
    assert.equal(await alert.textContent(), "");
  });

  test("of two tokens, one right after the other, the last one counts", async () => {
    await at.visit();
    const { page, alert, gateway } = at;
    const goOn = await at.hold(/\/console\/config\.json$/);
    await page.evaluate(async (token) => {
      const changed = () => new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
      for (const next of ["not-the-token", token]) {
        const taken = changed();
        location.hash = `token=${next}`;
        await taken;
      }
    }, gateway.token);
    goOn();
    await page.locator("#state[data-state=live]").waitFor();
    await page.getByText("No chats yet.").waitFor();
    assert.equal(await alert.textContent(), "");
  });

  test("a server that is not there is said with the command that starts one, and one press tries again", async () => {
    await at.visit();
    const { page, alert, gateway } = at;
    const { address, data, token } = gateway;
    await gateway.kill();
    await page.getByLabel("Token", { exact: true }).fill(token);
    await page.getByRole("button", { name: "Connect" }).click();
    await alert.getByText("im-chats-gateway emulator --listen").waitFor();
    assert.match(await alert.textContent(), /ConnectionError/);
    at.gateway = await startGateway({ data, token, listen: new URL(address).host });
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("heading", { name: "Chats", exact: true }).waitFor();
  });

  test("a server that dies and comes back is seen, with what to do meanwhile, and what happened then too", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    const { page } = at;
    await page.locator("#state[data-state=live]").waitFor();
    await at.eventOf("chat.markedRead").waitFor();
    const { address, data, token } = at.gateway;
    await at.gateway.kill();
    await page.locator("#state[data-state=reconnecting], #state[data-state=offline]").waitFor();
    await page.locator("#banner", { hasText: "im-chats-gateway emulator --listen" }).waitFor();
    assert.match((await page.locator("#state").getAttribute("title")) ?? "", /\(networkError\)/);
    // Where the page does not look, so that all of it happens while the page is away.
    const elsewhere = await startGateway({ data, token });
    await elsewhere.call("POST", "/emulator/v1/messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "while away" });
    await elsewhere.call("POST", "/v1/chats", { addresses: ["bob@example.com"], initialMessage: { text: "made meanwhile" } });
    await elsewhere.stop();
    at.gateway = await startGateway({ data, token, listen: new URL(address).host });
    await page.locator("#state[data-state=live]").waitFor();
    await at.message("while away").waitFor();
    await at.row("made meanwhile").waitFor();
    await page.locator("#banner").waitFor({ state: "hidden" });
    assert.equal(await at.message("while away").count(), 1);
  });
});
