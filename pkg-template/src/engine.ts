import { IMessageError, messageOf } from "./errors.js";
import type { Runtime } from "./host.js";
import { Trap } from "./trap.js";
import { notStarted, readWasm } from "./wasm-source.js";
import type { WeakHost, Client as WasmClient } from "./wasm/im_chats.js";

/** What wasm-bindgen wrote for one wasm, as far as the shell calls it. @internal */
export interface Glue {
  readonly Client: new (host: WeakHost) => WasmClient;
  __wbg_set_wasm(exports: WebAssembly.Exports): void;
}

/** One wasm, which all clients of its entries share. @internal */
export class Engine<G extends Pick<Glue, "__wbg_set_wasm"> = Glue> extends Trap {
  readonly glue: G;
  readonly #imports: string;
  /** One start for all clients; a failed one is forgotten, so the next call tries again. */
  #starting: Promise<void> | undefined;

  /** `imports` is the name of the module that the wasm takes its imports from. */
  constructor(glue: G, imports: string) {
    super();
    this.glue = glue;
    this.#imports = imports;
  }

  /** Starts the wasm, unless it is started. */
  start(runtime: Pick<Runtime, "wasm">): Promise<void> {
    this.#starting ??= (async () => {
      let isWhole = false;
      try {
        const source = await readWasm(await runtime.wasm());
        isWhole = !("headers" in source);
        const { exports } = await instantiate(source, { [this.#imports]: { ...this.glue } as WebAssembly.ModuleImports });
        this.glue.__wbg_set_wasm(this.guarded(exports));
        (exports["__wbindgen_start"] as () => void)();
      } catch (cause) {
        this.#starting = undefined;
        if (cause instanceof IMessageError) throw cause;
        // What does not compile today does not tomorrow, and neither does what a page's policy forbids.
        const retryable = !(isWhole || cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError);
        throw notStarted(messageOf(cause), retryable, cause);
      }
    })();
    return this.#starting;
  }
}

/** An instance of a whole module, or of a response, which is compiled while it arrives. */
async function instantiate(
  source: Response | BufferSource | WebAssembly.Module,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.Instance> {
  const made: WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource =
    "headers" in source
      ? await WebAssembly.instantiateStreaming(source, imports)
      : await WebAssembly.instantiate(source as BufferSource, imports);
  // Of a module it gives the instance, of anything else both.
  return "instance" in made ? made.instance : made;
}
