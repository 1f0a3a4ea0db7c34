import { parseSelector, type ResourceType } from "@trellis/resource";

import type { Index } from "./cache.ts";
import type { ControllerDefinition, WatchDefinition } from "./controller.ts";
import type { AnyController } from "./define.ts";
import { source, type SourceDefinition } from "./source.ts";
import type { GrowingInterval } from "./runtime/work-queue.ts";

/** Runs of one controller under way at once. */
export const MAX_CONCURRENCY = 1_024;
/** Leases over which the names of one controller are spread. */
export const MAX_SHARDS = 1_024;

/** A finalizer and a status key: no white space, which separates finalizers. */
const KEY = /^\S+$/;

/** Throws TypeError for a definition that could not run: what was expected, what was found, and the cure where it is not plain. */
export function checkController(definition: AnyController): void {
  const { name } = (definition ?? {}) as Partial<AnyController>;
  if (typeof name !== "string" || name.trim() === "") throw new TypeError("a controller needs a name");
  const fail = (problem: string): never => {
    throw new TypeError(`controller "${name}"${problem}`);
  };
  checkLists(definition, fail);
  checkTypes(definition, fail);
  checkSources(definition, fail);
  checkFunctions(definition, fail);
  checkNumbers(definition, fail);
  checkIndexes(definition, fail);
}

/** Throws TypeError for controllers that could not run side by side: of one name, or with one key on one type, where each would overwrite what the other says. */
export function checkTogether(controllers: readonly AnyController[]): void {
  const names = new Set<string>();
  const signatures = new Map<string, string>();
  for (const { name, key = name, type } of controllers) {
    if (names.has(name)) throw new TypeError(`two controllers are called "${name}": rename one`);
    names.add(name);
    const signature = `${type.gvk} ${key}`;
    const other = signatures.get(signature);
    if (other !== undefined)
      throw new TypeError(
        `the controllers "${other}" and "${name}" sign ${type.gvk} with one key, "${key}": give each its own`,
      );
    signatures.set(signature, name);
  }
}

type Fail = (problem: string) => never;

/** The watches of a controller, bare types among them written out. */
export function watchesOf({
  watches = [],
}: Pick<ControllerDefinition, "watches">): readonly WatchDefinition[] {
  return watches.map((watch): WatchDefinition =>
    isType(watch) ? { type: watch, map: { kind: "byReader" } } : watch,
  );
}

/** All types of which a controller needs a cache, the managed one first, each once. */
export function typesOf(definition: AnyController): readonly ResourceType[] {
  const types = [
    definition.type as ResourceType,
    ...((definition.owns ?? []) as readonly ResourceType[]),
    ...watchesOf(definition).map(({ type }) => type),
  ];
  return [...new Map(types.map((type) => [type.gvk, type])).values()];
}

/** Whether something is a resource type, of whichever copy of the package. */
export function isType(value: unknown): value is ResourceType {
  return typeof (value as ResourceType | null | undefined)?.gvk === "string";
}

function checkLists(definition: AnyController, fail: Fail): void {
  for (const part of ["owns", "watches", "sources", "indexes"] as const) {
    const value: unknown = definition[part];
    if (value !== undefined && !Array.isArray(value)) fail(`: ${part} must be a list, found ${typeof value}`);
  }
}

function checkTypes(definition: AnyController, fail: Fail): void {
  const { type, owns = [], key } = definition;
  const needType = (value: unknown, where: string): void => {
    if (!isType(value))
      fail(`: ${where} must be a resource type, found ${typeof value}: make one with resourceType(…Schema)`);
  };
  needType(type, "type");
  for (const owned of owns as readonly ResourceType[]) needType(owned, "each of owns");
  for (const watch of (definition.watches ?? []) as readonly unknown[])
    if ((watch as { readonly type?: unknown } | null | undefined)?.type === undefined)
      needType(watch, "each of watches");
  for (const watch of watchesOf(definition)) {
    needType(watch.type, "the type of a watch");
    checkWatch(watch, fail);
  }
  const owned = (owns as readonly ResourceType[]).map(({ gvk }) => gvk);
  const twiceOwned = owned.find((gvk, at) => owned.indexOf(gvk) !== at);
  if (twiceOwned !== undefined) fail(` owns ${twiceOwned} twice: leave one out`);
  checkViews(definition, fail);
  if (key !== undefined && !KEY.test(key)) fail(`: key must be one word without spaces, found "${key}"`);
  if (definition.finalize !== undefined && !KEY.test(key ?? definition.name))
    fail(` has finalize, and its name is no finalizer because of its spaces: add key`);
}

function checkSources({ sources = [] }: AnyController, fail: Fail): void {
  const names = new Set<string>();
  for (const one of sources as readonly (SourceDefinition | null | undefined)[]) {
    if (typeof one !== "object" || one === null)
      return fail(`: each of sources must be made by source(…), found ${typeof one}`);
    try {
      source(one);
    } catch (error) {
      fail(`: ${(error as Error).message}`);
    }
    if (names.has(one.name)) fail(` has two sources called "${one.name}": rename one`);
    names.add(one.name);
  }
}

function checkWatch({ type, map, when, selector, transform }: WatchDefinition, fail: Fail): void {
  if (typeof map !== "function" && map?.kind !== "byReader")
    fail(
      `: watch(${type.kind}, …) needs a mapper: byOwner(), byName(), byIndex(…), byReader() or a function`,
    );
  for (const [part, value] of Object.entries({ when, transform }))
    if (value !== undefined && typeof value !== "function")
      fail(`: ${part} of watch(${type.kind}, …) must be a function, found ${typeof value}`);
  if (selector === undefined) return;
  try {
    parseSelector(selector);
  } catch (error) {
    fail(`: the selector of watch(${type.kind}, …) cannot be read: ${(error as Error).message}`);
  }
}

