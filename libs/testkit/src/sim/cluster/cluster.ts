import type { Message } from "@trellis/raft";
import { createFormation, formCluster, joinCluster, type Member, type NodeEvent } from "@trellis/raft-node";
import { firstChunks } from "@trellis/storage-raft";

import { Safety } from "../checks/safety.ts";
import { StallChecks } from "../checks/stalls.ts";
import { dataDirectory } from "../disk/process-disk.ts";
import { Links } from "../network/links.ts";
import { PeerSwitch } from "../network/peer-switch.ts";
import { createDice, type Dice } from "../world/dice.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";
import { Machine, type StartedReplica } from "./machine.ts";

/** What happened how often: a run in which nothing happened proves nothing. */
export interface Coverage {
  elections: number;
  snapshotsWritten: number;
  snapshotsInstalled: number;
  snapshotsBroken: number;
  tornTails: number;
  membershipChanges: number;
  transfers: number;
  stepDowns: number;
  outOfSpace: number;
  restores: number;
  /** Leaders that stood still for an election timeout: their event loop, or their disk. */
  leadersStalled: number;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly world: World;
  readonly trace: Trace;
  /** Members at first. */
  readonly members: number;
  /** Machines that may become members. */
  readonly spares: number;
  /** Told of every replica that has started, in its process. */
  readonly onStart: (started: StartedReplica) => void;
}

/**
 * From this seed on, members keep so little of their logs in memory that they read from disk what others lack. What happens in the seeds before it, mutants name, and so it stays as it
 * is.
 */
const FIRST_SEED_OF_SMALL_LOGS = 60;
const SMALL_LOG = { logMemoryBytes: 3_000 };

/** So small that everything that takes long in real life happens within a minute. */
const NODE_CONFIG = {
  snapshotEntries: 200,
  snapshotBytes: 256 * 1024,
  trailingEntries: 40,
  trailingBytes: 64 * 1024,
  promotionLag: 100,
  outcomeWaitMs: 700,
  readWaitMs: 2_000,
  entryBytes: 48 * 1024,
  pendingBytes: 256 * 1024,
  wal: {
    segmentBytes: 96 * 1024,
    segmentsAhead: 1,
    spareSegments: 1,
    appendBytes: 64 * 1024,
    batchBytes: 64 * 1024,
    hardStateBytes: 256,
    spaceRetryMs: 200,
  },
};

/** How long it takes at most until somebody starts a machine again that failed. */
const REPAIR_MS = 3_000;

/** Machines, their network, and the cluster that their replicas form. */
export class Cluster {
  readonly safety = new Safety();
  readonly stalls = new StallChecks((violation) => this.safety.report(violation));
  readonly links: Links;
  readonly peers: PeerSwitch;
  readonly machines: readonly Machine[];
  readonly coverage: Coverage = {
    elections: 0,
    snapshotsWritten: 0,
    snapshotsInstalled: 0,
    snapshotsBroken: 0,
    tornTails: 0,
    membershipChanges: 0,
    transfers: 0,
    stepDowns: 0,
    outOfSpace: 0,
    restores: 0,
    leadersStalled: 0,
  };
  /** Told of every message as it is sent. */
  onSent: ((message: Message) => void) | undefined;
  readonly #options: ClusterOptions;
  readonly #dice: Dice;
  #clusterId: string | undefined;
  #isRestored = false;

