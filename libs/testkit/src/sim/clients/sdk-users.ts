import { createClient } from "@trellis/client";

import type { Safety } from "../checks/safety.ts";
import { dialingTransport } from "../network/dial.ts";
import type { Routers } from "../routers/routers.ts";
import { createDice } from "../world/dice.ts";
import { MachineClock } from "../world/machine-clock.ts";
import { SimulatedProcess } from "../world/simulated-process.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";
import { SdkWatcher } from "./sdk-watcher.ts";
import { SdkWriter } from "./sdk-writer.ts";

export interface SdkUsersParts {
  readonly seed: number;
  readonly world: World;
  readonly trace: Trace;
  readonly safety: Safety;
  readonly routers: Routers;
}

const WALL_MS = 1_780_000_000_000;
/** Probability that a proxy on the way ends a connection at a message: in the middle of a commit, too. */
const BREAK_RATE = 0.02;
/** Between two things that a writer does, in virtual milliseconds. */
const THINK_MS = 400;

/** Users of the SDK, each in a process of its own that begins at another gateway: they watch, and one writes. */
export class SdkUsers {
  readonly watchers: readonly SdkWatcher[];
  readonly #parts: SdkUsersParts;
  readonly #writer: SdkWriter;
  readonly #ending = new AbortController();
  #isQuiet: () => boolean = () => false;

  constructor(parts: SdkUsersParts) {
    this.#parts = parts;
    const { seed, trace, safety, routers } = parts;
    const clients = routers.addresses.map((_, at) => this.#client(`s${at + 1}`, at));
    this.watchers = clients.map((client, at) => {
      const report = (finding: string): void => safety.report(finding);
      return new SdkWatcher({ name: `s${at + 1}`, client, trace, report });
    });
    this.#writer = new SdkWriter(this.#client("s0", 0), createDice(seed, "sdk writer"));
  }

  /** Begins to watch, until the end, and to write until it is over. `failed` is told what nobody expects. */
  start(isOver: () => boolean, failed: (error: unknown) => void): void {
    this.#isQuiet = isOver;
    for (const watcher of this.watchers) watcher.run().catch(failed);
    this.#write(isOver).catch(failed);
  }

  /** Ends all watches and calls: Node keeps a signal that follows others, and with it the whole run, for as long as nobody has aborted it. */
  end(): void {
    this.#ending.abort();
  }

  async #write(isOver: () => boolean): Promise<void> {
    const { world, seed } = this.#parts;
    const dice = createDice(seed, "sdk pauses");
    while (!isOver()) {
      await world.sleep(dice.around(THINK_MS));
      await this.#writer.step();
    }
  }

  #client(name: string, first: number) {
    const { seed, world, routers } = this.#parts;
    const dice = createDice(seed, name);
    const clock = new MachineClock(world, { rate: dice.between(0.99, 1.01), bootMs: 1e4, wallMs: WALL_MS });
    const process = new SimulatedProcess({ name, world, clock, dice: createDice(seed, `process ${name}`) });
    const addresses = [...routers.addresses.slice(first), ...routers.addresses.slice(0, first)];
    const breaks = createDice(seed, `breaks of ${name}`);
    const breaksOff = (): boolean => !this.#isQuiet() && breaks.chance(BREAK_RATE);
    const transport = dialingTransport(
      { ...routers.connections, breaksOff },
      { host: name, process },
      addresses,
    );
    return createClient({ transport, clock: process, random: dice.next, signal: this.#ending.signal });
  }
}
