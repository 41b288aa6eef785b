// All events, newest first: a few hundred from before, and what happens from then on. Only the rows that can be seen are in the page.

import { showCode } from "./code.js";
import { seconds, timeElement } from "./dates.js";
import { $, make, onceAFrame } from "./dom.js";
import { showError } from "./errors.js";
import { eventActor, eventWords, TYPES } from "./event-words.js";
import { KeyedList } from "./keyed.js";
import { Roving } from "./keyboard.js";
import { follow } from "./snippets.js";

/** How many sequence numbers back the feed begins. */
const BACK = 300;
/** What is kept here; older entries go, the log keeps them. */
const KEPT = 5_000;
/** Height of a row, as side.css has it. */
const ROW = 56;
/** Rows beyond the edges. */
const BEYOND = 4;

export class Feed {
  #session;
  #rows;
  #roving;
  #events = [];
  #stream;
  /** How many events came, and how many of them were there when it was drawn. */
  #came = 0;
  #drawn = 0;
  #back = BACK;
  #unseen = 0;
  #render = onceAFrame(() => this.#paint());

  constructor(session) {
    const { signal } = session;
    this.#session = session;
    this.#rows = new KeyedList($("feed"), {
      key: ({ event }) => event.sequence,
      create: makeRow,
      update: fillRow,
      same: (one, other) => one.event === other.event && one.top === other.top && one.name === other.name,
    });
    this.#roving = new Roving($("feed"), "button", { signal, keys: ["ArrowDown", "ArrowUp"] });
    $("feed").onclick = (event) => {
      const guid = event.target.closest("button")?.dataset.guid;
      if (guid) session.open(guid);
    };
    $("feed-scroll").onscroll = this.#render;
    // Also when its tab is shown: while it is hidden it has no height.
    const size = new ResizeObserver(this.#render);
    size.observe($("panel-events"));
    signal.addEventListener("abort", () => size.disconnect());
    $("kinds").replaceChildren(make("option", { value: "" }, "All events"), ...kinds());
    $("kinds").onchange = () => this.start();
    $("clear").onclick = () => this.clear();
    $("resume").onclick = () => this.start();
    $("earlier").onclick = () => {
      this.#back *= 4;
      this.start();
    };
    $("feed-code").onclick = () => showCode(follow(types() ? { types: types() } : {}), follow({ after: 0, ...(types() && { types: types() }) }, "Follow, from the beginning of the log"));
    this.clear();
  }

  /** Begins again, some events back. */
  async start() {
    this.stop();
    this.clear();
    $("resume").hidden = true;
    const { events } = this.#session.im;
    let mine;
    try {
      mine = this.#stream = events.subscribe({});
      await mine.ready;
      const head = headOf(mine.cursor);
      await mine.close();
      if (this.#stream !== mine) return;
      const chosen = types();
      const from = head === undefined ? {} : { after: Math.max(0, head - this.#back) };
      mine = this.#stream = events.subscribe({ ...from, onGap: "skip", ...(chosen && { types: chosen }) });
      await this.#follow(mine, head ?? 0);
    } catch (error) {
      // Stopped, or begun again meanwhile: that is no failure.
      if (this.#stream !== mine) return;
      showError("The event stream", error);
      $("resume").hidden = false;
    }
  }

  stop() {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close().catch(() => {});
  }

  clear() {
    this.#events = [];
    $("feed-scroll").scrollTop = 0;
    this.#count(0);
    this.#render();
  }

  /** `head` is where the log ended when the feed began: what came before is no news. */
  async #follow(stream, head) {
    for await (const event of stream) {
      if (this.#stream !== stream) return;
      this.#events.push(event);
      this.#came += 1;
      if (this.#events.length > KEPT * 1.2) this.#events.splice(0, this.#events.length - KEPT);
      if (event.sequence > head) this.#unseen += 1;
      this.#render();
    }
  }

  #paint() {
    if (this.#session.signal.aborted) return;
    const events = this.#events;
    const scroll = $("feed-scroll");
    $("feed-empty").hidden = events.length > 0;
    scroll.hidden = events.length === 0;
    $("feed").style.setProperty("height", `${events.length * ROW}px`);
    // Who reads further down keeps the place.
    if (scroll.scrollTop > 0) scroll.scrollTop += (this.#came - this.#drawn) * ROW;
    this.#drawn = this.#came;
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - BEYOND);
    const last = Math.min(events.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + BEYOND);
    const items = [];
    for (let index = first; index < last; index += 1) {
      // The newest is the last of the list, and the first that is shown.
      const event = events[events.length - 1 - index];
      items.push({ event, top: index * ROW, name: this.#session.chats.nameOf(event.chatGuid) });
    }
    const hadFocus = $("feed").contains(document.activeElement);
    this.#rows.show(items);
    this.#roving.refresh();
    if (hadFocus && !$("feed").contains(document.activeElement)) this.#roving.focus();
    this.#count($("panel-events").checkVisibility() ? 0 : this.#unseen);
  }

  #count(unseen) {
    this.#unseen = unseen;
    const badge = $("unseen");
    badge.hidden = unseen === 0;
    badge.textContent = unseen > 99 ? "99+" : String(unseen);
  }
}

/** The sequence that a cursor begins with: the log's head, for a stream that begins now. */
function headOf(cursor) {
  const sequence = Number.parseInt(cursor ?? "", 10);
  return Number.isNaN(sequence) ? undefined : sequence;
}

/** The types that are chosen, or undefined for all. */
function types() {
  const chosen = $("kinds").value;
  return chosen === "" ? undefined : (TYPES[chosen] ?? [chosen]);
}

function kinds() {
  return Object.entries(TYPES).map(([about, all]) => {
    const group = make("optgroup", { label: about });
    if (all.length > 1) group.append(make("option", { value: about }, `All about ${about.toLowerCase()}`));
    group.append(...all.map((type) => make("option", {}, type)));
    return group;
  });
}

function makeRow() {
  const button = make("button", { type: "button", tabIndex: -1 });
  button.append(make("span", { className: "mark", ariaHidden: "true" }), make("span", { className: "what" }), make("span", { className: "meta" }));
  return make("li", {}, button);
}

function fillRow(row, { event, top, name }) {
  row.style.setProperty("top", `${top}px`);
  const button = row.firstElementChild;
  if (button.dataset.sequence === String(event.sequence) && button.dataset.name === name) return;
  row.dataset.type = event.type;
  Object.assign(button.dataset, { sequence: event.sequence, guid: event.chatGuid, name });
  const [, what, meta] = button.children;
  what.replaceChildren(make("strong", {}, name), ` ${eventWords(event)}`);
  button.title = `${what.textContent}\n${event.type} · ${event.chatGuid}`;
  meta.replaceChildren(
    event.occurredAt ? timeElement(event.occurredAt, seconds(event.occurredAt)) : "",
    make("span", {}, `#${event.sequence}`),
    make("code", {}, event.type),
    make("span", {}, eventActor(event)),
  );
}
