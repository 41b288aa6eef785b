let notify: () => void = () => {};

/** Calls `tell` when the wasm side panics. @internal */
export function onPanic(tell: () => void): void {
  notify = tell;
}

/** What the wasm side calls right before it traps; `src/panic.rs` is the other half. @internal */
export function panicked(): void {
  notify();
}
