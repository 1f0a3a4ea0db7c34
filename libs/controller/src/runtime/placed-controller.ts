import type { AnyController } from "../define.ts";
import { ControllerRunner, type RunnerDeps } from "./controller-runner.ts";
import { namedLog } from "./named-log.ts";
import type { Tenure, TenureEnd } from "./placement.ts";
import { Supervisor } from "./supervisor.ts";
import { ReconcileTally } from "./tally.ts";

/** What placed controllers run on, whatever their tenure. */
export type PlacedDeps = Omit<RunnerDeps, "client" | "tally" | "since" | "shard" | "mayFinish">;

/** A tenure that is under way, and what runs of it. */
interface Placing {
  readonly supervisor: Supervisor;
  runner: ControllerRunner | undefined;
  mayFinish: boolean;
}

/** One controller and what runs of it here: nothing, or one run for each tenure, started again when it fails, never two at a time. */
export class PlacedController {
  readonly definition: AnyController;
  readonly #deps: PlacedDeps;
  readonly #tally: ReconcileTally;
  readonly #tenures = new Map<Tenure, Placing>();

  constructor(definition: AnyController, deps: PlacedDeps) {
    this.definition = definition;
    this.#deps = { ...deps, log: namedLog(deps.log, { controller: definition.name }) };
    this.#tally = new ReconcileTally(deps.clock);
  }

  begin(tenure: Tenure): void {
    const { clock, random, log } = this.#deps;
    const supervisor = new Supervisor({
      clock,
      random,
      run: async (signal) => {
        const { client, since, shard } = tenure;
        const mayFinish = (): boolean => placing.mayFinish;
        const deps = { ...this.#deps, client, since, shard, tally: this.#tally, mayFinish };
        placing.runner = new ControllerRunner(this.definition, deps, signal);
        await placing.runner.run();
      },
      onEnd: ({ error, waitMs }) => {
        placing.runner = undefined;
        this.#tally.failed(error);
        log.error({ err: error, waitMs }, "a controller did not start; it is started again");
      },
    });
    const placing: Placing = { supervisor, runner: undefined, mayFinish: true };
    this.#tenures.set(tenure, placing);
    supervisor.start();
  }

  /** A tenure is over: what is under way may come to its end first, or is cut off and given time to notice. */
  async end(tenure: Tenure, how: TenureEnd): Promise<void> {
    const placing = this.#tenures.get(tenure);
    if (placing === undefined) return;
    placing.mayFinish = how === "in good order";
    await placing.supervisor.stop();
    this.#tenures.delete(tenure);
  }

  /** Gives what is under way time to come to its end, and cuts it off then. */
  async stop(): Promise<void> {
    await Promise.all([...this.#tenures.values()].map(({ supervisor }) => supervisor.stop()));
  }

  status() {
    const { name } = this.definition;
    const placings = [...this.#tenures.values()];
    const parts = placings.map(({ runner }) => runner?.status());
    const sum = (of: (part: NonNullable<(typeof parts)[number]>) => number): number =>
      parts.reduce((total, part) => total + (part === undefined ? 0 : of(part)), 0);
    return {
      name,
      state: stateOf(placings),
      queued: sum(({ queued }) => queued),
      /** Names that must rest before they run again. */
      resting: sum(({ resting }) => resting),
      running: sum(({ running }) => running),
      retrying: sum(({ retrying }) => retrying),
      mapping: sum(({ mapping }) => mapping),
      /** Runs that did not end within their time, and still have not. */
      hung: sum(({ hung }) => hung),
      /** Names that run again and again, and are slowed down. */
      hot: parts.flatMap((part) => part?.hot ?? []),
      ...this.#tally.figures(),
      idle: parts.every((part) => part?.idle === true),
    };
  }
}

/** `failed`: it could not start, and is started again after a wait. */
export type PlacedState = "standby" | "waiting" | "running" | "failed" | "stopped";

/** The state of all parts: as good as the worst of them. */
function stateOf(placings: readonly Placing[]): PlacedState {
  if (placings.length === 0) return "standby";
  const states = placings.map(({ supervisor, runner }) =>
    supervisor.state === "waiting" ? "failed" : (runner?.status().state ?? "stopped"),
  );
  return (["failed", "waiting", "stopped"] as const).find((state) => states.includes(state)) ?? "running";
}
