import react from "@vitejs/plugin-react";
import { type Client, createClient } from "im-chats";
import { type Connect, defineConfig, type Plugin } from "vite";

/**
 * The back end of this example: gives the page a token of its own, good for five minutes. The operator's token stays here. Vite's servers
 * are for you alone; a back end on the web asks first who wants a token (examples/web-token).
 */
function tokens(): Plugin {
  const { IM_CHATS_ADDRESS: address = "http://127.0.0.1:8787", IM_CHATS_TOKEN: token } = process.env;
  const answer: Connect.NextHandleFunction = async (request, response, next) => {
    if (request.method !== "POST") return next();
    let im: Client | undefined;
    try {
      // Without a token this says what is missing.
      im = createClient({ address, token });
      const scope = ["chats:read", "chats:write", "chats:create", "events:all", "messages:read", "messages:write"] as const;
      const made = await im.tokens.create({ sub: "inbox", scope: [...scope], ttlSeconds: 300 });
      response.setHeader("cache-control", "no-store").end(JSON.stringify({ address, token: made.token }));
    } catch (error) {
      response.writeHead(502).end(JSON.stringify({ error: String(error) }));
    } finally {
      await im?.close();
    }
  };
  return {
    name: "tokens",
    configureServer: ({ middlewares }) => void middlewares.use("/token", answer),
    configurePreviewServer: ({ middlewares }) => void middlewares.use("/token", answer),
  };
}

export default defineConfig({ plugins: [react(), tokens()], build: { target: "es2022" } });
