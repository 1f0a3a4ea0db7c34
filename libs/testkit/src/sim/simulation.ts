import { toVersion } from "@trellis/storage";

import { createHistory, type History } from "../history/history.ts";
import { judgeHistory } from "../history/judge.ts";
import { judgeLinearizability } from "../linearizability/judge.ts";
import { watchLocally } from "./clients/local-watcher.ts";
import { SdkUsers } from "./clients/sdk-users.ts";
import { createParticipants, everywhere, type Participants, WATCHED_KINDS } from "./clients/participants.ts";
import { SimulatedClient } from "./clients/simulated-client.ts";
import { Workload } from "./clients/workload.ts";
import { Cluster, type Coverage } from "./cluster/cluster.ts";
import type { FaultCounts } from "./faults/fault.ts";
import { makeTrouble } from "./faults/fault-plan.ts";
import { makeRouterTrouble } from "./faults/routers.ts";
import { recover } from "./recovery.ts";
import { restorePhase } from "./restore/restore-phase.ts";
import { NO_ROUTERS, type RouterCounts, Routers } from "./routers/routers.ts";
import { createDice } from "./world/dice.ts";
import type { SimulatedProcess } from "./world/simulated-process.ts";
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
  readonly coverage: Coverage & FaultCounts & ClientCounts & RouterCounts;
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

/** A client with a session does two things at a time, and so does one of a gateway. */
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
/**
 * Of so many seeds, these have routers: half of them in clusters of three, half of five. All others are what they were before there were any, and so are the
 * mutants that they kill.
 */
const ROUTED_OF = 16;
const ROUTED: ReadonlySet<number> = new Set([0, 3, 8, 9, 13, 14]);

/** From this seed on, the members at first of runs with routers have gateways in their processes. Mutants name seeds before it, and so those stay as they are. */
const FIRST_SEED_OF_MEMBER_GATEWAYS = 90;

/** Whether some clients of a seed enter by routers. */
export function isRouted(seed: number): boolean {
  return ROUTED.has(seed % ROUTED_OF);
}

/** Whether some of them enter by gateways in the processes of storage nodes. */
export function hasMemberGateways(seed: number): boolean {
  return isRouted(seed) && seed >= FIRST_SEED_OF_MEMBER_GATEWAYS;
}

