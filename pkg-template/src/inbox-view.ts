import { invalid } from "./errors.js";
import type { View } from "./inbox-types.js";

/** What a listener or handler of the user's throws is reported as the runtime reports any error, and keeps nobody else from hearing. @internal */
export function guarded(act: () => void): void {
  try {
    act();
  } catch (error) {
    const { reportError } = globalThis as { reportError?: (error: unknown) => void };
    if (typeof reportError === "function") return reportError(error);
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** A view, whatever it shows. @internal */
export interface Watched {
  readonly isWatched: boolean;
  /** Takes another state and tells its listeners. */
  refresh(): void;
  /** Takes another state without telling anybody; whether there was one. */
  update(): boolean;
}

/** How long a page that is not painted, or a runtime without a screen, waits before it tells of changes, in milliseconds. */
const HIDDEN_MS = 250;
const FRAME_MS = 16;

/** Brings views up to date, at most once a frame. @internal */
export class Frames {
  readonly #due = new Set<{ refresh(): void }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame: number | undefined;
  #isClosed = false;

  add(view: { refresh(): void }): void {
    if (this.#isClosed) return;
    this.#due.add(view);
    if (this.#timer !== undefined) return;
    const isPainted = typeof requestAnimationFrame === "function" && (globalThis as { document?: Document }).document?.visibilityState === "visible";
    if (isPainted) this.#frame = requestAnimationFrame(() => this.#run());
    // Beside the frame, too: a page that is hidden before it comes gets none.
    this.#timer = setTimeout(() => this.#run(), isPainted ? HIDDEN_MS : FRAME_MS);
  }

  #run(): void {
    this.#stop();
    const due = [...this.#due];
    this.#due.clear();
    for (const view of due) view.refresh();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#due.clear();
    this.#stop();
  }
}

/** A view that shows what `compute` makes of its source, once that is given to {@link Frames}. @internal */
export class StoreView<T extends object> implements View<T>, Watched {
  #state: T;
  readonly #compute: (last: T) => T;
  readonly #watch: () => () => void;
  readonly #listeners = new Set<() => void>();
  #stop: (() => void) | undefined;
  /** The state that the listeners heard of. */
  #told: T;

  /**
   * `compute` gives the last state when nothing changed. `watch` is called with the first listener, and what it gives after the last
   * one.
   */
  constructor(first: T, compute: (last: T) => T, watch: () => () => void) {
    this.#state = this.#told = first;
    this.#compute = compute;
    this.#watch = watch;
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  // Properties, so that they work without the object, as in React's `useSyncExternalStore(view.subscribe, view.get)`.
  readonly get = (): T => this.#state;

  readonly subscribe = (callback: () => void): (() => void) => {
    if (typeof callback !== "function") throw invalid("listener", `expected a function, got ${typeof callback}`);
    // A function of our own, so that the same one may be given twice and be stopped once.
    const listener = () => callback();
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#stop = this.#watch();
      // What is held already, or changed while nobody looked. Whoever asked `get` before hears of it.
      if (this.update()) void Promise.resolve().then(() => this.#listeners.has(listener) && guarded(listener));
      this.#told = this.#state;
    }
    return () => {
      if (!this.#listeners.delete(listener) || this.isWatched) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  };

  refresh(): void {
    this.update();
    if (this.#told === this.#state) return;
    this.#told = this.#state;
    for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) guarded(listener);
  }

  update(): boolean {
    const state = this.#compute(this.#state);
    if (state === this.#state) return false;
    this.#state = state;
    return true;
  }
}
