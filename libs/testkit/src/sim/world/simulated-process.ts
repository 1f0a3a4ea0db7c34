import type { NodeClock } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";

import type { Dice } from "./dice.ts";
import type { MachineClock } from "./machine-clock.ts";
import type { World } from "./world.ts";

/** In the order in which an iteration of the event loop has its turn at them. */
const PHASES = ["timer", "input", "turn"] as const;
export type Phase = (typeof PHASES)[number];

interface Task {
  readonly run: () => void;
  isCancelled: boolean;
}

/** The longest wait of a task for the next turn of an idle event loop, in milliseconds. */
const TURN_MS = 0.2;

/**
 * One process and its event loop. While that is stalled nothing of it runs, and what comes meanwhile waits: timers that are due go first after it, then
 * what came from sockets and disks, then what asked for the next turn. A process that was killed never runs again, whatever still waits for it.
 */
export class SimulatedProcess implements NodeClock, Clock {
  readonly name: string;
  readonly #world: World;
  readonly #clock: MachineClock;
  readonly #dice: Dice;
  readonly #waiting: Record<Phase, Task[]> = { timer: [], input: [], turn: [] };
  readonly #atExit = new Set<() => void>();
  #isAlive = true;
  #busyUntilMs = 0;
  #isWakePlanned = false;
  /** Virtual milliseconds that one look at the clock costs: how slow the machine is at the moment. */
  #lookMs = 0;

  constructor(parts: {
    readonly name: string;
    readonly world: World;
    readonly clock: MachineClock;
    readonly dice: Dice;
  }) {
    this.name = parts.name;
    this.#world = parts.world;
    this.#clock = parts.clock;
    this.#dice = parts.dice;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  monotonic(): number {
    const { nowMs } = this.#world;
    if (this.#lookMs > 0) this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs) + this.#lookMs;
    return this.#clock.monotonic(Math.max(0, this.#busyUntilMs - nowMs));
  }

  now(): number {
    return this.#clock.wall();
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#post("timer", this.#clock.toVirtual(delayMs), callback);
  }

  nextTurn(callback: () => void): void {
    this.#post("turn", this.#dice.next() * TURN_MS, callback);
  }

  /** Something comes in, from a socket or a disk, after so long. */
  input(delayMs: number, take: () => void): () => void {
    return this.#post("input", delayMs, take);
  }

  /** The event loop stands still for so long. */
  stall(durationMs: number): void {
    this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#world.nowMs + durationMs);
  }

  /** From now on every look at the clock takes so long: work in slices is cut short, and time passes in the middle of it. */
  slowDown(lookMs: number): void {
    this.#lookMs = lookMs;
  }

  /** Called when the process is killed; not in its name. The answer ends that. */
  onExit(call: () => void): () => void {
    this.#atExit.add(call);
    return () => this.#atExit.delete(call);
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const phase of PHASES) this.#waiting[phase] = [];
    for (const call of this.#atExit) call();
  }

  #post(phase: Phase, delayMs: number, run: () => void): () => void {
    const task: Task = { run, isCancelled: false };
    const cancel = this.#world.in(delayMs, () => this.#arrived(phase, task));
    return () => {
      task.isCancelled = true;
      cancel();
    };
  }

  #arrived(phase: Phase, task: Task): void {
    if (!this.#isAlive || task.isCancelled) return;
    if (this.#isWakePlanned || this.#world.nowMs < this.#busyUntilMs) {
      this.#waiting[phase].push(task);
      this.#planWake();
      return;
    }
    task.run();
  }

  #planWake(): void {
    if (this.#isWakePlanned) return;
    this.#isWakePlanned = true;
    this.#world.in(this.#busyUntilMs - this.#world.nowMs, () => this.#wake());
  }

  /** Runs the first of what waits; the rest waits until all that it sets off is done. */
  #wake(): void {
    this.#isWakePlanned = false;
    if (!this.#isAlive) return;
    if (this.#world.nowMs < this.#busyUntilMs) {
      this.#planWake();
      return;
    }
    for (const phase of PHASES) {
      const task = this.#waiting[phase].shift();
      if (task === undefined) continue;
      if (!task.isCancelled) task.run();
      break;
    }
    if (PHASES.some((phase) => this.#waiting[phase].length > 0)) this.#planWake();
  }
}