  constructor(options: ClusterOptions) {
    const { seed, world, trace, members, spares } = options;
    this.#options = options;
    this.#dice = createDice(seed, "cluster");
    this.links = new Links(world, createDice(seed, "links"));
    const dice = createDice(seed, "peers");
    this.peers = new PeerSwitch(
      this.links,
      (_, message) => {
        this.safety.sent(message);
        this.stalls.sent(message, world.nowMs);
        this.onSent?.(message);
        if (trace.isOn) trace.note(String(message.from), `sends ${message.type} to ${message.to}`);
      },
      (probability) => dice.chance(probability),
    );
    const parts = {
      seed,
      world,
      peers: this.peers,
      safety: this.safety,
      trace,
      config: seed < FIRST_SEED_OF_SMALL_LOGS ? NODE_CONFIG : { ...NODE_CONFIG, ...SMALL_LOG },
      onEvent: (machine: Machine, event: NodeEvent) => this.#noted(machine, event),
      onStart: options.onStart,
      onFailure: (machine: Machine) => this.startAgain(machine, this.#dice.between(50, REPAIR_MS)),
    };
    this.machines = Array.from({ length: members + spares }, (_, at) => new Machine(`n${at + 1}`, parts));
  }

  get clusterId(): string {
    if (this.#clusterId === undefined) throw new Error("the cluster is not formed yet");
    return this.#clusterId;
  }

  /** Whether it was given up, and another took its place. */
  get isRestored(): boolean {
    return this.#isRestored;
  }

  /** Another cluster takes the place of this one: from now on machines start as its members. */
  beginAnew(clusterId: string): void {
    this.#clusterId = clusterId;
    this.#isRestored = true;
    this.safety.beginAnew();
  }

  /** The machine whose replica leads, as it believes; that of the highest term when there are several. */
  get leader(): Machine | undefined {
    let found: { readonly machine: Machine; readonly term: number } | undefined;
    for (const machine of this.machines) {
      const status = machine.isUp ? machine.replica?.node.status() : undefined;
      if (status?.role === "leader" && status.term > (found?.term ?? 0))
        found = { machine, term: status.term };
    }
    return found?.machine;
  }

  machineOf(id: number): Machine | undefined {
    return this.machines.find((machine) => machine.id === id);
  }

  /** Forms the cluster of the first machines and starts it. */
  async form(): Promise<void> {
    const { members } = this.#options;
    const dice = this.#dice;
    const founders = this.machines.slice(0, members);
    const listed: Member[] = [];
    await Promise.all(
      founders.map(
        (machine) =>
          new Promise<void>((resolve) => {
            machine.launch(async (process) => {
              listed.push(memberOf(machine, await machine.identify(process)));
              resolve();
            });
          }),
      ),
    );
    const formation = createFormation(listed, 1, dice.next);
    this.#clusterId = formation.clusterId;
    for (const machine of founders) {
      const { process } = machine;
      process?.input(0, () => {
        const data = dataDirectory(machine.volume, process);
        formCluster(data, formation, firstChunks, dice.next)
          .then(() => machine.run(process, formation.clusterId))
          .catch((error: unknown) => this.safety.report(`${machine.name} cannot form: ${String(error)}`));
      });
    }
  }

  /** Starts a machine that is a member, or was. */
  start(machine: Machine): void {
    if (!machine.isUp) machine.launch((process) => machine.run(process, this.clusterId));
  }

  /** Starts a machine after a while, unless it is another member by then, or none. */
  startAgain(machine: Machine, delayMs: number): void {
    const { id } = machine;
    this.#options.world.in(delayMs, () => {
      if (machine.id === id && id !== undefined && id > 0) this.start(machine);
    });
  }

  /** Starts a machine with an empty directory, to be added as a member. Resolves with who it is, or never when it dies first. */
  join(machine: Machine): Promise<Member> {
    return new Promise((resolve) => {
      machine.launch(async (process) => {
        const id = await machine.identify(process);
        await joinCluster(dataDirectory(machine.volume, process), this.clusterId, this.#dice.next);
        await machine.run(process, this.clusterId);
        resolve(memberOf(machine, id));
      });
    });
  }

  #noted(machine: Machine, event: NodeEvent): void {
    const { coverage, safety } = this;
    switch (event.kind) {
      case "leader-changed":
        if (event.leader !== machine.id || event.leader === undefined) break;
        coverage.elections++;
        safety.elected(
          event.leader,
          event.term,
          machine.replica?.node.status().lastIndex ?? Number.POSITIVE_INFINITY,
        );
        break;
      case "stepped-down":
        coverage.stepDowns++;
        break;
      case "snapshot-written":
        coverage.snapshotsWritten++;
        break;
      case "snapshot-installed":
        coverage.snapshotsInstalled++;
        break;
      case "snapshot-not-sent":
        coverage.snapshotsBroken++;
        break;
      case "torn-tail":
        coverage.tornTails++;
        break;
      case "space":
        if (!event.hasSpace) coverage.outOfSpace++;
        break;
      default:
    }
  }
}

/** How a machine's replica is listed. */
export function memberOf(machine: Machine, id: number): Member {
  return { id, name: `${machine.name}-${id}`, address: `${machine.name}:7511` };
}
