import { toVersion, WILDCARD } from "@trellis/storage";

import { createHistory, type History } from "../history/history.ts";
import { judgeHistory } from "../history/judge.ts";
import { judgeLinearizability } from "../linearizability/judge.ts";
import { Calls } from "./clients/calls.ts";
import { watchLocally } from "./clients/local-watcher.ts";
import { SimulatedClient } from "./clients/simulated-client.ts";
import { SimulatedWatcher } from "./clients/simulated-watcher.ts";
import { Workload } from "./clients/workload.ts";
import { Cluster, type Coverage } from "./cluster/cluster.ts";
import type { FaultCounts } from "./faults/fault.ts";
import { makeTrouble } from "./faults/fault-plan.ts";
import { recover } from "./recovery.ts";
import { restorePhase } from "./restore/restore-phase.ts";
import { createDice } from "./world/dice.ts";
import { Trace } from "./world/trace.ts";
import { World } from "./world/world.ts";

/** What a run is made of. */
export interface SimulationOptions {
  readonly seed: number;
  /** Members at first. */
  readonly nodes: number;
  /** Virtual time with faults, in minutes. */
  readonly minutes: number;
  /** Takes the lines of the trace. */
  readonly sink?: ((line: string) => void) | undefined;
}

/** What a run showed. */
export interface SimulationReport {
  readonly seed: number;
  readonly nodes: number;
  /** What is wrong, in words; empty when all checks hold. */
  readonly findings: readonly string[];
  readonly coverage: Coverage & FaultCounts & ClientCounts;
  /** Of the whole trace: the same for every run of a seed. */
  readonly digest: number;
  readonly virtualMs: number;
}

export interface ClientCounts {
  operations: number;
  /** Commits that were judged although nobody knows what became of them. */
  ambiguous: number;
  resumedWatches: number;
  /** Keys of which the second judge had to give up the search. */
  undecidedKeys: number;
}

const EVERYWHERE = { group: "g", partition: WILDCARD, namespace: WILDCARD };
const WATCHED_KINDS = ["k", "l"];
const CLIENTS = 6;
/** A client with a session does two things at a time. */
const THREADS = 2;
/** Between two things that a client does, in virtual milliseconds. */
const THINK_MS = 350;
/** Operations of clients in a run, at least. */
const LEAST_OPERATIONS = 300;
/** How long the cluster may take to be well again after the faults, in virtual milliseconds. */
const RECOVERY_MS = 60_000;
/** Every so many seeds end with a restore. */
const RESTORE_EVERY = 5;
/** How long that may take, in virtual milliseconds. */
const RESTORE_MS = 60_000;

