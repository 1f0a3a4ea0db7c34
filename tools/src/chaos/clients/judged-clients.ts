import { setTimeout as sleep } from "node:timers/promises";

import { systemClock } from "@trellis/resource";
import { createRoutedBackend } from "@trellis/routing";
import {
  type Backend,
  type Key,
  type Operation,
  type Precondition,
  StorageError,
  type StoredRecord,
  type TypeQuery,
  type Watch,
  WILDCARD,
} from "@trellis/storage";
import { storageLinks } from "@trellis/storage/wire";
import {
  createHistory,
  type Dice,
  eventually,
  type History,
  judgeHistory,
  judgeLinearizability,
  recordingBackend,
} from "@trellis/testkit";

/** What judges say of everything that clients did and saw. */
export interface Verdict {
  readonly operations: number;
  readonly failures: number;
  readonly watches: number;
  readonly findings: readonly string[];
  /** Keys of which the second judge gave up the search. */
  readonly undecided: number;
}

const NAMES = ["a", "ab", "b", "c", "d"];
/** How long the same keys are used: the second judge's search of a key must come to an end. */
const EPOCH_MS = 15_000;
/** Between two things that a client does: the judges read every history whole. */
const PAUSE_MS = 100;
/** Clients on each way into the cluster. */
const CLIENTS_EACH = 2;
/** How long one call may take. */
const CALL_MS = 6_000;
const REOPEN_MS = 100;
/** How long the watches may take to show the last commit, once everything is well again. */
const SEE_MS = 60_000;
const LAST = "the-last";

/** A way into the cluster: addresses of nodes, or of forwarders. */
export interface WayIn {
  readonly name: string;
  readonly servers: readonly string[];
}

interface Parts {
  readonly history: History;
  readonly kind: string;
  readonly backends: readonly (readonly [string, Backend])[];
  readonly dice: Dice;
}

/** Clients of the storage itself, by routers of their own over real sockets, everything written down for the two judges. */
export class JudgedClients {
  readonly #history: History;
  readonly #kind: string;
  readonly #backends: readonly Backend[];
  readonly #dice: Dice;
  readonly #work: Promise<unknown>;
  readonly #watching: Promise<unknown>;
  readonly #watches = new Set<Watch>();
  readonly #seen = new Set<string>();
  #isOver = false;
  #isClosed = false;
  #made = 0;
  #failures = 0;
  readonly #surprises: string[] = [];

