// The content types of the files that the tests serve.

import { extname } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** What a server says of a file with this name. */
export const contentType = (path) => TYPES[extname(path)] ?? "application/octet-stream";
