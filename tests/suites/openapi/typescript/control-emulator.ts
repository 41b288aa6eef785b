// The control plane, which only the emulator has.
import type { Client } from "openapi-fetch";

import type { paths } from "./schema.js";

type Data = <T>(call: Promise<{ data?: T; error?: unknown; response: Response }>) => Promise<T>;

export async function control(client: Client<paths>, data: Data, chatGuid: string): Promise<void> {
  const body = { chatGuid, actor: "alice@example.com" };
  const { chats } = await data(client.GET("/emulator/v1/chats", { params: { query: { limit: 10 } } }));
  if (!chats.some(({ hasBackground }) => hasBackground)) throw new Error("no chat has a background");
  const image = await data(client.GET("/emulator/v1/chats:background", { params: { query: { chatGuid } }, parseAs: "arrayBuffer" }));
  if ((image as unknown as ArrayBuffer).byteLength !== 8) throw new Error("another image");
  await data(client.POST("/emulator/v1/messages:receive", { body: { chatGuid, from: "alice@example.com", text: "hello" } }));
  await data(client.POST("/emulator/v1/chats:markRead", { body: { chatGuid, actor: null } }));
  await data(client.POST("/emulator/v1/chats:archive", { body }));
  await data(client.POST("/emulator/v1/chats:unarchive", { body }));
  await data(client.POST("/emulator/v1/chats:removeBackground", { body }));
  await data(client.POST("/emulator/v1/chats:setBackground", { body: { ...body, data: "iVBORw0KGgo=" } }));
  const { sequences } = await data(client.POST("/emulator/v1/events:generate", { body: { count: 3 } }));
  if (sequences?.length !== 3) throw new Error("other events");
}
