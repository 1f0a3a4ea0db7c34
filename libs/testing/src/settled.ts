import type { ControllerRuntime, ControllerStatus } from "@trellis/controller/runtime";
import { type Backend, WILDCARD } from "@trellis/storage";

/** Turns of the event loop that controllers may take to come to rest. */
const MAX_TURNS = 20_000;
/** Turns after which controllers that wait for nothing but time are told apart from busy ones, where time stands still. */
const MAX_TURNS_WITHOUT_TIME = 200;
/** Consecutive looks that must find everything at rest: a change on its way shows in between. */
const CALM_LOOKS = 3;

/** What is to come to rest. */
export interface SettledOptions {
  readonly runtime: ControllerRuntime;
  readonly backend: Backend;
  /** Time moves only when the test says so: what waits for it will not come by itself. */
  readonly timeStandsStill: boolean;
}

/** Resolves once every cache shows what is stored, and no controller has anything to do. Throws when that takes too long, saying who is busy. */
export async function untilSettled({ runtime, backend, timeStandsStill }: SettledOptions): Promise<void> {
  let calm = 0;
  let version: number | undefined;
  let turnsWithoutTime = 0;
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const present = backend.position().version;
    const unmoved = version === present;
    version = present;
    calm = unmoved && runtime.status().idle && (await cachesAreCurrent(runtime, backend)) ? calm + 1 : 0;
    if (calm === CALM_LOOKS) return;
    turnsWithoutTime = timeStandsStill && unmoved && waitsForTime(runtime) ? turnsWithoutTime + 1 : 0;
    if (turnsWithoutTime > MAX_TURNS_WITHOUT_TIME) {
      throw new Error(`the controllers wait for time to pass; advance the clock: ${busyOnes(runtime)}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`the controllers did not settle: ${busyOnes(runtime)}`);
}

function waitsForTime(runtime: ControllerRuntime): boolean {
  const { idle, controllers } = runtime.status();
  return !idle && controllers.every(({ queued }) => queued === 0);
}

function busyOnes(runtime: ControllerRuntime): string {
  const { controllers, waitingFor } = runtime.status();
  const words = ({ name, state, queued, running, retrying, mapping, lastError }: ControllerStatus): string =>
    `${name} (${state}: ${queued} queued, ${running} running, ${retrying} to be retried, ${mapping} to be mapped` +
    `${lastError === undefined ? "" : `; last error: ${lastError}`})`;
  const types = waitingFor.map(({ type }) => type);
  const waiting = types.length === 0 ? "" : `; no cache yet of ${types.join(", ")}`;
  return `${controllers
    .filter(({ idle }) => !idle)
    .map(words)
    .join(", ")}${waiting}`;
}

/** Whether each cache has what is stored, and nothing that is not. */
async function cachesAreCurrent(runtime: ControllerRuntime, backend: Backend): Promise<boolean> {
  for (const cache of runtime.caches.values()) {
    const { group, kind, groupVersion } = cache.type;
    const { records } = await backend.list({ group, kind, partition: WILDCARD, namespace: WILDCARD });
    const stored = new Map(
      records.map((record) => [
        `${record.key.partition}\0${record.key.namespace}\0${record.key.name}`,
        record,
      ]),
    );
    const shows = (key: string): boolean =>
      cache.get(key)?.version === String(stored.get(key)?.version ?? "none");
    // A cache may also show what is stored in another version of the group, when there is a way from that to its own.
    for (const [key, record] of stored) if (record.groupVersion === groupVersion && !shows(key)) return false;
    if (!cache.keys().every(shows)) return false;
  }
  return true;
}
