import { fromBinary } from "@bufbuild/protobuf";
import type { ControllerRuntime, ControllerStatus } from "@trellis/controller/runtime";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { matchesSelector, parseSelector } from "@trellis/resource";
import { type Backend, type StoredRecord, WILDCARD } from "@trellis/storage";

/** Turns of the event loop that controllers may take to come to rest. */
const MAX_TURNS = 20_000;
/** Turns after which controllers that wait for nothing but time are told apart from busy ones, where time stands still. */
const MAX_TURNS_WITHOUT_TIME = 200;
/** How long is waited, in milliseconds, where only time can bring controllers on and it passes by itself: turns would be used up meanwhile. */
const REST_MS = 1;
/** Consecutive looks that must find everything at rest: a change on its way shows in between. */
const CALM_LOOKS = 3;

/** What is to come to rest. */
export interface SettledOptions {
  readonly runtimes: readonly ControllerRuntime[];
  readonly backend: Backend;
  /** Time moves only when the test says so: what waits for it will not come by itself. */
  readonly timeStandsStill: boolean;
}

/** Resolves once every cache shows what is stored, and no controller has anything to do. Throws when that takes too long, saying who is busy. */
export async function untilSettled({ runtimes, backend, timeStandsStill }: SettledOptions): Promise<void> {
  let calm = 0;
  let version: number | undefined;
  let turnsWithoutTime = 0;
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const present = backend.position().version;
    const unmoved = version === present;
    version = present;
    const idle = runtimes.every((runtime) => runtime.status().idle);
    calm = unmoved && idle && (await cachesAreCurrent(runtimes, backend)) ? calm + 1 : 0;
    if (calm === CALM_LOOKS) return;
    turnsWithoutTime = timeStandsStill && unmoved && waitForTime(runtimes) ? turnsWithoutTime + 1 : 0;
    if (turnsWithoutTime > MAX_TURNS_WITHOUT_TIME) {
      throw new Error(`the controllers wait for time to pass; advance the clock: ${busyOnes(runtimes)}`);
    }
    const rests = !timeStandsStill && waitForTime(runtimes);
    await new Promise((resolve) => (rests ? setTimeout(resolve, REST_MS) : setImmediate(resolve)));
  }
  throw new Error(`the controllers did not settle: ${busyOnes(runtimes)}`);
}

/** Whether some are not idle, and nothing is queued: only time can bring them on. */
function waitForTime(runtimes: readonly ControllerRuntime[]): boolean {
  const busy = runtimes.map((runtime) => runtime.status()).filter(({ idle }) => !idle);
  return busy.length > 0 && busy.every(({ controllers }) => controllers.every(({ queued }) => queued === 0));
}

function busyOnes(runtimes: readonly ControllerRuntime[]): string {
  const statuses = runtimes.map((runtime) => runtime.status());
  const controllers = statuses.flatMap((status) => status.controllers);
  const waitingFor = statuses.flatMap((status) => status.waitingFor);
  const words = ({
    name,
    state,
    queued,
    resting,
    running,
    retrying,
    mapping,
    hot,
    lastError,
  }: ControllerStatus): string =>
    `${name} (${state}: ${queued} queued, ${running} running, ${resting} to run when they have rested, ` +
    `${retrying} to be retried, ${mapping} to be mapped${loopWords(hot)}${lastError === undefined ? "" : `; last error: ${lastError}`})`;
  const types = waitingFor.map(({ type }) => type);
  const waiting = types.length === 0 ? "" : `; no cache yet of ${types.join(", ")}`;
  return `${controllers
    .filter(({ idle }) => !idle)
    .map(words)
    .join(", ")}${waiting}`;
}

/** The name that runs most often of those that loop: time helps none of them. */
function loopWords([first]: ControllerStatus["hot"]): string {
  if (first === undefined) return "";
  const { request, cause } = first;
  const why =
    cause === "own"
      ? "of its own writes: does it write something new each time?"
      : "something else changes: do two controllers undo each other's writes?";
  return `; ${request.name} runs again and again, because ${why}`;
}

/** Whether each cache has what is stored, as far as it is to have it, and nothing that is not. */
async function cachesAreCurrent(runtimes: readonly ControllerRuntime[], backend: Backend): Promise<boolean> {
  const caches = runtimes.flatMap((runtime) => [
    ...[...runtime.caches.values()].map((cache) => ({ cache, selector: "" })),
    ...runtime.selections,
  ]);
  for (const { cache, selector } of caches) {
    const { group, kind, groupVersion } = cache.type;
    const { records } = await backend.list({ group, kind, partition: WILDCARD, namespace: WILDCARD });
    const isSelected = selects(selector);
    const stored = new Map(
      records
        .filter(isSelected)
        .map((record) => [`${record.key.partition}\0${record.key.namespace}\0${record.key.name}`, record]),
    );
    const shows = (key: string): boolean =>
      cache.get(key)?.version === String(stored.get(key)?.version ?? "none");
    // A cache may also show what is stored in another version of the group, when there is a way from that to its own.
    for (const [key, record] of stored) if (record.groupVersion === groupVersion && !shows(key)) return false;
    if (!cache.keys().every(shows)) return false;
  }
  return true;
}

/** Whether a selector lets a record through; without one nothing needs to be read of it. */
function selects(selector: string): (record: StoredRecord) => boolean {
  if (selector === "") return () => true;
  const terms = parseSelector(selector);
  return ({ bytes }) => matchesSelector(terms, fromBinary(ResourceSchema, bytes).metadata);
}
