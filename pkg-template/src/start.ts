import { IMessageError, messageOf } from "./errors.js";
import type { Runtime } from "./host.js";
import { guarded } from "./trap.js";
import { notStarted, readWasm } from "./wasm-source.js";
import * as glue from "./wasm/im_chats.js";

/** One start of the wasm for all clients; a failed one is forgotten, so the next call tries again. */
let starting: Promise<void> | undefined;

/** Starts the wasm, unless it is started. @internal */
export function start(runtime: Runtime): Promise<void> {
  starting ??= (async () => {
    let isWhole = false;
    try {
      const source = await readWasm(await runtime.wasm());
      isWhole = !("headers" in source);
      const { exports } = await instantiate(source);
      glue.__wbg_set_wasm(guarded(exports));
      (exports["__wbindgen_start"] as () => void)();
    } catch (cause) {
      starting = undefined;
      if (cause instanceof IMessageError) throw cause;
      // What does not compile today does not tomorrow, and neither does what a page's policy forbids.
      const retryable = !(isWhole || cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError);
      throw notStarted(messageOf(cause), retryable, cause);
    }
  })();
  return starting;
}

/** An instance of a whole module, or of a response, which is compiled while it arrives. */
async function instantiate(source: Response | BufferSource | WebAssembly.Module): Promise<WebAssembly.Instance> {
  const imports = { "./im_chats_bg.js": { ...glue } };
  const made: WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource =
    "headers" in source
      ? await WebAssembly.instantiateStreaming(source, imports)
      : await WebAssembly.instantiate(source as BufferSource, imports);
  // Of a module it gives the instance, of anything else both.
  return "instance" in made ? made.instance : made;
}
