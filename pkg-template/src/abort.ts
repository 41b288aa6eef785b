/** Who waits for a signal, and the one listener that serves them all: Node warns of a leak when a signal has more than ten. */
const waiting = new WeakMap<AbortSignal, { readonly acts: Set<() => void>; readonly listener: () => void }>();

/** Calls `act` when `signal` is aborted; gives a function that stops it. @internal */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  let shared = waiting.get(signal);
  if (!shared) {
    const acts = new Set<() => void>();
    shared = { acts, listener: () => acts.forEach((each) => each()) };
    waiting.set(signal, shared);
    signal.addEventListener("abort", shared.listener);
  }
  const { acts, listener } = shared;
  // A function of its own for each, so that two who wait with the same one do not share it.
  const own = () => act();
  acts.add(own);
  return () => {
    if (!acts.delete(own) || acts.size > 0) return;
    waiting.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}

/** Why a signal was aborted. Old runtimes and polyfills give no reason: then it is what today's signals give. @internal */
export function abortReason({ reason }: AbortSignal): unknown {
  if (reason !== undefined) return reason;
  const message = "This operation was aborted";
  if (typeof DOMException === "function") return new DOMException(message, "AbortError");
  return Object.assign(new Error(message), { name: "AbortError" });
}
