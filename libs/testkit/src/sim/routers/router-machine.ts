import { createDice, type Dice } from "../world/dice.ts";
import { MachineClock } from "../world/machine-clock.ts";
import { SimulatedProcess } from "../world/simulated-process.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";

/** What runs in a router's process. */
export interface RunningRouter<Service> {
  /** What callers get; undefined for one that is reached by its listener only. */
  readonly service: Service | undefined;
  /** Ends it in good order. */
  stop(): Promise<void>;
}

export interface RouterMachineParts<Service> {
  readonly seed: number;
  readonly world: World;
  readonly trace: Trace;
  /** Sets up what runs in a process. */
  readonly run: (process: SimulatedProcess, dice: Dice) => RunningRouter<Service>;
}

/** How long a router takes to start. */
const START_MS = 50;
const WALL_MS = 1_780_000_000_000;

/** A machine without a disk, and the router that runs on it at times: it knows nothing of the one before. */
export class RouterMachine<Service = unknown> {
  readonly name: string;
  readonly #parts: RouterMachineParts<Service>;
  readonly #dice: Dice;
  readonly #clock: MachineClock;
  process: SimulatedProcess | undefined;
  #running: RunningRouter<Service> | undefined;
  #incarnation = 0;

  constructor(name: string, parts: RouterMachineParts<Service>) {
    this.name = name;
    this.#parts = parts;
    this.#dice = createDice(parts.seed, `router ${name}`);
    this.#clock = new MachineClock(parts.world, {
      rate: this.#dice.between(0.99, 1.01),
      bootMs: this.#dice.between(1e3, 1e6),
      wallMs: WALL_MS + this.#dice.between(-1e4, 1e4),
    });
  }

  get isUp(): boolean {
    return this.process?.isAlive === true;
  }

  get service(): Service | undefined {
    return this.#running?.service;
  }

  /** Starts it, unless it runs. */
  start(): void {
    if (this.isUp) return;
    const process = new SimulatedProcess({
      name: `${this.name}#${++this.#incarnation}`,
      world: this.#parts.world,
      clock: this.#clock,
      dice: createDice(this.#dice.below(2 ** 32), "process"),
    });
    this.process = process;
    process.input(START_MS, () => {
      this.#running = this.#parts.run(process, createDice(this.#dice.below(2 ** 32), "router"));
      this.#parts.trace.note(this.name, "is up");
    });
  }

  /** Its process is killed. */
  crash(): void {
    if (this.isUp) this.#ended("is killed");
  }

  /** Stops in good order. */
  async stop(): Promise<void> {
    const { process } = this;
    const running = this.#running;
    if (process?.isAlive !== true || running === undefined) return;
    await new Promise<void>((resolve) => {
      process.onExit(resolve);
      process.input(0, () => void running.stop().then(() => process.isAlive && this.#ended("stopped")));
    });
  }

  #ended(how: string): void {
    this.#parts.trace.note(this.name, how);
    this.#running = undefined;
    this.process?.kill();
  }
}
