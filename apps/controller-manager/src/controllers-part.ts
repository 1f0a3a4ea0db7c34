import type { ControllerRuntime } from "@trellis/controller/runtime";
import type { Clock } from "@trellis/resource";
import type { Part, ServerLog } from "@trellis/server";

/** How often is looked whether the controllers' caches are there. */
const CHECK_INTERVAL_MS = 250;
/** How often a wait is told in the log. */
const REMIND_INTERVAL_MS = 10_000;

/** What the part is made of. */
export interface ControllersPartOptions {
  /** Tells the parts of a process apart. */
  readonly name: string;
  readonly runtime: ControllerRuntime;
  /** The server's URL, for people. */
  readonly server: string;
  readonly clock: Clock;
  readonly log: ServerLog;
}

/** Controllers as a part of a process: ready once they have seen what the server holds. Says what it waits for. */
export function createControllersPart({ name, runtime, server, clock, log }: ControllersPartOptions): Part {
  let cancel = (): void => undefined;
  let toldAt: number | undefined;

  function notReady(): string | undefined {
    const [first, ...others] = runtime.status().waitingFor;
    if (first === undefined) return undefined;
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    const { message } = (first.error ?? {}) as { readonly message?: string };
    return `waiting for ${first.type}${more} from ${server}${message === undefined ? "" : `: ${message}`}`;
  }
  function check(): void {
    const waiting = notReady();
    if (waiting === undefined) {
      log.info({ server }, `${name} are running`);
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
    async start() {
      runtime.start();
      cancel = clock.after(CHECK_INTERVAL_MS, check);
    },
    async stop() {
      cancel();
      await runtime.stop();
    },
  };
}
