import { createHistory, type History, judgeHistory, recordingBackend } from "@trellis/testkit";
import {
  type Backend,
  type Key,
  type Operation,
  type Precondition,
  StorageError,
  type StoredRecord,
  type TypeQuery,
  WILDCARD,
} from "@trellis/storage";

import { ClusterClient } from "./cluster-client.ts";
import type { StorageCluster } from "./storage-cluster.ts";
import type { StorageNode } from "./storage-node.ts";

const NAMES = ["a", "ab", "b", "c", "d"];
/** The last commit of a load: whoever watches has seen everything when it has seen this. */
const LAST = "the-last";
/** Between two things that a client does: the judge reads every history whole. */
const PAUSE_MS = 5;

/**
 * A load of clients on all nodes, which commit, read, list and watch one kind of resources of their own, everything written down. It is to
 * be the only one of its kind in a store's life.
 */
export class JudgedLoad {
  readonly history: History;
  readonly #nodes: readonly StorageNode[];
  readonly #kind: string;
  readonly #clients: Promise<void>[] = [];
  readonly #watchers: Promise<void>[] = [];
  readonly #backends: Backend[] = [];
  #commits = 0;
  #isOver = false;
  #made = 0;

  private constructor(nodes: readonly StorageNode[], kind: string, history: History) {
    this.#nodes = nodes;
    this.#kind = kind;
    this.history = history;
  }

  /** Begins: two clients and a watch on each node. */
  static async start({ nodes }: StorageCluster, kind: string): Promise<JudgedLoad> {
    const [first] = nodes;
    if (first === undefined) throw new Error("a cluster has nodes");
    const load = new JudgedLoad(nodes, kind, createHistory(await first.call("position", undefined)));
    for (const node of nodes) {
      load.#watchers.push(load.#watch(node));
      load.#clients.push(load.#work(node, "one"), load.#work(node, "two"));
    }
    // Who finishes is told; of a load that nobody finishes nobody wants to know.
    for (const work of [...load.#watchers, ...load.#clients]) work.catch(() => undefined);
    return load;
  }

  /** Commits that were answered. */
  get commits(): number {
    return this.#commits;
  }

  /** A client that reads on one node, written down with the others. */
  client(node: StorageNode, name: string): Backend {
    const client = new ClusterClient(this.#nodes, node);
    this.#backends.push(client);
    return recordingBackend(client, this.history, `${name} on ${node.name}`);
  }

  /** A key that belongs to the load. */
  key(name: string): Key {
    return { group: "g", kind: this.#kind, partition: "p", namespace: "n", name };
  }

  /** A commit of one record that is there afterwards. */
  put(
    name: string,
    previous?: StoredRecord,
    preconditions: readonly Precondition[] = [],
  ): readonly Operation[] {
    this.#made++;
    const generation = String(this.#made);
    const bytes = new TextEncoder().encode(`${generation} of ${this.#kind}`);
    const uid = previous?.uid ?? `uid-${generation}`;
    const record = { uid, groupVersion: "v1", generation, marked: false, bytes };
    return [{ kind: "put", key: this.key(name), record, preconditions }];
  }

  /** Writes down that somebody commits these, whatever becomes of it. */
  unrecordedOutcome(operations: readonly Operation[]): readonly Operation[] {
    const startedAt = this.history.moment();
    this.history.recorded.push({
      kind: "commit",
      client: "anybody",
      startedAt,
      operations,
      evaluateOnly: false,
    });
    return operations;
  }

  /** Ends, waits until everybody has seen the end, and answers what is wrong with all of it. */
  async finish(): Promise<readonly string[]> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    for (const node of this.#nodes) {
      const client = this.client(node, "last");
      if (node === this.#nodes[0]) await client.commit(this.put(LAST));
      await client.list(this.#query, { consistency: "strong" });
    }
    await Promise.all(this.#watchers);
    return judgeHistory(this.history);
  }

  /** Has everybody give up: after a failure. */
  async abandon(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#backends.map((backend) => backend.close()));
  }

  get #query(): TypeQuery {
    return { group: "g", kind: this.#kind, partition: WILDCARD, namespace: WILDCARD };
  }

  async #work(node: StorageNode, name: string): Promise<void> {
    const client = this.client(node, name);
    for (let step = 0; !this.#isOver; step++) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      await this.#step(client, step).catch((error: unknown) => {
        if (!StorageError.is(error)) throw error;
      });
    }
  }

  async #step(client: Backend, step: number): Promise<void> {
    const name = NAMES[(step * 7 + this.#made) % NAMES.length] ?? "a";
    const consistency = step % 2 === 0 ? "strong" : "eventual";
    const { record } = await client.read(this.key(name), { consistency });
    const expected: Precondition =
      record === undefined ? { kind: "absent" } : { kind: "version", version: record.version };
    await client.commit(
      step % 5 === 4
        ? [{ kind: "delete", key: this.key(name), preconditions: [expected] }]
        : this.put(name, record, [expected]),
    );
    this.#commits++;
    if (step % 10 === 9) await client.list(this.#query, { consistency: "strong" });
  }

  async #watch(node: StorageNode): Promise<void> {
    const watch = this.client(node, "watcher").watch(this.#query);
    for await (const batch of watch) {
      if (batch.kind === "commit" && batch.events.some(({ record }) => record.key.name === LAST)) break;
    }
    watch.close();
  }
}
