import type { Clock } from "@trellis/resource";

import type { ControllerLog } from "../controller.ts";
import type { ControllerRuntime } from "./controller-runtime.ts";

/** How often is looked whether the controllers' caches are there. */
const CHECK_INTERVAL_MS = 250;
/** How often a wait is told in the log. */
const REMIND_INTERVAL_MS = 10_000;

/** What the part is made of. */
export interface ControllersPartOptions {
  /** Tells the parts of a process apart. */
  readonly name: string;
  readonly runtime: ControllerRuntime;
  /** The server's URL, for people; absent for controllers within the server. */
  readonly server?: string | undefined;
  readonly clock: Clock;
  readonly log: ControllerLog;
}

/** A part of a process, in the shape that servers take. */
export interface ControllersPart {
  readonly name: string;
  readonly routes: Readonly<Record<string, never>>;
  /** Why it is not ready; undefined once its controllers have seen everything. */
  notReady(): string | undefined;
  /** Which controllers other processes run, and which do not start; undefined when none. */
  remark(): string | undefined;
  start(): Promise<void>;
  /**
   * Takes nothing new, waits for what is under way (5 seconds at most), and leaves the controllers to other processes. Not ready from then on. Asked again, it is the same end.
   */
  stop(): Promise<void>;
}

/** Controllers as a part of a process: ready once they have seen what the server holds. Says what it waits for, and what other processes run. */
export function createControllersPart({
  name,
  runtime,
  server,
  clock,
  log,
}: ControllersPartOptions): ControllersPart {
  const from = server === undefined ? "" : ` from ${server}`;
  let cancel = (): void => undefined;
  let toldAt: number | undefined;
  let stopping: Promise<void> | undefined;

  function notReady(): string | undefined {
    if (stopping !== undefined) return `${name} are stopping`;
    const [first, ...others] = runtime.status().waitingFor;
    if (first === undefined) return undefined;
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    const { message } = (first.error ?? {}) as { readonly message?: string };
    return `waiting for ${first.type}${more}${from}${message === undefined ? "" : `: ${message}`}`;
  }
  function standingBy(): string | undefined {
    const { elsewhere } = runtime.status();
    if (elsewhere.length === 0) return undefined;
    return `standing by: ${elsewhere.map(({ name: controller, holder }) => `${controller} runs at ${holder}`).join(", ")}`;
  }
  function notStarting(): string | undefined {
    const failed = runtime.status().controllers.filter(({ state }) => state === "failed");
    if (failed.length === 0) return undefined;
    return failed
      .map((one) => `${one.name} does not start: ${one.lastError ?? "it ended at once"}`)
      .join(", ");
  }
  function remark(): string | undefined {
    const remarks = [standingBy(), notStarting()].filter((words) => words !== undefined);
    return remarks.length === 0 ? undefined : remarks.join("; ");
  }
  function check(): void {
    const waiting = notReady();
    if (waiting === undefined) {
      const state = `${name} are ${standingBy() ?? "running"}`;
      const problem = notStarting();
      if (problem === undefined) log.info({ server }, state);
      else log.warn({ server }, `${state}, but ${problem}`);
      return;
    }
    if (toldAt === undefined || clock.monotonic() - toldAt >= REMIND_INTERVAL_MS) {
      toldAt = clock.monotonic();
      log.info({ server }, waiting);
    }
    cancel = clock.after(CHECK_INTERVAL_MS, check);
  }

  return {
    name,
    routes: {},
    notReady,
    remark,
    async start() {
      runtime.start();
      cancel = clock.after(CHECK_INTERVAL_MS, check);
    },
    stop() {
      cancel();
      stopping ??= runtime.stop();
      return stopping;
    },
  };
}
