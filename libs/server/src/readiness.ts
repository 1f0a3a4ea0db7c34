import type { Part } from "./part.ts";

/** A part that cannot do its work, and what it waits for. */
export interface Waiting {
  readonly part: string;
  readonly reason: string;
}

/** What a part that is ready has to say. */
export interface Remark {
  readonly part: string;
  readonly remark: string;
}

/** What is known of the state of a server's parts. */
export interface Readiness {
  /** Whether the server is on its way out. */
  readonly stopping: boolean;
  /** The parts that cannot do their work now; empty when the server is ready. */
  waiting(): readonly Waiting[];
  /** What the parts have to say besides. */
  remarks(): readonly Remark[];
  /** What one RPC service waits for; undefined when it serves. */
  waitingService(typeName: string): Waiting | undefined;
  /** Whether the part that brings this service has been started. */
  started(typeName: string): boolean;
  /** Names of all RPC services. */
  services(): readonly string[];
}

/** A server's parts and how far it is with them; changed by the server only. */
export class ServerState implements Readiness {
  readonly #parts: readonly Part[];
  readonly #startedParts = new Set<string>();
  readonly #serviceParts: ReadonlyMap<string, Part>;
  #stopping = false;

  /** `serviceParts` tells which part brings each RPC service. */
  constructor(parts: readonly Part[], serviceParts: ReadonlyMap<string, Part>) {
    this.#parts = parts;
    this.#serviceParts = serviceParts;
  }

  markStarted(part: Part): void {
    this.#startedParts.add(part.name);
  }

  markStopping(): void {
    this.#stopping = true;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  waiting(): readonly Waiting[] {
    if (this.#stopping) return [{ part: "server", reason: "the server is shutting down" }];
    return this.#parts.flatMap((part) => this.#waitingPart(part) ?? []);
  }

  remarks(): readonly Remark[] {
    return this.#parts.flatMap((part) => {
      const remark = part.remark?.();
      return remark === undefined ? [] : [{ part: part.name, remark }];
    });
  }

  waitingService(typeName: string): Waiting | undefined {
    const part = this.#serviceParts.get(typeName);
    if (this.#stopping) return { part: "server", reason: "the server is shutting down" };
    return part === undefined ? undefined : this.#waitingPart(part);
  }

  started(typeName: string): boolean {
    const part = this.#serviceParts.get(typeName);
    return part === undefined || this.#startedParts.has(part.name);
  }

  services(): readonly string[] {
    return [...this.#serviceParts.keys()];
  }

  #waitingPart(part: Part): Waiting | undefined {
    const reason =
      part.notReady?.() ?? (this.#startedParts.has(part.name) ? undefined : "it is being started");
    return reason === undefined ? undefined : { part: part.name, reason };
  }
}
