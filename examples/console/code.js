// "As code": a dialog with the program that does what a button does.

import { $, copyText, make } from "./dom.js";
import { withCode } from "./errors.js";

let variants = [];

/** Shows one or more programs, each `{ label, text, help }`; the first is chosen. */
export function showCode(...programs) {
  variants = programs;
  $("code-of").replaceChildren(...programs.map(({ label }, index) => make("option", { value: String(index) }, label)));
  $("code-of").onchange = paint;
  $("code-close").onclick = () => $("code").close();
  $("code-copy").onclick = copy;
  paint();
  $("code").showModal();
  $("code-copy").focus();
}

const chosen = () => variants[Number($("code-of").value)] ?? variants[0];

function paint() {
  const { text, help } = chosen();
  $("code-text").textContent = text;
  $("code-help").replaceChildren(...withCode(help));
  $("code-copy").textContent = "Copy";
}

async function copy() {
  const done = await copyText(chosen().text, "The code is");
  $("code-copy").textContent = done ? "Copied" : "Select and copy it yourself";
}
