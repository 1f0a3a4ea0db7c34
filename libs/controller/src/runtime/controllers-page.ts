import type { ControllerRuntime } from "./controller-runtime.ts";
import { resourceText } from "./events-page.ts";
import type { HotName } from "./hot-loops.ts";

/** Hot names that are listed of a controller; how many there are is told besides. */
const MAX_LISTED_NAMES = 20;

/** How one controller is doing, for people and for programs. */
export interface ControllerEntry {
  readonly name: string;
  /** `running`, `waiting` for its caches, `failed` to start and started again after a wait, `standby` while another process runs it, `stopped`. */
  readonly state: string;
  /** The type that it manages. */
  readonly type: string;
  readonly placement: unknown;
  /** Which process runs it instead of this one, if one is known to. */
  readonly holder?: string | undefined;
  /** Names that wait for a worker, that must rest before they run again, that are worked on, and that wait for another try. */
  readonly queued: number;
  readonly resting: number;
  readonly running: number;
  readonly retrying: number;
  /** Changes that mappers have not answered. */
  readonly mapping: number;
  /** Runs that did not end within their time. */
  readonly hung: number;
  /** Runs so far, and failures of runs and mappers. */
  readonly reconciles: number;
  readonly failures: number;
  readonly lastError?: string | undefined;
  /** How long the oldest run under way has taken, in milliseconds. */
  readonly longestRunMs: number;
  /** Names that run again and again and are slowed down. */
  readonly hotNames: number;
  readonly hot: readonly HotEntry[];
}

interface HotEntry {
  /** `partition/namespace/name`, as far as the type's scope has them. */
  readonly name: string;
  readonly cause: string;
  readonly runs: number;
  readonly hotMs: number;
  readonly pauseMs: number;
}

/** How the controllers of a runtime are doing. */
export function controllersPage(runtime: ControllerRuntime): readonly ControllerEntry[] {
  const definitions = new Map(runtime.definitions.map((one) => [one.name, one]));
  const { controllers: statuses, elsewhere } = runtime.status();
  const holders = new Map(elsewhere.map(({ name, holder }) => [name, holder]));
  return statuses.map(({ name, state, hot, lastError, longestRunMs, ...status }) => ({
    name,
    state,
    type: definitions.get(name)?.type.gvk ?? "",
    placement: definitions.get(name)?.placement ?? "singleton",
    holder: holders.get(name),
    queued: status.queued,
    resting: status.resting,
    running: status.running,
    retrying: status.retrying,
    mapping: status.mapping,
    hung: status.hung,
    reconciles: status.reconciles,
    failures: status.failures,
    lastError,
    longestRunMs: Math.round(longestRunMs),
    hotNames: hot.length,
    hot: hot.slice(0, MAX_LISTED_NAMES).map(hotEntry),
  }));
}

function hotEntry({ request, cause, runs, hotMs, pauseMs }: HotName): HotEntry {
  return { name: resourceText(request), cause, runs, hotMs: Math.round(hotMs), pauseMs: Math.round(pauseMs) };
}
