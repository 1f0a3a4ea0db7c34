import { ensureIdentity, type NodeEvent, RaftNodeError, type RaftNodeConfig } from "@trellis/raft-node";
import { type Replica, startReplica } from "@trellis/storage-raft";
import { WalError } from "@trellis/wal";

import { observedMachine } from "../checks/observed-machine.ts";
import type { Safety } from "../checks/safety.ts";
import { dataDirectory } from "../disk/process-disk.ts";
import { SimulatedVolume } from "../disk/simulated-volume.ts";
import type { PeerSwitch } from "../network/peer-switch.ts";
import { createDice, type Dice } from "../world/dice.ts";
import { MachineClock } from "../world/machine-clock.ts";
import { SimulatedProcess } from "../world/simulated-process.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";

/** A replica that has started, in its process. */
export interface StartedReplica {
  readonly machine: Machine;
  readonly replica: Replica;
  readonly process: SimulatedProcess;
  readonly clusterId: string;
}

/** What machines share. */
export interface MachineParts {
  readonly seed: number;
  readonly world: World;
  readonly peers: PeerSwitch;
  readonly safety: Safety;
  readonly trace: Trace;
  readonly config: RaftNodeConfig;
  /** Told what happens to the replica on a machine. */
  readonly onEvent: (machine: Machine, event: NodeEvent) => void;
  /** Told of every replica that has started. */
  readonly onStart: (started: StartedReplica) => void;
  /** Told when a replica had to stop, or could not start. */
  readonly onFailure: (machine: Machine) => void;
}

/** The wall clock of all machines begins around here: in 2026. */
const WALL_MS = 1_780_000_000_000;
/** How long a machine takes to start its replica at least. */
const START_MS = 50;

/** One machine: its disk and its clock, and the process that runs on it, if one does. */
export class Machine {
  readonly name: string;
  readonly clock: MachineClock;
  readonly #parts: MachineParts;
  readonly #dice: Dice;
  volume: SimulatedVolume;
  /** The member that it is, or was last; undefined until it has an identity. */
  id: number | undefined;
  replica: Replica | undefined;
  process: SimulatedProcess | undefined;
  /** True while its failures are expected: its disk was told to fail. */
  mayFail = false;
  #incarnation = 0;

  constructor(name: string, parts: MachineParts) {
    this.name = name;
    this.#parts = parts;
    this.#dice = createDice(parts.seed, `machine ${name}`);
    this.clock = new MachineClock(parts.world, {
      rate: this.#dice.between(0.99, 1.01),
      bootMs: this.#dice.between(1e3, 1e6),
      wallMs: WALL_MS + this.#dice.between(-1e4, 1e4),
    });
    this.volume = this.#newVolume();
  }

  get service(): Replica | undefined {
    return this.replica;
  }

  get isUp(): boolean {
    return this.process?.isAlive === true;
  }

  /** How often it was started: tells its processes apart. */
  get incarnation(): number {
    return this.#incarnation;
  }

  #newVolume(): SimulatedVolume {
    return new SimulatedVolume(
      this.#parts.world,
      createDice(this.#dice.below(2 ** 32), `volume ${this.name}`),
    );
  }

  /** Begins a process. Whatever is to be done in it is done by `work`. */
  launch(work: (process: SimulatedProcess) => Promise<void>): void {
    if (this.isUp) throw new Error(`${this.name} runs already`);
    this.#incarnation++;
    const process = new SimulatedProcess({
      name: `${this.name}#${this.#incarnation}`,
      world: this.#parts.world,
      clock: this.clock,
      dice: createDice(this.#dice.below(2 ** 32), "process"),
    });
    this.process = process;
    process.input(START_MS, () => {
      work(process).catch((error: unknown) => this.#failed(process, error));
    });
  }

  /** Gives the directory an identity. */
  async identify(process: SimulatedProcess): Promise<number> {
    const data = dataDirectory(this.volume, process);
    this.id = (await ensureIdentity(data, this.#dice.next)).nodeId;
    return this.id;
  }

  /** Starts the replica on what the disk holds. */
  async run(process: SimulatedProcess, clusterId: string): Promise<void> {
    const { peers, config, onEvent, onStart, safety, trace } = this.#parts;
    const data = dataDirectory(this.volume, process);
    const { nodeId } = await ensureIdentity(data, this.#dice.next);
    this.id = nodeId;
    const replica = await startReplica(
      {
        clock: process,
        random: createDice(this.#dice.below(2 ** 32), "node").next,
        nextTurn: (callback) => process.nextTurn(callback),
        data,
        network: peers.connect({ id: nodeId, host: this.name, clusterId, process }),
        onEvent: (event) => {
          trace.note(this.name, describe(event));
          onEvent(this, event);
        },
        observe: (machine) => observedMachine(machine, nodeId, safety),
      },
      config,
    );
    this.replica = replica;
    trace.note(this.name, `is up as member ${nodeId}`);
    onStart({ machine: this, replica, process, clusterId });
    void replica.node.stopped.then((error) => {
      if (!process.isAlive) return;
      if (error !== undefined) this.#failed(process, error);
      else this.#ended(process, "stopped");
    });
  }

  /** The power goes, or just the process. */
  crash(kind: "power" | "process"): void {
    if (this.process === undefined || !this.process.isAlive) return;
    this.#ended(this.process, kind === "power" ? "loses power" : "is killed");
    if (kind === "power") this.volume.losePower();
  }

  /** Stops in good order. */
  async stop(): Promise<void> {
    const { process, replica } = this;
    if (process === undefined || replica === undefined || !process.isAlive) return;
    await new Promise<void>((resolve) => {
      process.onExit(resolve);
      process.input(0, () => {
        replica.stop().then(
          () => this.#ended(process, "stopped"),
          (error: unknown) => this.#failed(process, error),
        );
      });
    });
  }

  /** Another disk takes the place of this one: the member that it was is gone. */
  wipe(): void {
    if (this.isUp) throw new Error(`${this.name} runs; stop it first`);
    this.volume = this.#newVolume();
    this.id = undefined;
  }

  #ended(process: SimulatedProcess, how: string): void {
    if (!process.isAlive) return;
    this.#parts.trace.note(this.name, how);
    process.kill();
    this.replica = undefined;
  }

  #failed(process: SimulatedProcess, error: unknown): void {
    if (!process.isAlive) return;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#ended(process, `fails: ${text}`);
    if (!this.mayFail || !isAnswerToFailingDisk(error)) {
      const trace = error instanceof Error ? `\n${error.stack}\n${causeOf(error)}` : "";
      this.#parts.safety.report(`${this.name} fails although nothing made it: ${text}${trace}`);
    }
    // What the system holds in memory is not to be trusted after a failure: the machine is started anew.
    this.volume.losePower();
    this.#parts.onFailure(this);
  }
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `because of ${error.cause.stack}` : "";
}

const WAL_CODES: ReadonlySet<string> = new Set(["io", "no-space", "stopped", "outcome-unknown"]);

/** A disk that fails stops a node, or keeps it from starting; it does not make it find damage. */
function isAnswerToFailingDisk(error: unknown): boolean {
  if (RaftNodeError.is(error)) return error.code === "stopped" && isAnswerToFailingDisk(error.cause);
  if (WalError.is(error)) return WAL_CODES.has(error.code);
  const code = (error as { code?: unknown } | null)?.code;
  return code === "EIO" || code === "ENOSPC";
}

function describe(event: NodeEvent): string {
  const { kind, ...rest } = event;
  return `${kind} ${JSON.stringify(rest)}`;
}
