import type { ConnectRouter } from "@connectrpc/connect";
import type { Clock, Random } from "@trellis/resource";
import type { Backend } from "@trellis/storage";

import { serversIn } from "./servers-in.ts";
import { BackendUrlError } from "./backend-url-error.ts";

/** What a backend may need from outside. */
export interface BackendDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Calls back in the next turn of the event loop; `setImmediate` when left out. */
  readonly nextTurn?: ((callback: () => void) => void) | undefined;
  /** Told of what happens in the storage itself: leaders, snapshots, space. */
  readonly onEvent?: ((event: BackendEvent) => void) | undefined;
  /** Told once when the storage had to stop by itself, as when its disk failed: the process is of no use any more. */
  readonly onFailure?: ((error: Error) => void) | undefined;
}

/** Something that happened in a storage; its other fields are numbers and texts, to be logged. */
export interface BackendEvent {
  readonly kind: string;
}

/** A backend, and what else its process can offer with it. */
export interface OpenedBackend extends Backend {
  /** What operators ask of the storage, as RPC services; absent when there is none to ask. */
  readonly operatorRoutes?: ((router: ConnectRouter) => void) | undefined;
  /** What calls wait for, in words, when the storage is elsewhere and not reached; undefined while it is. Absent when it is always there. */
  readonly waitsFor?: (() => string | undefined) | undefined;
}

/** Opens the backend of one scheme. */
type Opener = (url: URL, deps: BackendDeps) => Promise<OpenedBackend>;

/** The schemes that there are. Each backend is loaded when it is first asked for. */
const OPENERS: Readonly<Record<string, Opener>> = {
  "memory:": openMemory,
  "raft:": openRaft,
  "trellis:": openRouted,
};

/** Schemes of the design whose backends are not built yet. */
const PLANNED: readonly string[] = ["trellis+tls:"];

/** The options of a store in this process, and the limits that they set. */
const STORE_OPTIONS = {
  "history-commits": "historyCommits",
  "history-age-ms": "historyAgeMs",
  "history-bytes": "historyBytes",
  watches: "watches",
} as const;

/**
 * Opens a backend by URL: `memory:`, or `raft:DIRECTORY` for a store on this disk; both with `?history-commits=N`, `history-age-ms`,
 * `history-bytes`, `watches`; or `trellis://HOST:PORT?node=HOST:PORT` for a cluster elsewhere, which need not be there yet. Throws
 * {@link BackendUrlError}, also for a directory that cannot be opened.
 */
export async function openBackend(url: string, deps: BackendDeps): Promise<OpenedBackend> {
  if (!URL.canParse(url)) throw new BackendUrlError(`"${url}" is not a backend URL; ${known()}`);
  const parsed = new URL(url);
  const opener = Object.hasOwn(OPENERS, parsed.protocol) ? OPENERS[parsed.protocol] : undefined;
  if (opener !== undefined) return await opener(parsed, deps);
  const planned = PLANNED.includes(parsed.protocol)
    ? `${parsed.protocol} backends come with a later version`
    : `no backend has the scheme ${parsed.protocol}`;
  throw new BackendUrlError(`${planned}; ${known()}`);
}

async function openMemory(url: URL, deps: BackendDeps): Promise<OpenedBackend> {
  if (url.pathname !== "" || url.host !== "")
    throw new BackendUrlError(`memory: takes no path, found "${url.href}"; write memory:`);
  const limits = limitsIn(url);
  const { createMemoryBackend } = await import("@trellis/storage-memory");
  return createMemoryBackend(deps, limits);
}

async function openRaft(
  url: URL,
  { clock, random, nextTurn, onEvent, onFailure }: BackendDeps,
): Promise<OpenedBackend> {
  const directory = pathOf(url);
  if (directory === "" || url.host !== "") {
    throw new BackendUrlError(
      `raft: takes the path of a directory, found "${url.href}"; write raft:data, or raft:/var/lib/trellis`,
    );
  }
  const limits = limitsIn(url);
  const { openLocalReplica } = await import("./open-local-replica.ts");
  return await openLocalReplica(
    { clock, random, nextTurn: nextTurn ?? ((callback) => setImmediate(callback)), onEvent, onFailure },
    { directory, limits },
  );
}

async function openRouted(url: URL, deps: BackendDeps): Promise<OpenedBackend> {
  const servers = serversIn(url);
  const { openCluster } = await import("./open-cluster.ts");
  return openCluster(deps, { servers });
}

function pathOf({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    throw new BackendUrlError(
      `raft: takes the path of a directory as URLs write it, found "${pathname}"; write % as %25`,
    );
  }
}

/** The limits that the options of a URL set. */
function limitsIn({ protocol, searchParams }: URL): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const [name, value] of searchParams) {
    const limit = Object.hasOwn(STORE_OPTIONS, name)
      ? STORE_OPTIONS[name as keyof typeof STORE_OPTIONS]
      : undefined;
    if (limit === undefined)
      throw new BackendUrlError(
        `${protocol} has no option ${name}; it has ${Object.keys(STORE_OPTIONS).join(", ")}`,
      );
    if (!/^[1-9]\d{0,11}$/.test(value))
      throw new BackendUrlError(
        `the option ${name} of ${protocol} takes a whole number above 0, found "${value}"`,
      );
    limits[limit] = Number(value);
  }
  return limits;
}

function known(): string {
  return `expected ${Object.keys(OPENERS).join(" or ")}`;
}