/** Runs a cluster with clients under faults, then without, and judges everything. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed, nodes, minutes, sink } = options;
  const world = new World();
  const trace = new Trace(world, sink);
  const history = createHistory({ storeId: "", version: toVersion(1) });
  const watchFromWithin = (
    service: Parameters<typeof watchLocally>[0],
    process: SimulatedProcess,
    name: string,
  ): void => {
    const { safety } = cluster;
    // The history is that of one store.
    const watching = { client: `${name} itself`, history, safety, isOver: () => cluster.isRestored };
    for (const kind of WATCHED_KINDS)
      watchLocally(service, process, everywhere(kind), watching).catch((error: unknown) =>
        safety.report(`a watch in ${name} fails: ${String(error)}`),
      );
  };
  const cluster: Cluster = new Cluster({
    seed,
    world,
    trace,
    members: nodes,
    spares: 2,
    onStart: (started) => {
      const { replica, process } = started;
      routers?.started(started);
      watchFromWithin(replica, process, process.name);
    },
  });
  const routers = isRouted(seed)
    ? new Routers({
        seed,
        world,
        trace,
        cluster,
        memberGateways: hasMemberGateways(seed) ? nodes : 0,
        onGateway: watchFromWithin,
      })
    : undefined;
  const run = new Run({ world, trace, cluster, history, seed, routers });
  const faultsEndMs = minutes * 60_000;
  await run.go(faultsEndMs);
  run.end();
  const verdict = judgeLinearizability(history);
  const routed = routers?.counts ?? NO_ROUTERS;
  return {
    seed,
    nodes,
    findings: [...cluster.safety.violations, ...judgeHistory(history), ...verdict.findings],
    coverage: { ...cluster.coverage, ...run.counts, ...run.clientCounts(verdict.undecided), ...routed },
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
  readonly routers: Routers | undefined;
}

class Run {
  readonly counts: FaultCounts = { faults: 0, crashes: 0, oneWayCuts: 0, partitions: 0, stalls: 0 };
  readonly #parts: RunParts;
  readonly #participants: Participants;
  readonly #sdk: SdkUsers | undefined;
  #operations = 0;
  #isQuiet = false;
  #isOver = false;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#participants = createParticipants(parts);
    const { routers, cluster } = parts;
    this.#sdk =
      routers === undefined ? undefined : new SdkUsers({ ...parts, routers, safety: cluster.safety });
  }

  clientCounts(undecidedKeys: number): ClientCounts {
    const { clients, watchers } = this.#participants;
    return {
      operations: this.#operations,
      ambiguous: clients.reduce((sum, { ambiguous }) => sum + ambiguous, 0),
      resumedWatches: watchers.reduce((sum, { resumed }) => sum + resumed, 0),
      undecidedKeys,
    };
  }

  async go(faultsEndMs: number): Promise<void> {
    const { world, cluster, trace, seed, routers } = this.#parts;
    const { first, clients, watchers } = this.#participants;
    const { safety } = cluster;
    const failed = (error: unknown): void => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      safety.report(`the simulation itself fails: ${text}`);
    };
    cluster.form().catch(failed);
    routers?.start();
    const working = clients.flatMap((client, at) =>
      Array.from({ length: isSingle(client) ? 1 : THREADS }, (_, thread) =>
        this.#work(client, `${at} ${thread}`).catch(failed),
      ),
    );
    for (const watcher of watchers) watcher.run(() => this.#isOver).catch(failed);
    this.#sdk?.start(() => this.#isQuiet, failed);
    const isOver = (): boolean => this.#isQuiet || world.nowMs > faultsEndMs;
    const context = { world, cluster, trace, counts: this.counts, isOver };
    makeTrouble({ ...context, dice: createDice(seed, "faults") }).catch(failed);
    if (routers !== undefined)
      makeRouterTrouble({ ...context, routers, dice: createDice(seed, "router faults") }).catch(failed);
    const isBad = (): boolean => safety.violations.length > 0;
    await world.run({ ms: faultsEndMs, isOver: isBad });
    if (isBad()) return;
    this.#isQuiet = true;
    trace.note("faults", "are over");
    let isDone = false;
    recover({
      ...this.#parts,
      ...this.#participants,
      sdk: this.#sdk,
      client: first,
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
    routers?.end();
  }

  /** Lets go of what would keep the run in memory. */
  end(): void {
    this.#sdk?.end();
    this.#parts.routers?.listeners.end();
  }

  /** The store is restored at last; whoever goes on with what it had before must not be deceived. */
  async #restore(failed: (error: unknown) => void): Promise<void> {
    const { world, cluster, trace, seed, routers } = this.#parts;
    const { safety } = cluster;
    let isDone = false;
    const gateways = routers?.entries ?? [];
    restorePhase({ world, cluster, trace, gateways, dice: createDice(seed, "restore") })
      .catch(failed)
      .finally(() => {
        isDone = true;
      });
    await world.run({ ms: world.nowMs + RESTORE_MS, isOver: () => isDone || safety.violations.length > 0 });
    if (!isDone && safety.violations.length === 0)
      safety.report(`${RESTORE_MS} ms after a restore the cluster is not well: ${describe(cluster)}`);
  }

  async #work(client: Participants["clients"][number], thread: string): Promise<void> {
    const { world, seed } = this.#parts;
    const dice = createDice(seed, `work ${thread}`);
    const workload = new Workload(client, thread, dice);
    await world.sleep(dice.between(500, 1500));
    if (client === this.#participants.first) await workload.fill();
    while (!this.#isQuiet || this.#operations < LEAST_OPERATIONS) {
      this.#operations++;
      await workload.step();
      await world.sleep(dice.around(THINK_MS));
    }
  }
}

/** Whether a client does one thing after the other: the replicas themselves take what it has no session for. */
function isSingle(client: Participants["clients"][number]): boolean {
  return client instanceof SimulatedClient && !client.parts.hasSession;
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
