import { noBytes } from "../entry.ts";
import type { NodeId } from "../numbers.ts";

/** `update-node` changes nothing here: it is a word for the application, about the context. */
export type ConfChangeType = "add-node" | "add-learner" | "remove-node" | "update-node";

/** One step of a conf change. Steps about node 0 are ignored: applications rewrite to it what they refuse at apply time. */
export interface ConfChangeStep {
  readonly type: ConfChangeType;
  readonly nodeId: NodeId;
}

/**
 * How a change is made.
 *
 * - `auto`: in one step where a single voter changes, else through a joint configuration that is left automatically.
 * - `joint-implicit`: always joint, left automatically.
 * - `joint-explicit`: always joint, left when the application proposes the empty change.
 */
export type ConfChangeTransition = "auto" | "joint-implicit" | "joint-explicit";

/** A membership change of the general kind; without steps (and `auto`) it leaves the joint configuration. */
export interface ConfChangeV2 {
  readonly version: 2;
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeStep[];
  /** For the application; travels in the entry. */
  readonly context: Uint8Array;
}

/** A membership change of one step, in the older entry type. */
export interface ConfChangeV1 {
  readonly version: 1;
  /** For the application; the core ignores it. */
  readonly id: number;
  readonly change: ConfChangeStep;
  readonly context: Uint8Array;
}

export type ConfChange = ConfChangeV1 | ConfChangeV2;

/** A general change of these steps. */
export function confChange(
  changes: readonly ConfChangeStep[],
  options: { readonly transition?: ConfChangeTransition; readonly context?: Uint8Array } = {},
): ConfChangeV2 {
  return {
    version: 2,
    transition: options.transition ?? "auto",
    changes,
    context: options.context ?? noBytes,
  };
}

/** A change of one step in the older entry type. */
export function confChangeV1(
  type: ConfChangeType,
  nodeId: NodeId,
  options: { readonly id?: number; readonly context?: Uint8Array } = {},
): ConfChangeV1 {
  return { version: 1, id: options.id ?? 0, change: { type, nodeId }, context: options.context ?? noBytes };
}

/** The same change in the general form. */
export function asV2(change: ConfChange): ConfChangeV2 {
  return change.version === 2 ? change : confChange([change.change], { context: change.context });
}

/** What a change asks of the configuration it is applied to. */
export type ConfChangePlan =
  | { readonly kind: "simple" }
  | { readonly kind: "enter-joint"; readonly autoLeave: boolean }
  | { readonly kind: "leave-joint" };

/**
 * How a change is to be applied. More than one step goes through a joint configuration whatever it is applied to, although
 * some of them (two new learners) would not need it: the answer depends on the change alone.
 */
export function planOf({ transition, changes }: ConfChangeV2): ConfChangePlan {
  if (transition !== "auto" || changes.length > 1) {
    return { kind: "enter-joint", autoLeave: transition !== "joint-explicit" };
  }
  return { kind: changes.length === 0 ? "leave-joint" : "simple" };
}