  private constructor({ history, kind, backends, dice }: Parts) {
    this.#history = history;
    this.#kind = kind;
    this.#dice = dice;
    this.#backends = backends.map(([, backend]) => backend);
    const clients = backends.flatMap(([name, backend]) =>
      Array.from({ length: CLIENTS_EACH }, (_, at) =>
        recordingBackend(backend, history, `client ${at + 1}, ${name}`),
      ),
    );
    this.#work = Promise.all(clients.map((client) => this.#run(client)));
    this.#watching = Promise.all(
      backends.map(([name, backend]) =>
        this.#watch(recordingBackend(backend, history, `the watcher, ${name}`), name),
      ),
    );
  }

  /** Begins: with resources of a kind that nobody else has, nor has ever had. */
  static async start(ways: readonly WayIn[], kind: string, dice: Dice): Promise<JudgedClients> {
    const nextTurn = (callback: () => void): void => void setImmediate(callback);
    const openLink = storageLinks({ clock: systemClock, nextTurn }, { client: "chaos" });
    const deps = { openLink, clock: systemClock, random: dice.next };
    const backends = ways.map(({ name, servers }) => [name, createRoutedBackend(deps, { servers })] as const);
    const [first] = backends;
    if (first === undefined) throw new Error("expected a way into the cluster, found none");
    const { position } = await first[1].list({ group: "g", kind, partition: "p", namespace: "n" });
    return new JudgedClients({ history: createHistory(position), kind, backends, dice });
  }

  /** Once nothing is broken any more: waits until every watch has shown everything, and has all of it judged. */
  async finish(): Promise<Verdict> {
    this.#isOver = true;
    await this.#work;
    const last = recordingBackend(this.#backends[0] as Backend, this.#history, "the last client");
    await last.commit(this.#put(LAST));
    for (const backend of this.#backends)
      await recordingBackend(backend, this.#history, "the last reader").list(this.#query(), {
        consistency: "strong",
      });
    const expected = this.#backends.length;
    await eventually(() => {
      if (this.#seen.size < expected)
        throw new Error(`only ${[...this.#seen].join(", ") || "no watch"} saw the last commit`);
    }, SEE_MS).catch((error: unknown) => void this.#surprises.push((error as Error).message));
    await this.close();
    const { findings, undecided } = judgeLinearizability(this.#history);
    return {
      operations: this.#history.recorded.length,
      failures: this.#failures,
      watches: this.#history.recorded.filter(({ kind }) => kind === "watch").length,
      findings: [...this.#surprises, ...judgeHistory(this.#history), ...findings],
      undecided,
    };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#isClosed = true;
    for (const watch of this.#watches) watch.close();
    await Promise.all(this.#backends.map((backend) => backend.close()));
    await Promise.all([this.#work, this.#watching]);
  }

  async #run(client: Backend): Promise<void> {
    for (let step = 0; !this.#isOver; step++) {
      await sleep(this.#dice.around(PAUSE_MS));
      try {
        await this.#step(client, step);
      } catch (error) {
        this.#failures++;
        const { name, message } = error as Error;
        if (!StorageError.is(error) && name !== "AbortError" && name !== "TimeoutError")
          this.#surprises.push(
            `a client of the storage got an error that is none of it: ${name}: ${message}`,
          );
      }
    }
  }

  async #step(client: Backend, step: number): Promise<void> {
    const name = `${epoch()}-${this.#dice.pick(NAMES)}`;
    const consistency = this.#dice.chance(0.5) ? "strong" : "eventual";
    const { record } = await client.read(this.#key(name), {
      consistency,
      signal: AbortSignal.timeout(CALL_MS),
    });
    const expected: Precondition =
      record === undefined ? { kind: "absent" } : { kind: "version", version: record.version };
    const isDelete = record !== undefined && this.#dice.chance(0.2);
    const operations: readonly Operation[] = isDelete
      ? [{ kind: "delete", key: this.#key(name), preconditions: [expected] }]
      : this.#put(name, record, [expected]);
    await client.commit(operations, { signal: AbortSignal.timeout(CALL_MS) });
    if (step % 5 !== 4) return;
    const query = { ...this.#query(), namePrefix: `${epoch()}-` };
    await client.list(query, {
      consistency: this.#dice.chance(0.5) ? "strong" : "eventual",
      signal: AbortSignal.timeout(CALL_MS),
    });
  }

  async #watch(client: Backend, name: string): Promise<void> {
    while (!this.#isClosed) {
      const watch = client.watch(this.#query());
      this.#watches.add(watch);
      try {
        for await (const batch of watch) {
          const records = batch.kind === "snapshot" ? batch.records : [];
          const changed = batch.kind === "commit" ? batch.events.map(({ record }) => record) : records;
          if (changed.some(({ key }) => key.name === LAST)) this.#seen.add(name);
        }
      } catch (error) {
        if (!StorageError.is(error)) this.#surprises.push(`a watch fails: ${String(error)}`);
      }
      this.#watches.delete(watch);
      if (!this.#isClosed) await sleep(REOPEN_MS);
    }
  }

  #key(name: string): Key {
    return { group: "g", kind: this.#kind, partition: "p", namespace: "n", name };
  }

  #query(): TypeQuery {
    return { group: "g", kind: this.#kind, partition: WILDCARD, namespace: WILDCARD };
  }

  /** A commit of one record that is there afterwards, of a content that nobody else writes. */
  #put(
    name: string,
    previous?: StoredRecord,
    preconditions: readonly Precondition[] = [],
  ): readonly Operation[] {
    const generation = String(++this.#made);
    const bytes = new TextEncoder().encode(generation);
    const uid = previous?.uid ?? `uid-${generation}`;
    const record = { uid, groupVersion: "v1", generation, marked: false, bytes };
    return [{ kind: "put", key: this.#key(name), record, preconditions }];
  }
}

function epoch(): number {
  return Math.floor(performance.now() / EPOCH_MS);
}
