import type { World } from "./world-types.js";

/** What the demo has: people who wrote, and a group's poll. @internal */
export async function DEMO(world: World): Promise<void> {
  const [maya, leo, nina] = ["maya@example.com", "leo@example.com", "nina@example.com"];
  await world.receive({ from: maya, text: "Are we still on for Saturday?" });
  const { chat, message } = await world.receive({ from: maya, text: "I can bring the cake 🎂" });
  await world.react(chat, message, "love", { actor: maya });
  await world.receive({ from: leo, text: "The train leaves at 9:40, platform 7." });
  await world.receive({ from: leo, text: "I have your ticket." });
  const { chat: old } = await world.receive({ from: nina, text: "Thanks for the photos!" });
  await world.archive(old);
  await world.receive({ from: "+14155550123", text: "Your table for four is confirmed." });
}
