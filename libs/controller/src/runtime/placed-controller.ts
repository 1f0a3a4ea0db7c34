import type { AnyController } from "../define.ts";
import { ControllerRunner, type RunnerDeps } from "./controller-runner.ts";
import type { Tenure } from "./placement.ts";

/** How long a reconcile may take to end when its controller stops. */
const STOP_GRACE_MS = 5_000;

/** One controller and what runs of it here: nothing, or one run for each tenure, never two at a time. */
export class PlacedController {
  readonly definition: AnyController;
  readonly #deps: Omit<RunnerDeps, "client">;
  #runner: ControllerRunner | undefined;

  constructor(definition: AnyController, deps: Omit<RunnerDeps, "client">) {
    this.definition = definition;
    this.#deps = deps;
  }

  begin({ client, since }: Tenure): void {
    const runner = new ControllerRunner(this.definition, { ...this.#deps, client });
    this.#runner = runner;
    runner
      .start(since)
      .catch((error: unknown) =>
        this.#deps.log.error({ controller: this.definition.name, err: error }, "a controller did not start"),
      );
  }

  /** Cuts off what is under way, and gives it time to notice. */
  async end(): Promise<void> {
    const runner = this.#runner;
    this.#runner = undefined;
    await runner?.stop(STOP_GRACE_MS, { cutOff: "at once" });
  }

  /** Gives what is under way time to come to its end, and cuts it off then. */
  async stop(): Promise<void> {
    await this.#runner?.stop(STOP_GRACE_MS, { cutOff: "after the grace" });
  }

  status() {
    return this.#runner?.status() ?? standingBy(this.definition.name);
  }
}

/** The status of what runs elsewhere, if anywhere. */
function standingBy(name: string) {
  return {
    name,
    state: "standby" as const,
    queued: 0,
    running: 0,
    retrying: 0,
    mapping: 0,
    reconciles: 0,
    failures: 0,
    lastError: undefined,
    longestRunMs: 0,
    idle: true,
  };
}
