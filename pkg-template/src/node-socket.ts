import type { WebSocketConstructor } from "./host.js";

/** Bun and Deno have their own. Node uses `ws`: its own, from version 22 on, spends half as much again on a frame. @internal */
export async function nodeWebSocket(): Promise<WebSocketConstructor> {
  const { bun, deno } = globalThis.process?.versions ?? {};
  if (globalThis.WebSocket && (bun || deno)) return globalThis.WebSocket;
  return (await import("ws")).WebSocket as unknown as WebSocketConstructor;
}
