import type { Clock } from "@trellis/resource";

import { type HeldCall, heldRoutes } from "./held-routes.ts";
import type { ServerLog } from "./log.ts";
import type { Part } from "./part.ts";

/** How long a start that failed waits before it is tried again. */
const AGAIN_MS = 1_000;
/** How long a call is held that has no deadline; it is then answered with what it lacks. */
const HOLD_MS = 30_000;

/** What a patient part works with. */
export interface PatientPartDeps {
  readonly clock: Clock;
  readonly log: ServerLog;
  /** What the storage waits for; undefined while it is reached. */
  readonly waitsFor: () => string | undefined;
  /** What its start does once the storage is reached, in words. */
  readonly begins: string;
}

/**
 * A part whose storage need not be there when the process starts. Its start goes on behind; until it is through, calls are held up to their deadline, and
 * health says what is waited for.
 */
export function patientPart(part: Part, { clock, log, waitsFor, begins }: PatientPartDeps): Part {
  /** Ends the wait of each call that is held. */
  const held = new Set<() => void>();
  const endAll = (): void => {
    for (const end of held) end();
  };
  let isStarted = false;
  let isStopped = false;
  let cancel = (): void => undefined;
  const open = (): void => {
    isStarted = true;
    endAll();
  };
  const start = async (): Promise<void> => {
    try {
      await part.start();
      if (isStopped) return;
      open();
      log.info({}, "ready");
    } catch (error) {
      if (isStopped) return;
      log.warn({ err: error, waitsFor: waitsFor() }, "not ready yet");
      cancel = clock.after(AGAIN_MS, () => void start());
    }
  };
  const untilStarted = async ({ signal, withinMs = HOLD_MS }: HeldCall): Promise<number> => {
    if (signal.aborted) return 0;
    const sinceMs = clock.monotonic();
    const over = Promise.withResolvers<void>();
    const end = (): void => over.resolve();
    const cancelHold = clock.after(Math.min(HOLD_MS, withinMs), end);
    signal.addEventListener("abort", end, { once: true });
    held.add(end);
    await over.promise;
    held.delete(end);
    signal.removeEventListener("abort", end);
    cancelHold();
    return clock.monotonic() - sinceMs;
  };
  return {
    name: part.name,
    routes: heldRoutes(part.routes, (call) => (isStarted ? undefined : untilStarted(call))),
    async start() {
      const reason = waitsFor();
      if (reason !== undefined) log.info({ waitsFor: reason }, "waiting for the storage");
      void start();
    },
    async stop() {
      isStopped = true;
      cancel();
      endAll();
      await part.stop();
    },
    notReady() {
      const reason = waitsFor();
      if (reason !== undefined) return `the storage waits for ${reason}`;
      return isStarted ? part.notReady?.() : begins;
    },
    remark: () => part.remark?.(),
  };
}
