import type { ServerStatus, StorageLink } from "@trellis/storage/wire";

import { backoffMs } from "../backoff.ts";
import type { RoutingDeps } from "../deps.ts";
import { hasCode } from "../errors.ts";

/** A link that lived for less counts as a failure of its server. */
const STABLE_MS = 1_000;
/** Attempts that may fail before it is told that a server is not there: it may just be starting. */
const TELL_AFTER = 5;
/** A server that was found slow is asked last for so long. */
const SLOW_MS = 5_000;

/** One server: keeps a link to it, and opens another when it is lost. */
export class LinkedServer {
  readonly address: string;
  /** Named by the configuration; others were learnt from statuses. */
  readonly isConfigured: boolean;
  readonly #deps: RoutingDeps;
  readonly #onChange: () => void;
  readonly #stopping = new AbortController();
  #link: StorageLink | undefined;
  #trouble = "not reached yet";
  #failures = 0;
  #slowUntilMs = 0;
  /** What was told of it since it was linked last: that it is not there, that it does not belong here. */
  readonly #told = new Set<"unreachable" | "unsupported">();
  #cancelAttempt: () => void = () => undefined;

  constructor(
    deps: RoutingDeps,
    { address, isConfigured }: { readonly address: string; readonly isConfigured: boolean },
    onChange: () => void,
  ) {
    this.#deps = deps;
    this.address = address;
    this.isConfigured = isConfigured;
    this.#onChange = onChange;
  }

  /** The open link; undefined while there is none. */
  get link(): StorageLink | undefined {
    return this.#link;
  }

  /** What the server last said of itself; undefined while there is no link. */
  get status(): ServerStatus | undefined {
    return this.#link?.status;
  }

  /** Why there is no link, in words. */
  get trouble(): string {
    return this.#trouble;
  }

  /** Whether it left a call without an answer a short while ago. */
  get isSlow(): boolean {
    return this.#deps.clock.monotonic() < this.#slowUntilMs;
  }

  /** It leaves a call without an answer. */
  foundSlow(): void {
    this.#slowUntilMs = this.#deps.clock.monotonic() + SLOW_MS;
  }

  start(): void {
    void this.#connect();
  }

  stop(): void {
    this.#stopping.abort();
    this.#cancelAttempt();
    const link = this.#link;
    this.#link = undefined;
    void link?.close();
  }

  async #connect(): Promise<void> {
    const { openLink, clock } = this.#deps;
    const { signal } = this.#stopping;
    try {
      const link = await openLink(this.address, signal);
      if (signal.aborted) {
        await link.close();
        return;
      }
      this.#use(link, clock.monotonic());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#tell(reason, hasCode(error, "unsupported") ? "unsupported" : "unreachable");
      this.#failed(reason);
    }
  }

  #use(link: StorageLink, openedMs: number): void {
    const { clock, onEvent } = this.#deps;
    this.#link = link;
    this.#told.clear();
    link.onStatus(() => this.#onChange());
    onEvent?.({ kind: "server-linked", address: this.address, server: link.status.name });
    this.#onChange();
    void link.ended.then(({ message: reason }) => {
      if (this.#link !== link) return;
      this.#link = undefined;
      if (clock.monotonic() - openedMs >= STABLE_MS) this.#failures = 0;
      onEvent?.({ kind: "server-lost", address: this.address, reason });
      this.#failed(reason);
      this.#onChange();
    });
  }

  /** A server that answers with a refusal will go on so: that is told at once. */
  #tell(reason: string, what: "unreachable" | "unsupported"): void {
    if (this.#stopping.signal.aborted || this.#told.has(what)) return;
    if (what === "unreachable" && this.#failures + 1 < TELL_AFTER) return;
    this.#told.add(what);
    this.#deps.onEvent?.({ kind: "server-not-linked", address: this.address, reason });
  }

  #failed(reason: string): void {
    const { clock, random } = this.#deps;
    this.#trouble = reason;
    if (this.#stopping.signal.aborted) return;
    this.#cancelAttempt = clock.after(backoffMs(this.#failures++, random), () => void this.#connect());
  }
}
