// The back end: signs people in, and gives their pages tokens for their own chats.
//
//   TOKEN_KEY_FILE   the secret that the gateway has as --token-key web=HS256:FILE
//   IM_CHATS_ADDRESS where pages find the gateway, by default http://127.0.0.1:8787
//   PORT             by default 8080

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { signToken } from "./token.mjs";

const { TOKEN_KEY_FILE, IM_CHATS_ADDRESS: gateway = "http://127.0.0.1:8787", PORT = "8080" } = process.env;
if (!TOKEN_KEY_FILE) {
  console.error("Set TOKEN_KEY_FILE to the file that the gateway has as --token-key web=HS256:FILE.");
  process.exit(2);
}
// The gateway leaves out a line break at the end, too.
const key = (await readFile(TOKEN_KEY_FILE, "latin1")).replace(/\r?\n$/, "");

/** Who there is, and whose chats are whose. Yours are in a database, and passwords are never in a source file. */
const users = new Map([
  ["ann", { password: "ann-demo", chats: ["any;-;alice@example.com"] }],
  ["ben", { password: "ben-demo", chats: ["any;-;bob@example.com"] }],
]);

/** Who is signed in, by the cookie's value. */
const sessions = new Map();

/** What a page may do for its user. Enough for it, and no more. */
const SCOPE = ["chats:read", "events"];

/** Short: the client fetches the next one by itself, and a token that leaked is soon of no use. */
const TTL_SECONDS = 300;

const tokenFor = (name) => signToken(key, { sub: name, scope: SCOPE, chats: users.get(name).chats, ttlSeconds: TTL_SECONDS });

// Without a key of your own, the gateway makes the token: your back end needs the operator's token for it, and one more request.
//
//   import { createClient } from "im-chats";
//   const im = createClient({ address: gateway, token: process.env.IM_CHATS_TOKEN });
//   const tokenFor = async (name) => {
//     const { chats } = users.get(name);
//     return (await im.tokens.create({ sub: name, scope: SCOPE, chats, ttlSeconds: TTL_SECONDS })).token;
//   };

const digest = (text) => createHash("sha256").update(text).digest();

/** The name of the signed-in user; undefined without one. */
const signedIn = (request) => sessions.get(/(?:^|;\s*)session=([0-9a-f]+)/.exec(request.headers.cookie ?? "")?.[1]);

const routes = {
  "POST /sign-in": async (request, respond) => {
    const { name, password } = await body(request);
    const user = users.get(name);
    // Compared also when there is no such user, so that the time tells nothing.
    const isRight = timingSafeEqual(digest(String(password)), digest(user?.password ?? ""));
    if (!user || !isRight) return respond(403, { error: "wrong name or password" });
    const session = randomBytes(16).toString("hex");
    sessions.set(session, name);
    respond(200, mine(name), { "set-cookie": `session=${session}; HttpOnly; SameSite=Strict; Path=/` });
  },
  "GET /me": (request, respond) => {
    const name = signedIn(request);
    respond(200, name === undefined ? null : mine(name));
  },
  // By POST, so that no cache ever keeps a token.
  "POST /token": async (request, respond) => {
    const name = signedIn(request);
    if (name === undefined) respond(401, { error: "not signed in" });
    else respond(200, { token: await tokenFor(name) });
  },
};

/** What a page needs to know of its user. */
const mine = (name) => ({ name, chats: users.get(name).chats, gateway });

async function body(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 10_000) throw new Error("too long");
  }
  return JSON.parse(text);
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

/** The page that `npm run build` made. */
async function page(path, response) {
  const file = normalize(path === "/" ? "/index.html" : path);
  const content = await readFile(join(import.meta.dirname, "dist", file)).catch(() => undefined);
  if (content === undefined) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(content);
}

const server = createServer(async (request, response) => {
  const respond = (status, value, headers = {}) => {
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers }).end(JSON.stringify(value));
  };
  try {
    const { pathname } = new URL(request.url, "http://page");
    const route = routes[`${request.method} ${pathname}`];
    await (route ? route(request, respond) : page(pathname, response));
  } catch {
    respond(400, { error: "bad request" });
  }
});

server.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.once("SIGTERM", () => process.exit(0));
