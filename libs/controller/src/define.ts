import type { DescMessage } from "@bufbuild/protobuf";
import type { Domain, HookBinding, Hooks } from "@trellis/registry";
import type { ResourceType } from "@trellis/resource";

import type { Index } from "./cache.ts";
import type { ControllerDefinition, WatchDefinition } from "./controller.ts";
import type { Mapper } from "./mapper.ts";

/** What a team ships, as its author writes it. */
export interface DomainInit {
  readonly types: readonly ResourceType[];
  readonly hooks?: readonly HookBinding[];
  // The runtime gives each controller resources of its own type: what a list of them has in common does not matter.
  readonly controllers?: readonly AnyController[];
}

/** A controller of whatever type. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyController = ControllerDefinition<any>;

/** Makes a domain, a module's default export. Throws TypeError for hooks of types that it does not bring, and for controllers of one name. */
export function defineDomain({ types, hooks = [], controllers = [] }: DomainInit): Domain {
  for (const { type } of hooks) {
    if (!types.some(({ gvk }) => gvk === type.gvk))
      throw new TypeError(`hooks for ${type.gvk}, which is not among the domain's types: add it`);
  }
  const names = new Set<string>();
  for (const { name } of controllers) {
    if (names.has(name)) throw new TypeError(`two controllers are called "${name}": rename one`);
    names.add(name);
  }
  return { types, hooks, controllers };
}

/** Binds rules to a type. */
export function on<Desc extends DescMessage>(type: ResourceType<Desc>, hooks: Hooks<Desc>): HookBinding {
  return { type, hooks: hooks as unknown as Hooks };
}

const MAX_CONCURRENCY = 1_024;

/** Checks a control loop at its definition. Throws TypeError for one that could not run. */
export function defineController<Desc extends DescMessage>(
  definition: ControllerDefinition<Desc>,
): ControllerDefinition<Desc> {
  const { name, type, watches = [], indexes = [], concurrency = 1, backoff } = definition;
  if (name.trim() === "") throw new TypeError("a controller needs a name");
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY) {
    throw new TypeError(
      `controller "${name}": concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}, found ${concurrency}`,
    );
  }
  if (backoff !== undefined && !(backoff.baseMs > 0 && backoff.maxMs >= backoff.baseMs)) {
    throw new TypeError(
      `controller "${name}": backoff needs 0 < baseMs <= maxMs, found ${backoff.baseMs} and ${backoff.maxMs}`,
    );
  }
  if (typeof definition.reconcile !== "function")
    throw new TypeError(`controller "${name}" has no reconcile function: add one`);
  checkIndexes(name, [type, ...watches.map((watch) => watch.type)], indexes);
  return definition;
}

function checkIndexes(name: string, types: readonly ResourceType[], indexes: readonly Index[]): void {
  const cached = new Set(types.map(({ gvk }) => gvk));
  const indexNames = new Set<string>();
  for (const index of indexes) {
    if (!cached.has(index.type.gvk)) {
      throw new TypeError(
        `controller "${name}" indexes ${index.type.gvk}, which it neither manages nor watches: add watch(${index.type.kind}, …)`,
      );
    }
    if (indexNames.has(index.name))
      throw new TypeError(`controller "${name}" has two indexes called "${index.name}": rename one`);
    indexNames.add(index.name);
  }
}

/** Another type whose changes cause reconciles of the resources that the mapper names. */
export function watch<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  map: Mapper<Desc>,
): WatchDefinition {
  return { type, map: map as unknown as Mapper };
}

/** A secondary index over the cached resources of a type. */
export function index<Desc extends DescMessage>(init: Index<Desc>): Index<Desc> {
  return init;
}
