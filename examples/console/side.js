// The tabs beside the conversation: events, details, and on an emulator the others.

import { $ } from "./dom.js";
import { Roving } from "./keyboard.js";

const NAMES = ["events", "details", "world"];

export class Side {
  constructor({ mode, signal }) {
    $("tab-world").hidden = mode !== "emulator";
    const roving = new Roving($("side-tabs"), "[role=tab]", { signal, keys: ["ArrowLeft", "ArrowRight"] });
    for (const name of NAMES) {
      $(`tab-${name}`).onclick = () => this.show(name);
      $(`tab-${name}`).onfocus = () => this.show(name);
    }
    this.show("events");
    roving.refresh($("tab-events"));
  }

  show(name) {
    for (const other of NAMES) {
      $(`tab-${other}`).setAttribute("aria-selected", String(other === name));
      $(`tab-${other}`).tabIndex = other === name ? 0 : -1;
      $(`panel-${other}`).hidden = other !== name;
    }
  }
}
