// Backgrounds: bytes, judged by the server.

import { sunset } from "../../support/picture.mjs";
import { refusal } from "../outcome.mjs";

const section = "Chat backgrounds";
const ALICE = "any;-;alice@example.com";

const latin = (text) => Buffer.from(text, "latin1");

/** The first box of a file of the ISO media family. */
function ftyp(major, ...compatible) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(16 + 4 * compatible.length);
  return Buffer.concat([length, latin(`ftyp${major}\0\0\0\0${compatible.join("")}`), Buffer.alloc(32)]);
}

const TAKEN = {
  JPEG: latin("\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9"),
  PNG: sunset(8, 6),
  HEIC: ftyp("heic", "mif1", "heic"),
  HEIF: ftyp("mif1", "mif1", "miaf"),
};

const REFUSED = {
  GIF: latin("GIF89a\x01\0\x01\0"),
  WebP: latin("RIFF\x24\0\0\0WEBPVP8 "),
  AVIF: ftyp("avif", "avif", "mif1"),
  TIFF: latin("II*\0\x08\0\0\0\0\0"),
  BMP: latin("BM\x46\0\0\0\0\0\0\0\x36\0\0\0"),
  SVG: latin('<svg xmlns="http://www.w3.org/2000/svg"/>'),
  "no image": latin("a text"),
};

const withChat = (run) => async (world) => {
  await world.see("create", () => world.im.chats.create(["alice@example.com"]));
  return run(world);
};

export default [
  ...Object.entries(TAKEN).map(([kind, bytes]) => ({
    section,
    behaviour: `\`setBackground\` with ${kind}`,
    documented: "supported, told by its bytes",
    run: withChat(async ({ im, see }) => {
      const set = await see("set", () => im.chats.setBackground(ALICE, new Uint8Array(bytes)));
      const { value } = await see("has", () => im.chats.hasBackground(ALICE));
      return ["value" in set && set.value === undefined && value === true, value ? "set" : refusal(set)];
    }),
  })),
  ...Object.entries(REFUSED).map(([kind, bytes]) => ({
    section,
    behaviour: `\`setBackground\` with ${kind}`,
    documented: "not among the four kinds",
    run: withChat(async ({ im, see }) => {
      const set = await see("set", () => im.chats.setBackground(ALICE, new Uint8Array(bytes)));
      const { value } = await see("has", () => im.chats.hasBackground(ALICE));
      return [set.error?.class === "ValidationError" && set.error.context.field === "data" && value === false, refusal(set)];
    }),
  })),
  {
    section,
    behaviour: "`setBackground` with no bytes",
    documented: "must not be empty",
    run: withChat(async ({ im, see }) => {
      const set = await see("set", () => im.chats.setBackground(ALICE, new Uint8Array(0)));
      return [set.error?.class === "ValidationError" && set.error.context.field === "data", refusal(set)];
    }),
  },
  {
    section,
    behaviour: "a large image",
    documented: "(no limit said)",
    run: withChat(async ({ im, see }) => {
      const bytes = new Uint8Array(6 * 1024 * 1024).fill(7);
      bytes.set(TAKEN.PNG);
      const set = await see("set", () => im.chats.setBackground(ALICE, bytes));
      return ["value" in set, "value" in set ? "6 MiB taken" : refusal(set)];
    }),
  },
  {
    section,
    behaviour: "`hasBackground`",
    documented: "a boolean",
    run: withChat(async ({ im, see }) => {
      const before = await see("before", () => im.chats.hasBackground(ALICE));
      await see("set", () => im.chats.setBackground(ALICE, new Uint8Array(TAKEN.PNG)));
      const after = await see("after", () => im.chats.hasBackground(ALICE));
      return [before.value === false && after.value === true, `${before.value}, then ${after.value}`];
    }),
  },
  {
    section,
    behaviour: "`removeBackground`, repeated",
    documented: "safe, also with none set",
    run: withChat(async (world) => {
      const { im, see } = world;
      await see("with none", () => im.chats.removeBackground(ALICE));
      await see("set", () => im.chats.setBackground(ALICE, new Uint8Array(TAKEN.PNG)));
      for (const turn of ["first", "again"]) await see(turn, () => im.chats.removeBackground(ALICE));
      const { value } = await see("has", () => im.chats.hasBackground(ALICE));
      const safe = world.seen.every(([, outcome]) => !outcome.error);
      return [safe && value === false, safe ? "safe" : "an error"];
    }),
  },
];
