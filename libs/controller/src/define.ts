import type { DescMessage } from "@bufbuild/protobuf";
import type { Domain, HookBinding, Hooks } from "@trellis/registry";
import type { ResourceType } from "@trellis/resource";

import type { Index } from "./cache.ts";
import type { ChangeFilter } from "./change.ts";
import { checkController, checkTogether, isType } from "./check-controller.ts";
import type { ByReader, ControllerDefinition, Transform, WatchDefinition } from "./controller.ts";
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
export type AnyController = ControllerDefinition<any, any>;

/** Makes a domain, a module's default export. Throws TypeError for hooks of types that it does not bring, for controllers of one name or one key on one type, and for what is none of these. */
export function defineDomain({ types, hooks = [], controllers = [] }: DomainInit): Domain {
  checkList("types", types, isType, "a resource type: make one with resourceType(…Schema)");
  checkList("hooks", hooks, (hook) => isType(hook.type), "made by on(…)");
  checkList(
    "controllers",
    controllers,
    ({ name, type }) => typeof name === "string" && isType(type),
    "made by defineController(…)",
  );
  for (const { type } of hooks) {
    if (!types.some(({ gvk }) => gvk === type.gvk))
      throw new TypeError(`hooks for ${type.gvk}, which is not among the domain's types: add it`);
  }
  checkTogether(controllers);
  return { types, hooks, controllers };
}

/** Binds rules to a type. */
export function on<Desc extends DescMessage>(type: ResourceType<Desc>, hooks: Hooks<Desc>): HookBinding {
  return { type, hooks: hooks as unknown as Hooks };
}

/** Checks a control loop at its definition. Throws TypeError for one that could not run. */
export function defineController<Desc extends DescMessage, Owned extends ResourceType = never>(
  definition: ControllerDefinition<Desc, Owned>,
): ControllerDefinition<Desc, Owned> {
  checkController(definition as AnyController);
  return definition;
}

/** What narrows a watch. */
export interface WatchNarrowing<Desc extends DescMessage> {
  /** Which changes count: all when absent. */
  readonly when?: ChangeFilter<Desc>;
  /** Terms on metadata: nothing else of the type is watched and cached. */
  readonly selector?: string;
  /** What is cached of each resource. */
  readonly transform?: Transform<Desc>;
}

/** Another type whose changes cause reconciles of the resources that the mapper names, or of those that looked at what changed (`byReader()`). */
export function watch<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  map: Mapper<Desc> | ByReader,
  narrowing: WatchNarrowing<Desc> = {},
): WatchDefinition {
  return { type, map, ...narrowing } as unknown as WatchDefinition;
}

/** A secondary index over the cached resources of a type. */
export function index<Desc extends DescMessage>(init: Index<Desc>): Index<Desc> {
  return init;
}

/** Throws TypeError unless a part of a domain is a list of what is expected: one of an import that is not there yet is undefined. */
function checkList<Item extends object>(
  part: string,
  items: readonly Item[],
  isOne: (item: Item) => boolean,
  expected: string,
): void {
  if (!Array.isArray(items)) throw new TypeError(`a domain's ${part} must be a list, found ${typeof items}`);
  const wrong = items.findIndex(
    (item: Item | null | undefined) => item === null || item === undefined || !isOne(item),
  );
  if (wrong !== -1)
    throw new TypeError(`a domain's ${part}[${wrong}] must be ${expected}; found ${typeof items[wrong]}`);
}