/** A run sees one cache of each type: nothing may ask for two different ones. */
function checkViews(definition: AnyController, fail: Fail): void {
  const whole = { selector: undefined, transform: undefined };
  const views = new Map<string, Pick<WatchDefinition, "selector" | "transform">>();
  for (const { gvk } of [definition.type, ...(definition.owns ?? [])] as readonly ResourceType[])
    views.set(gvk, whole);
  for (const { type, selector, transform } of watchesOf(definition)) {
    const other = views.get(type.gvk);
    views.set(type.gvk, { selector, transform });
    if (other === undefined || (other.selector === selector && other.transform === transform)) continue;
    fail(
      other === whole
        ? `: watch(${type.kind}, …) has a selector or transform, and the controller manages or owns ${type.gvk}, all of it: leave them out, and use when`
        : ` watches ${type.gvk} twice with different selectors or transforms: make them the same`,
    );
  }
}

const OPTIONAL_FUNCTIONS = ["when", "init", "onStart", "onStop", "finalize", "absent"] as const;

function checkFunctions(definition: AnyController, fail: Fail): void {
  if (typeof definition.reconcile !== "function") fail(" has no reconcile function: add one");
  for (const part of OPTIONAL_FUNCTIONS) {
    const value: unknown = definition[part];
    if (value !== undefined && typeof value !== "function")
      fail(`: ${part} must be a function, found ${typeof value}`);
  }
}

function checkNumbers(definition: AnyController, fail: Fail): void {
  const { concurrency = 1, backoff, rateLimit, placement } = definition;
  if (!isWhole(concurrency, 1, MAX_CONCURRENCY))
    fail(`: concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}, found ${concurrency}`);
  if (
    backoff !== undefined &&
    !(backoff.baseMs > 0 && backoff.maxMs >= backoff.baseMs && Number.isFinite(backoff.maxMs))
  )
    fail(`: backoff needs 0 < baseMs <= maxMs < Infinity, found ${backoff.baseMs} and ${backoff.maxMs}`);
  if (
    rateLimit !== undefined &&
    !(rateLimit.perSecond > 0 && Number.isFinite(rateLimit.perSecond) && rateLimit.burst >= 1)
  )
    fail(
      `: rateLimit needs 0 < perSecond < Infinity and burst >= 1, found ${rateLimit.perSecond} and ${rateLimit.burst}`,
    );
  const { minIntervalMs } = definition;
  if (typeof minIntervalMs === "object" && !isGrowing(minIntervalMs))
    fail(
      `: minIntervalMs needs 0 < first <= longest < Infinity, found ${minIntervalMs.first} and ${minIntervalMs.longest}`,
    );
  for (const part of ["timeoutMs", "minIntervalMs", "resyncMs"] as const) {
    const value = definition[part];
    if (typeof value === "object") continue;
    const isOff = value === undefined || (part === "resyncMs" && value === false);
    if (!isOff && !(typeof value === "number" && Number.isFinite(value) && value > 0))
      fail(`: ${part} must be milliseconds above 0, found ${String(value)}: leave it out for none`);
  }
  for (const [part, value] of Object.entries(definition.hotLoop ?? {}))
    if (value !== undefined && !(typeof value === "number" && value > 0))
      fail(`: hotLoop.${part} must be a number above 0, found ${String(value)}`);
  checkPlacement(placement, fail);
  const isReadOnly =
    placement === "everyMember" ||
    (typeof placement === "object" && placement.kind === "everyMember" && !placement.writes);
  if (isReadOnly && (definition.finalize !== undefined || (definition.owns ?? []).length > 0))
    fail(
      ' runs as "everyMember", which only reads, and finalize and owns write: use everyMember({ writes: true }), or a singleton',
    );
}

function checkPlacement(placement: AnyController["placement"], fail: Fail): void {
  if (placement === undefined || placement === "singleton" || placement === "everyMember") return;
  if (placement?.kind === "everyMember") return;
  if (placement?.kind !== "sharded")
    return fail(': placement must be "singleton", "everyMember", everyMember({ writes }) or sharded(n)');
  if (!isWhole(placement.shards, 1, MAX_SHARDS))
    fail(`: sharded(n) needs a whole number from 1 to ${MAX_SHARDS}, found ${placement.shards}`);
}

function checkIndexes(definition: AnyController, fail: Fail): void {
  const cached = new Set(typesOf(definition).map(({ gvk }) => gvk));
  const names = new Set<string>();
  for (const one of (definition.indexes ?? []) as readonly (Index | null | undefined)[]) {
    if (typeof one !== "object" || one === null || !isType(one.type))
      return fail(`: each of indexes must be made by index(…), with a type; found ${typeof one}`);
    const { name, type, keys } = one;
    if (typeof keys !== "function") fail(`: index "${name}": keys must be a function, found ${typeof keys}`);
    if (!cached.has(type.gvk))
      fail(` indexes ${type.gvk}, which it neither manages nor watches: add watch(${type.kind}, …)`);
    if (typeof name !== "string" || name.trim() === "")
      fail(`: an index of ${type.gvk} needs a name: add name`);
    if (names.has(name)) fail(` has two indexes called "${name}": rename one`);
    names.add(name);
  }
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function isGrowing({ first, longest }: GrowingInterval): boolean {
  return first > 0 && longest >= first && Number.isFinite(longest);
}
