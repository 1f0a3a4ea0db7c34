import type { Clock, Random } from "@trellis/resource";
import type { Backend } from "@trellis/storage";

/** What a backend may need from outside. */
export interface BackendDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** A backend URL that cannot be opened: what was expected, what was found. */
export class BackendUrlError extends Error {
  override readonly name = "BackendUrlError";

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is BackendUrlError {
    return (
      typeof error === "object" && error !== null && (error as { name?: unknown }).name === "BackendUrlError"
    );
  }
}

/** Opens the backend of one scheme. */
type Opener = (url: URL, deps: BackendDeps) => Promise<Backend>;

/** The schemes that there are. Each backend is loaded when it is first asked for. */
const OPENERS: Readonly<Record<string, Opener>> = { "memory:": openMemory };

/** Schemes of the design whose backends are not built yet. */
const PLANNED: readonly string[] = ["raft:", "trellis:", "trellis+tls:"];

/** The options of `memory:`, and the limits that they set. */
const MEMORY_OPTIONS = {
  "history-commits": "historyCommits",
  "history-age-ms": "historyAgeMs",
  "history-bytes": "historyBytes",
  watches: "watches",
} as const;

/** Opens a backend by URL: `memory:`, with `?history-commits=N`, `history-age-ms`, `history-bytes`, `watches`. Throws {@link BackendUrlError}. */
export async function openBackend(url: string, deps: BackendDeps): Promise<Backend> {
  if (!URL.canParse(url)) throw new BackendUrlError(`"${url}" is not a backend URL; ${known()}`);
  const parsed = new URL(url);
  const opener = Object.hasOwn(OPENERS, parsed.protocol) ? OPENERS[parsed.protocol] : undefined;
  if (opener !== undefined) return await opener(parsed, deps);
  const planned = PLANNED.includes(parsed.protocol)
    ? `${parsed.protocol} backends come with a later version`
    : `no backend has the scheme ${parsed.protocol}`;
  throw new BackendUrlError(`${planned}; ${known()}`);
}

async function openMemory(url: URL, deps: BackendDeps): Promise<Backend> {
  if (url.pathname !== "" || url.host !== "")
    throw new BackendUrlError(`memory: takes no path, found "${url.href}"; write memory:`);
  const limits: Record<string, number> = {};
  for (const [name, value] of url.searchParams) {
    const limit = Object.hasOwn(MEMORY_OPTIONS, name)
      ? MEMORY_OPTIONS[name as keyof typeof MEMORY_OPTIONS]
      : undefined;
    if (limit === undefined)
      throw new BackendUrlError(
        `memory: has no option ${name}; it has ${Object.keys(MEMORY_OPTIONS).join(", ")}`,
      );
    if (!/^[1-9]\d{0,11}$/.test(value))
      throw new BackendUrlError(
        `the option ${name} of memory: takes a whole number above 0, found "${value}"`,
      );
    limits[limit] = Number(value);
  }
  const { createMemoryBackend } = await import("@trellis/storage-memory");
  return createMemoryBackend(deps, limits);
}

function known(): string {
  return `expected ${Object.keys(OPENERS).join(" or ")}`;
}
