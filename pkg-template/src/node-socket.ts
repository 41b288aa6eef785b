import type { WebSocketConstructor } from "./host.js";

/** Bun, Deno, and Node from version 22 on have their own; older Nodes use `ws`. @internal */
export async function nodeWebSocket(): Promise<WebSocketConstructor> {
  if (globalThis.WebSocket) return globalThis.WebSocket;
  return (await import("ws")).WebSocket as unknown as WebSocketConstructor;
}
