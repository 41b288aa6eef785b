// What this page is served by: an emulator, or a relay in front of a real account.

/** `"emulator"` or `"relay"`. What is not known is treated like a real account. */
export async function readMode() {
  const answer = await fetch("./console/config.json", { cache: "no-store" }).catch(() => undefined);
  const { mode } = answer?.ok ? await answer.json().catch(() => ({})) : {};
  return mode === "emulator" ? "emulator" : "relay";
}
