import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

import type { NodeEvent } from "@trellis/raft-node";
import { StorageError, type StorageErrorCode } from "@trellis/storage";

import type {
  AnswerOf,
  ArgumentOf,
  CallFailure,
  FirstMember,
  MethodName,
  NodeCall,
  NodeReport,
  NodeSetup,
} from "./node-wire.ts";

const PROGRAM = join(import.meta.dirname, "node-program.ts");
/** Calls of one node that may wait for their answers. */
const MAX_CALLS = 20_000;

/** Calls that wait for their answers. */
interface PendingCall {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
  readonly onAnswer: (() => void) | undefined;
}

/** A storage node in a process of its own. */
export class StorageNode {
  readonly name: string;
  /** What happened to it, in order. */
  readonly events: NodeEvent[] = [];
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, PendingCall>();
  readonly #listeners = new Set<() => void>();
  #unsent: NodeCall[] = [];
  #lastCall = 0;
  #port = 0;

  private constructor(name: string) {
    this.name = name;
    this.#child = fork(PROGRAM, [], {
      serialization: "advanced",
      execArgv: ["--no-warnings", ...(process.env["TRELLIS_TOOLS_NODE_FLAGS"]?.split(" ") ?? [])],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    this.#child.on("message", (reports: readonly NodeReport[]) => this.#take(reports));
    this.exited = new Promise((resolve) => {
      this.#child.once("exit", () => {
        this.#gone();
        resolve();
      });
    });
  }

  /** Starts a process and has it listen. */
  static async start(setup: NodeSetup): Promise<StorageNode> {
    const node = new StorageNode(setup.name);
    node.#port = await node.call("listen", setup);
    return node;
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.name} did not start`);
    return pid;
  }

  /** How the others find it. */
  get member(): FirstMember {
    return { name: this.name, address: `127.0.0.1:${this.#port}` };
  }

  get port(): number {
    return this.#port;
  }

  /**
   * Has the node do something. Rejects with a `StorageError` where that is what it failed with; of a process that ends no outcome is known.
   * `onAnswer` is called as the answer comes, before anything that the node said later is looked at.
   */
  call<Name extends MethodName>(
    method: Name,
    argument: ArgumentOf<Name>,
    onAnswer?: () => void,
  ): Promise<AnswerOf<Name>> {
    if (!this.#child.connected) return Promise.reject(gone(this.name));
    if (this.#calls.size >= MAX_CALLS)
      return Promise.reject(
        new StorageError("resource-exhausted", `${this.name} has ${MAX_CALLS} calls to answer`),
      );
    const id = ++this.#lastCall;
    if (this.#unsent.length === 0) setImmediate(() => this.#send());
    this.#unsent.push({ id, method, argument });
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, onAnswer });
    });
  }

  /** Resolves once something holds that follows from what the node says. Rejects when it takes too long. */
  async until(what: string, holds: () => boolean, limitMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (holds()) resolve();
    };
    const timer = setTimeout(
      () => reject(new Error(`${this.name}: ${what} not within ${limitMs} ms`)),
      limitMs,
    );
    this.#listeners.add(look);
    look();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(look);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends in good order. */
  async stop(): Promise<void> {
    await this.call("stop", undefined);
    await this.exited;
  }

  /** Ends at once, whatever it does. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
    await this.exited;
  }

  #send(): void {
    const calls = this.#unsent;
    this.#unsent = [];
    if (this.#child.connected) this.#child.send(calls, () => undefined);
  }

  #take(reports: readonly NodeReport[]): void {
    for (const report of reports) {
      if (report.kind === "event") {
        this.events.push(report.event);
        continue;
      }
      const call = this.#calls.get(report.id);
      this.#calls.delete(report.id);
      call?.onAnswer?.();
      if (report.kind === "answer") call?.resolve(report.answer as never);
      else call?.reject(errorOf(report.failure));
    }
    for (const look of this.#listeners) look();
  }

  #gone(): void {
    for (const { reject } of this.#calls.values()) reject(gone(this.name));
    this.#calls.clear();
    for (const look of this.#listeners) look();
  }
}

function gone(name: string): StorageError {
  return new StorageError("outcome-unknown", `the process of ${name} has ended`);
}

function errorOf({ name, code, message }: CallFailure): Error {
  if (name === "StorageError") return new StorageError(code as StorageErrorCode, message);
  return Object.assign(new Error(message), { name, code });
}
