// What every test of the console needs: a browser, a gateway of its own, and the page as `cargo xtask start` opens it.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, afterEach, before, beforeEach } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { eventually } from "../support/until.mjs";
import { startGateway } from "../support/gateway.mjs";

export const ALICE = "any;-;alice@example.com";

/**
 * Prepares each test of a file. What it returns is filled before each test: `browser`, `gateway`, and after `open()` `page` and
 * `complaints`.
 */
export function stage(start = startGateway) {
  const at = new Stage();
  before(async () => {
    at.browser = await launchBrowser();
  });
  after(() => at.browser?.close());
  beforeEach(async () => {
    at.gateway = await start(at);
  });
  afterEach(async () => {
    await at.close?.();
    at.close = undefined;
    await at.gateway.stop();
    await rm(at.gateway.data, { recursive: true, force: true });
  });
  return at;
}

class Stage {
  /** A page that is not connected. */
  async visit(options) {
    Object.assign(this, await openPage(this.browser, options));
    await this.page.goto(this.gateway.address);
  }

  /** Opens the page as `cargo xtask start` tells a person to. */
  async open(options) {
    Object.assign(this, await openPage(this.browser, { permissions: ["clipboard-read", "clipboard-write"], ...options }));
    await this.page.goto(`${this.gateway.address}/#token=${this.gateway.token}`);
    await this.page.getByRole("heading", { name: "Chats", exact: true }).waitFor();
  }

  /** Makes a chat by the page's form. */
  async createChat(addresses, message) {
    await this.page.getByRole("button", { name: "New chat" }).click();
    await this.page.getByLabel("To", { exact: true }).fill(addresses);
    if (message) await this.page.getByLabel("First message").fill(message);
    await this.page.getByRole("button", { name: "Create", exact: true }).click();
    await this.page.locator("#talk").waitFor();
  }

  /** Makes chats past the page: `{ "alice@example.com": "her message" }`. */
  async people(said) {
    for (const [address, text] of Object.entries(said)) {
      const [status, { chat }] = await this.gateway.call("POST", "/v1/chats", { addresses: address.split(",") });
      assert.equal(status, 200);
      if (text) await this.act("messages:receive", { chatGuid: chat.guid, from: address.split(",")[0], text });
    }
  }

  /** One act of the rest of the world. */
  async act(path, body) {
    const [status, answer] = await this.gateway.call("POST", `/emulator/v1/${path}`, body);
    assert.equal(status, 200, JSON.stringify(answer));
    return answer;
  }

  /** Opens a chat of the list. */
  async openChat(name) {
    await this.row(name).click();
    await this.page.locator("#detail-title", { hasText: name }).waitFor();
  }

  async send(text) {
    await this.page.locator("#draft").fill(text);
    await this.page.getByRole("button", { name: "Send", exact: true }).click();
    await this.message(text).waitFor();
    await this.drafted("");
  }

  /** Waits until the composer has this text: it changes with the server's answer, and the event of a message may come before that. */
  async drafted(text) {
    await this.page.waitForFunction((wanted) => document.getElementById("draft").value === wanted, text);
  }

  /** Holds requests back until what it gives is called. */
  async hold(address) {
    let goOn;
    const released = new Promise((resolve) => (goOn = resolve));
    await this.page.route(address, async (route) => {
      await released;
      await route.continue();
    });
    return goOn;
  }

  /** The menu of a message, and one of its items. */
  async choose(text, item) {
    await this.message(text).hover();
    await this.message(text).getByRole("button", { name: /^Actions/ }).click();
    await this.page.getByRole("menu").getByText(item, { exact: true }).or(this.page.getByRole("menuitemcheckbox", { name: item, exact: true })).click();
  }

  /** Waits until the elements have exactly these texts: the page draws a change with the next frame, not at once. */
  async shows(selector, wanted) {
    let texts = [];
    const same = async () => {
      texts = await this.page.locator(selector).allTextContents();
      return isDeepStrictEqual(texts, wanted);
    };
    await eventually(selector, 15_000, same).catch(() => assert.deepEqual(texts, wanted, selector));
  }

  message(text) {
    return this.page.locator(".message", { hasText: text });
  }

  row(text) {
    return this.page.locator("#list button", { hasText: text });
  }

  eventOf(type) {
    return this.page.locator(`#feed [data-type="${type}"]`);
  }

  detail(term) {
    return this.page.locator(`#details-list dt:text-is("${term}") + dd`);
  }

  tab(name) {
    return this.page.getByRole("tab", { name });
  }

  get alert() {
    return this.page.getByRole("alert");
  }

  get focused() {
    return this.page.evaluate(() => document.activeElement?.id);
  }

  /** What the last "copy" put on the clipboard. */
  get copied() {
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** Presses Tab until the control with this text or name has the focus; how often. */
  async tabTo(name, key = "Tab") {
    for (let presses = 1; presses < 60; presses += 1) {
      await this.page.keyboard.press(key);
      const found = await this.page.evaluate(() => {
        const { activeElement: at } = document;
        return [at?.id, at?.ariaLabel, at?.textContent?.trim()];
      });
      if (found.includes(name)) return presses;
    }
    return assert.fail(`Tab never reached ${name}`);
  }

  /** Everything that went wrong in the page, without the refusals that a test asked for. */
  assertNoComplaints(...expected) {
    assert.deepEqual(this.complaints.filter((complaint) => !expected.some((part) => complaint.includes(part))), []);
  }
}