/** Runs a cluster with clients under faults, then without, and judges everything. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed, nodes, minutes, sink } = options;
  const world = new World();
  const trace = new Trace(world, sink);
  const history = createHistory({ storeId: "", version: toVersion(1) });
  const cluster: Cluster = new Cluster({
    seed,
    world,
    trace,
    members: nodes,
    spares: 2,
    onStart: (replica, process) => {
      // The history is that of one store.
      if (cluster.isRestored) return;
      for (const kind of WATCHED_KINDS)
        watchLocally(replica, process, { ...EVERYWHERE, kind }, { history, safety: cluster.safety }).catch(
          (error: unknown) => cluster.safety.report(`a watch in ${process.name} fails: ${String(error)}`),
        );
    },
  });
  const run = new Run({ world, trace, cluster, history, seed });
  const faultsEndMs = minutes * 60_000;
  await run.go(faultsEndMs);
  const verdict = judgeLinearizability(history);
  return {
    seed,
    nodes,
    findings: [...cluster.safety.violations, ...judgeHistory(history), ...verdict.findings],
    coverage: { ...cluster.coverage, ...run.counts, ...run.clientCounts(verdict.undecided) },
    digest: trace.digest,
    virtualMs: world.nowMs,
  };
}

interface RunParts {
  readonly world: World;
  readonly trace: Trace;
  readonly cluster: Cluster;
  readonly history: History;
  readonly seed: number;
}

class Run {
  readonly counts: FaultCounts = { faults: 0, crashes: 0, oneWayCuts: 0, partitions: 0, stalls: 0 };
  readonly #parts: RunParts;
  readonly #clients: SimulatedClient[];
  readonly #watchers: SimulatedWatcher[];
  #operations = 0;
  #isQuiet = false;
  #isOver = false;

  constructor(parts: RunParts) {
    this.#parts = parts;
    const { world, cluster, history, trace, seed } = parts;
    const dice = createDice(seed, "calls");
    const calls = new Calls({
      world,
      links: cluster.links,
      chance: (probability) => dice.chance(probability),
    });
    this.#clients = Array.from({ length: CLIENTS }, (_, at) => {
      const name = `c${at + 1}`;
      const own = { name, dice: createDice(seed, name), hasSession: at % 2 === 0 };
      return new SimulatedClient({ ...own, world, cluster, calls, history, trace });
    });
    const queries = [
      ...WATCHED_KINDS.map((kind) => ({ ...EVERYWHERE, kind })),
      { group: "g", kind: "k", partition: "p", namespace: "x", namePrefix: "a" },
    ];
    this.#watchers = queries.map((query, at) => {
      const name = `w${at + 1}`;
      const links = cluster.links;
      return new SimulatedWatcher({
        name,
        dice: createDice(seed, name),
        world,
        cluster,
        links,
        history,
        trace,
        query,
      });
    });
  }

  clientCounts(undecidedKeys: number): ClientCounts {
    return {
      operations: this.#operations,
      ambiguous: this.#clients.reduce((sum, { ambiguous }) => sum + ambiguous, 0),
      resumedWatches: this.#watchers.reduce((sum, { resumed }) => sum + resumed, 0),
      undecidedKeys,
    };
  }

  async go(faultsEndMs: number): Promise<void> {
    const { world, cluster, trace, seed } = this.#parts;
    const { safety } = cluster;
    const failed = (error: unknown): void => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      safety.report(`the simulation itself fails: ${text}`);
    };
    cluster.form().catch(failed);
    const working = this.#clients.flatMap((client, at) =>
      Array.from({ length: client.parts.hasSession ? THREADS : 1 }, (_, thread) =>
        this.#work(client, `${at} ${thread}`).catch(failed),
      ),
    );
    for (const watcher of this.#watchers) watcher.run(() => this.#isOver).catch(failed);
    const context = { world, cluster, trace, dice: createDice(seed, "faults"), counts: this.counts };
    makeTrouble({ ...context, isOver: () => this.#isQuiet || world.nowMs > faultsEndMs }).catch(failed);
    const isBad = (): boolean => safety.violations.length > 0;
    await world.run({ ms: faultsEndMs, isOver: isBad });
    if (isBad()) return;
    this.#isQuiet = true;
    trace.note("faults", "are over");
    let isDone = false;
    recover({
      ...this.#parts,
      client: this.#clients[0] as SimulatedClient,
      watchers: this.#watchers,
      worked: Promise.all(working),
    })
      .catch(failed)
      .finally(() => {
        isDone = true;
      });
    await world.run({ ms: world.nowMs + RECOVERY_MS, isOver: () => isDone || isBad() });
    this.#isOver = true;
    if (!isDone)
      safety.report(`${RECOVERY_MS} ms after the last fault the cluster is not well: ${describe(cluster)}`);
    else if (seed % RESTORE_EVERY === 0 && !isBad()) await this.#restore(failed);
  }

  /** The store is restored at last; whoever goes on with what it had before must not be deceived. */
  async #restore(failed: (error: unknown) => void): Promise<void> {
    const { world, cluster, trace, seed } = this.#parts;
    const { safety } = cluster;
    let isDone = false;
    restorePhase({ world, cluster, trace, dice: createDice(seed, "restore") })
      .catch(failed)
      .finally(() => {
        isDone = true;
      });
    await world.run({ ms: world.nowMs + RESTORE_MS, isOver: () => isDone || safety.violations.length > 0 });
    if (!isDone && safety.violations.length === 0)
      safety.report(`${RESTORE_MS} ms after a restore the cluster is not well: ${describe(cluster)}`);
  }

  async #work(client: SimulatedClient, thread: string): Promise<void> {
    const { world, seed } = this.#parts;
    const dice = createDice(seed, `work ${thread}`);
    const workload = new Workload(client, thread, dice);
    await world.sleep(dice.between(500, 1500));
    if (client === this.#clients[0]) await workload.fill();
    while (!this.#isQuiet || this.#operations < LEAST_OPERATIONS) {
      this.#operations++;
      await workload.step();
      await world.sleep(dice.around(THINK_MS));
    }
  }
}

/** What every machine does, in a line. */
export function describe(cluster: Cluster): string {
  return cluster.machines
    .map(({ name, isUp, id, replica }) => {
      if (!isUp || replica === undefined) return `${name} (${id}) ${isUp ? "starts" : "is down"}`;
      const { role, term, committed, applied, lastIndex, hasSpace, members } = replica.node.status();
      const listed = members.map((member) => `${member.id}${member.voter ? "" : "?"}`).join("+");
      const space = hasSpace ? "" : ", without space";
      return `${name} (${id}) ${role} of ${term}: ${applied}/${committed}/${lastIndex} of ${listed}${space}`;
    })
    .join("; ");
}
