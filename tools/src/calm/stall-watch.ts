import { createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb";

import type { ClusterProcess } from "../cluster/cluster-shape.ts";
import { STALL_MS, type Stall } from "./elections.ts";

const LOOK_EVERY_MS = 250;
const ASK_MS = 10_000;
/** Stalls that are kept: more than so many, and the machine is fit for nothing. */
const MAX_STALLS = 100_000;

/** Asks each node all the time how late its event loop and its disk were, and measures how late this process is: what stalls both stalls the machine. */
export class StallWatch {
  readonly stalls: Stall[] = [];
  readonly longestMs = new Map<string, number>();
  readonly #closes: (() => void)[] = [];
  readonly #watching = new Set<string>();
  #isOver = false;
  readonly #work: Promise<unknown>[] = [];

  constructor(nodes: readonly ClusterProcess[]) {
    for (const node of nodes) this.watch(node);
    this.#work.push(this.#watchMachine());
  }

  /** Watches one more node. */
  watch({ name, url }: Pick<ClusterProcess, "name" | "url">): void {
    if (this.#watching.has(name)) return;
    this.#watching.add(name);
    this.#work.push(this.#watchNode(name, url));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    for (const close of this.#closes) close();
    await Promise.all(this.#work);
  }

  async #watchNode(name: string, baseUrl: string): Promise<void> {
    const sessionManager = new Http2SessionManager(baseUrl);
    this.#closes.push(() => sessionManager.abort());
    const transport = createConnectTransport({ baseUrl, httpVersion: "2", sessionManager });
    const client = createClient(ClusterService, transport);
    // A node tells the worst of the last seconds: what it has told already is no other stall.
    let told = 0;
    while (!this.#isOver) {
      const askedMs = performance.now();
      const status = await client.getStatus({ local: true }, { timeoutMs: ASK_MS }).catch(() => undefined);
      const self = status?.members.find((member) => member.name === name);
      if (self !== undefined) {
        this.#note(name, "did not answer", performance.now() - askedMs);
        if (self.loopDelayMs !== told) this.#note(name, "its event loop was late", self.loopDelayMs ?? 0);
        told = self.loopDelayMs ?? 0;
        this.#note(name, "its disk kept a write waiting", self.oldestWriteMs);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async #watchMachine(): Promise<void> {
    while (!this.#isOver) {
      const dueMs = performance.now() + LOOK_EVERY_MS;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      this.#note("the load", "its event loop was late", performance.now() - dueMs);
    }
  }

  #note(who: string, what: string, lastedMs: number): void {
    const key = `${who}: ${what}`;
    this.longestMs.set(key, Math.max(this.longestMs.get(key) ?? 0, lastedMs));
    if (lastedMs < STALL_MS || this.stalls.length >= MAX_STALLS) return;
    this.stalls.push({ who, what, lastedMs, atMs: Date.now() });
  }
}
