import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";

import { ConnectionError, ErrorCode, make, messageOf, precondition } from "./errors.js";

/** How long a gateway may take to drain. What it answered is on disk then, so that its end loses nothing. */
const DRAIN_MS = 3_000;

/** How long after its connections the system may tell of its end. */
const MOMENT_MS = 1_000;

/** How much of what it wrote to stderr is kept, in characters: the last lines. */
const KEPT_LOG = 4_000;

/** Gateways that run, so that a program that ends without `stop()` leaves nothing behind. */
const running = new Set<GatewayProcess>();

function endAll(): void {
  for (const gateway of running) gateway.drop();
}

/** A gateway that was started, and its end. @internal */
export class GatewayProcess {
  readonly #child: ChildProcess;
  readonly #command: string;
  /** A directory that goes with it. */
  readonly #temporary: string | undefined;
  readonly #exited: Promise<void>;
  #log = "";
  #stopping = false;
  /** How it ended, in words; undefined while it runs. */
  #end: string | undefined;

  constructor(command: string, options: readonly string[], environment: Record<string, string>, temporary: string | undefined) {
    this.#command = command;
    this.#temporary = temporary;
    this.#child = spawn(command, options, {
      // Nothing is ever written to its stdin: it ends with this process.
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...environment },
      windowsHide: true,
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#end ??= `could not be started: ${messageOf(error)}`;
        resolve();
      });
      // Not `exit`: what it wrote last is read by then.
      this.#child.once("close", (code, signal) => {
        this.#end ??= `ended with ${signal ?? code}`;
        resolve();
      });
    });
    // It may close it, which is nobody's concern.
    this.#child.stdin?.on("error", () => {});
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-KEPT_LOG);
    });
    if (running.size === 0) process.on("exit", endAll);
    running.add(this);
    void this.#exited.then(() => this.#forget());
  }

  /** Resolves with its address once it listens. */
  async listening(limit: number): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const why = `${this.#command} was not ready within ${limit} ms; give it more by startTimeout${this.#lastLines()}`;
        reject(make(ConnectionError, why, { code: ErrorCode.timeout, grpcCode: 4, retryable: true }));
      }, limit);
    });
    const died = this.#exited.then((): never => {
      throw precondition(`${this.#command} ${this.#end} before it listened${this.#lastLines()}`);
    });
    try {
      return await Promise.race([this.#readAddress(), died, late]);
    } finally {
      clearTimeout(timer);
      died.catch(() => {});
    }
  }

  #readAddress(): Promise<string> {
    return new Promise((resolve) => {
      let text = "";
      const { stdout } = this.#child;
      const look = (piece: string) => {
        text += piece;
        const address = /^listening on (https?:\S+)\r?\n/m.exec(text)?.[1];
        if (address === undefined) return;
        stdout?.off("data", look);
        // It may write more, which nobody reads.
        stdout?.resume();
        resolve(address);
      };
      stdout?.setEncoding("utf8").on("data", look);
    });
  }

  /** From now on it keeps no program alive that has nothing else to do. */
  unref(): void {
    this.#child.unref();
    // What Node types as streams are sockets, which can let go.
    for (const pipe of [this.#child.stdin, this.#child.stdout, this.#child.stderr] as (Partial<{ unref(): void }> | null)[]) pipe?.unref?.();
  }

  /** Why it cannot be called; undefined while it runs. */
  get gone(): string | undefined {
    if (this.#stopping) return "the emulator is stopped; start another one with startEmulator";
    return this.#end === undefined ? undefined : `the emulator has ended by itself: ${this.#command} ${this.#end}${this.#lastLines()}`;
  }

  /** Resolves once it has ended, or in a moment. */
  async ending(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const moment = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, MOMENT_MS);
    });
    await Promise.race([this.#exited, moment]);
    clearTimeout(timer);
  }

  /** Ends it: by a drain, or after {@link DRAIN_MS} at once. Its temporary directory goes with it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#end === undefined) {
      this.#child.ref();
      // Where there is no such signal it would end at once, and its stdin says the same.
      if (process.platform === "win32") this.#child.stdin?.destroy();
      else this.#child.kill("SIGTERM");
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), DRAIN_MS);
      await this.#exited;
      clearTimeout(timer);
    }
    if (this.#temporary !== undefined) await rm(this.#temporary, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Ends it at once; for the end of the program, which waits for nothing. */
  drop(): void {
    this.#child.kill("SIGKILL");
    if (this.#temporary === undefined) return;
    try {
      rmSync(this.#temporary, { recursive: true, force: true });
    } catch {
      // The system's own folder for such files is emptied by the system.
    }
  }

  #forget(): void {
    running.delete(this);
    if (running.size === 0) process.off("exit", endAll);
  }

  #lastLines(): string {
    const lines = this.#log.trim();
    return lines === "" ? "" : `; it wrote:\n${lines.split("\n").slice(-10).join("\n")}`;
  }
}
