import { Code, type HandlerContext } from "@connectrpc/connect";
import type { Identity } from "@trellis/authz";
import { CONSISTENCY_HEADER, MIN_VERSION_HEADER, STORE_HEADER, VERSION_HEADER } from "@trellis/resource";
import {
  type Backend,
  type Consistency,
  type MinimumPosition,
  type Position,
  StorageError,
  toVersion,
  type Version,
} from "@trellis/storage";

import type { Environment } from "./environment.ts";
import { ServiceError, violationsError } from "./service-error.ts";
import { answersInBinary } from "./stored-form.ts";

/** One call: who makes it, what it asks of reads, and what its answer shows. */
export interface Call {
  readonly identity: Identity;
  readonly consistency: Consistency;
  readonly minimum: MinimumPosition | undefined;
  /** The store that the request's versions belong to, where it says so. */
  readonly storeId: string | undefined;
  /** Aborted at the deadline and when the caller goes away. Made when it is first asked for: a call that waits for nothing needs none. */
  readonly signal: AbortSignal;
  /** Whether the signal is aborted, without making it. */
  readonly aborted: boolean;
  /** The call itself, as who is asked by storage that looks now and then whether it is waited for. */
  readonly caller: Pick<Call, "aborted">;
  /** Whether the answer may have resources as they are stored. */
  readonly inBinary: boolean;
  /** Notes a version that the answer shows. Returns the newest one, which goes into the headers. */
  shows(version: Version): Version;
}

/** What ends a call: its deadline, or its caller. */
export interface CallEnd {
  readonly signal: AbortSignal;
  /** Whether the signal is aborted, or would be if there were one. */
  readonly isAborted: boolean;
}

/** Collects the version that an answer shows, for its headers. */
export interface ShownVersion {
  newest: Version | undefined;
}

/** Authenticates a call and reads its headers, at once where the authenticator answers at once. `end` is asked for its signal when that is needed. Throws `unauthenticated` and InvalidArgument. */
export function startCall(
  environment: Environment,
  context: HandlerContext,
  end: CallEnd,
  shown: ShownVersion,
): Call | Promise<Call> {
  const parts = { environment, context, end, shown };
  const identity = environment.authenticator.authenticate(context.requestHeader);
  return "then" in identity
    ? Promise.resolve(identity).then((known) => new StartedCall(known, parts))
    : new StartedCall(identity, parts);
}

/** The getter is its class's: one of an object literal would keep the call alive until the next full collection, with the hidden class that V8 makes for it. */
class StartedCall implements Call {
  readonly identity: Identity;
  readonly consistency: Consistency;
  readonly minimum: MinimumPosition | undefined;
  readonly storeId: string | undefined;
  readonly inBinary: boolean;
  readonly #end: CallEnd;
  readonly #shown: ShownVersion;

  constructor(identity: Identity, { environment, context, end, shown }: CallParts) {
    const headers = context.requestHeader;
    this.identity = identity;
    this.consistency = consistencyOf(headers);
    this.minimum = minimumOf(headers);
    this.storeId = storeOf(headers);
    this.inBinary = environment.answersAsStored && answersInBinary(context);
    this.#end = end;
    this.#shown = shown;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get aborted(): boolean {
    return this.#end.isAborted;
  }

  get caller(): this {
    return this;
  }

  shows(version: Version): Version {
    const shown = this.#shown;
    if (shown.newest === undefined || version > shown.newest) shown.newest = version;
    return shown.newest;
  }
}

interface CallParts {
  readonly environment: Environment;
  readonly context: HandlerContext;
  readonly end: CallEnd;
  readonly shown: ShownVersion;
}

/** Sets the headers that every response carries: which store answered, and the version that the answer shows. None while no store is known. */
export function setPosition(headers: Headers, backend: Backend, shown: ShownVersion): void {
  const position = positionOf(backend);
  if (position === undefined) return;
  headers.set(STORE_HEADER, position.storeId);
  headers.set(VERSION_HEADER, String(shown.newest ?? position.version));
}

function positionOf(backend: Backend): Position | undefined {
  try {
    return backend.position();
  } catch (error) {
    if (StorageError.is(error)) return undefined;
    throw error;
  }
}

/** Reads a version as clients send it: decimal digits, below 2^53. Undefined for anything else. */
export function parseVersion(text: string): Version | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? toVersion(value) : undefined;
}

/**
 * Refuses a version that a mutation expects of a resource when the call says that it is another store's: it may be equal here by chance. Throws
 * `STORE_CHANGED`.
 */
export function checkStore({ backend }: Environment, { storeId }: Call, version: string): void {
  if (version === "" || storeId === undefined) return;
  const present = backend.position().storeId;
  if (storeId === present) return;
  throw new ServiceError({
    code: Code.OutOfRange,
    reason: "STORE_CHANGED",
    message: `the request expects version ${version} of store ${storeId}, this is ${present}; read it again and repeat`,
  });
}

function consistencyOf(headers: Headers): Consistency {
  const text = headers.get(CONSISTENCY_HEADER);
  if (text === null || text === "" || text === "eventual") return "eventual";
  if (text === "strong") return "strong";
  throw violationsError("INVALID_REQUEST", [
    { field: `header ${CONSISTENCY_HEADER}`, description: `must be "eventual" or "strong", found "${text}"` },
  ]);
}

function minimumOf(headers: Headers): MinimumPosition | undefined {
  const text = headers.get(MIN_VERSION_HEADER);
  if (text === null || text === "") return undefined;
  const version = parseVersion(text);
  if (version === undefined) {
    throw violationsError("INVALID_REQUEST", [
      {
        field: `header ${MIN_VERSION_HEADER}`,
        description: `must be a decimal store version of at most ${Number.MAX_SAFE_INTEGER}, found "${text}"`,
      },
    ]);
  }
  const storeId = storeOf(headers);
  return storeId === undefined ? { version } : { storeId, version };
}

function storeOf(headers: Headers): string | undefined {
  const storeId = headers.get(STORE_HEADER);
  return storeId === null || storeId === "" ? undefined : storeId;
}
