// A program that has the emulator in itself: it prints the report of the conformance program. Its one argument is where the package is installed.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { conformInPage } from "./in-page.mjs";

const require = createRequire(join(process.argv[2], "package.json"));
const [sdk, messages, { createEmulator }] = await Promise.all(
  ["im-chats", "im-chats/messages", "im-chats/emulator"].map((entry) => import(pathToFileURL(require.resolve(entry)).href)),
);
console.log(JSON.stringify(await conformInPage(sdk, messages, createEmulator)));
