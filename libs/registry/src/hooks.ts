import type { DescMessage } from "@bufbuild/protobuf";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceType, TypedResource } from "@trellis/resource";

/** What a hook is given: the resource as it would be stored, and as it is stored now (absent on creation). */
export interface HookInput<Desc extends DescMessage = DescMessage> {
  readonly next: TypedResource<Desc>;
  readonly previous?: TypedResource<Desc> | undefined;
}

/** The parts of a resource that a mutate hook may replace. */
export interface Mutation<Desc extends DescMessage = DescMessage> {
  readonly data?: TypedResource<Desc>["data"];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly owner?: TypedResource<Desc>["owner"];
}

/** One broken rule: the proto field path (`data.ports[web].port`) and what was expected, what was found. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** Who asks, as far as a hook may know. */
export interface HookCaller {
  readonly name: string;
  readonly system: boolean;
}

/** What an authorize hook answers. `undefined` leaves the decision to the server's authorizer. */
export type HookDecision =
  { readonly allowed: true } | { readonly allowed: false; readonly reason: string } | undefined;

/** What a caller wants to do with a resource, or (`list`) with a type. */
export type Verb = "read" | "write" | "list";

/**
 * A type's rules beyond its schema. Hooks are pure (no side effects, rerun on each retry) and may be async. A payload that breaks
 * the protovalidate rules of its message is refused before `validate` runs; the violations of both are reported together.
 */
export interface Hooks<Desc extends DescMessage = DescMessage> {
  /** Fills in what the caller left out. Returns what to replace, or nothing. */
  readonly mutate?: (
    input: HookInput<Desc>,
  ) => Mutation<Desc> | undefined | Promise<Mutation<Desc> | undefined>;
  /** Returns every broken rule. */
  readonly validate?: (input: HookInput<Desc>) => readonly Violation[] | Promise<readonly Violation[]>;
  /**
   * Decides for one resource, or for the type as a whole (`list`: no `next`). A deletion is asked about as the marking that it begins with: `next`
   * is what is stored, with `deletionTimestamp`.
   */
  readonly authorize?: (
    input: Partial<HookInput<Desc>> & { readonly verb: Verb; readonly caller: HookCaller },
  ) => HookDecision | Promise<HookDecision>;
  /** Turns a resource stored in another version of the group into this one. Undefined when it cannot. */
  readonly convert?: (stored: Resource) => Resource | undefined | Promise<Resource | undefined>;
}

/** Hooks bound to their type; made by `on` in `@trellis/controller`. */
export interface HookBinding {
  readonly type: ResourceType;
  readonly hooks: Hooks;
}
