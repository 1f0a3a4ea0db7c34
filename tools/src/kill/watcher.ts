import { Code, ConnectError } from "@connectrpc/connect";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { WatchEvent } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { ALBUM, ALBUM_PREFIX, type BenchClient } from "../bench/albums.ts";
import { changeOf } from "./ledger.ts";

/** A watch that goes on over restarts: each time from the last version that it was given. */
export class ResumedWatcher {
  readonly name: string;
  readonly findings: string[] = [];
  /** How often its resume point was not kept any more, so that it had to begin anew. */
  restarts = 0;
  #since = "";
  #newest = 0;
  #seen = new Map<string, number>();
  #isWhole = true;
  #onSeen: () => void = () => undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Watches until the stream ends: when the server is killed, or by the signal. */
  async watch(client: BenchClient, signal: AbortSignal): Promise<void> {
    for (let isAgain = true; isAgain && !signal.aborted;) isAgain = await this.#stream(client, signal);
  }

  /** Resolves once it has seen a change. */
  async until(change: string, limitMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error(`${this.name} did not see ${change} within ${limitMs} ms`)),
      limitMs,
    );
    this.#onSeen = () => {
      if (this.#seen.has(change)) resolve();
    };
    this.#onSeen();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#onSeen = () => undefined;
    }
  }

  /** Holds what it has seen since the last time against what has happened since then. */
  compare(changes: ReadonlySet<string>): void {
    const seen = this.#seen;
    this.#seen = new Map();
    for (const [change, times] of seen) {
      if (times > 1) this.findings.push(`${this.name} saw ${change} ${times} times`);
      if (this.#isWhole && !changes.has(change))
        this.findings.push(`${this.name} saw ${change}, which did not happen`);
    }
    for (const change of changes) {
      if (this.#isWhole && !seen.has(change)) this.findings.push(`${this.name} did not see ${change}`);
    }
    this.#isWhole = true;
  }

  /** One stream; true when another is to follow at once. */
  async #stream(client: BenchClient, signal: AbortSignal): Promise<boolean> {
    try {
      const query = { type: ALBUM, namePrefix: ALBUM_PREFIX, sinceVersion: this.#since };
      const stream = client.watchList(query, { signal, timeoutMs: 0 });
      for await (const event of stream) this.#take(event);
      return false;
    } catch (error) {
      if (ConnectError.from(error).code !== Code.OutOfRange) return false;
      this.#since = "";
      this.#isWhole = false;
      this.restarts++;
      return true;
    }
  }

  #take({ event, version }: WatchEvent): void {
    if (event.case === "upsert") this.#note("put", event.value.resource);
    if (event.case === "delete") this.#note("delete", event.value.resource);
    if (version !== "") {
      if (Number(version) < this.#newest && this.#since !== "")
        this.findings.push(`${this.name} went back from version ${this.#newest} to ${version}`);
      this.#newest = Number(version);
      this.#since = version;
    }
    this.#onSeen();
  }

  #note(kind: "put" | "delete", resource: Resource | undefined): void {
    const change = changeOf(kind, resource?.id?.name ?? "", Number(resource?.version ?? 0));
    this.#seen.set(change, (this.#seen.get(change) ?? 0) + 1);
  }
}
