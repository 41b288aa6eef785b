import type { WebSocketConstructor } from "./host.js";

/** Bun and Deno have their own. Node uses `ws`: its own, from version 22 on, takes more time for the same frames. @internal */
export async function nodeWebSocket(): Promise<WebSocketConstructor> {
  const { WebSocket } = globalThis;
  const { bun, deno } = globalThis.process?.versions ?? {};
  if (WebSocket && (bun || deno)) return WebSocket;
  try {
    return (await import("ws")).WebSocket as unknown as WebSocketConstructor;
  } catch (error) {
    // Bundled without it.
    if (WebSocket) return WebSocket;
    throw error;
  }
}
