import { type Client, type ConditionInput, statusOf } from "@trellis/client";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { decodeResource, type ResourceType, statusEquals, type TypedResource } from "@trellis/resource";

import type { ConditionDetails, ConditionValue, StatusBuilder } from "../context.ts";

/** Conditions of one status, at most: a status is read by people and kept with the resource. */
export const MAX_CONDITIONS = 1_000;

/** Where a status is written. */
export interface StatusTarget {
  readonly client: Client;
  readonly type: ResourceType;
  /** What the run looked at; the generation that it is about. */
  readonly resource: TypedResource;
  /** Under which the controller signs. */
  readonly key: string;
}

/** Collects what a run says of its resource, and writes it once. */
export class StatusDraft implements StatusBuilder {
  /** Undefined until the run says something. */
  #conditions: Map<string, ConditionInput> | undefined;

  /** Whether the run said anything. */
  get isSaid(): boolean {
    return this.#conditions !== undefined;
  }

  set(type: string, value: ConditionValue, details: ConditionDetails = {}): void {
    if (typeof type !== "string" || type === "")
      throw new TypeError("status.set needs the type of a condition, a word that is good when true");
    const state = stateOf(type, value);
    this.#conditions ??= new Map();
    // A Map keeps the place of what is set again.
    this.#conditions.set(type, { ...details, type, state });
    if (this.#conditions.size > MAX_CONDITIONS)
      throw new RangeError(
        `a status has at most ${MAX_CONDITIONS} conditions: count what is many instead of naming each`,
      );
  }

  clear(): void {
    this.#conditions = new Map();
  }

  /** Writes what was said, unless it is there already or nothing was; the resource as it is then. Throws what the call throws. */
  async write({ client, type, resource, key }: StatusTarget): Promise<TypedResource> {
    if (this.#conditions === undefined) return resource;
    const conditions = [...this.#conditions.values()];
    const stored = resource.status[key];
    if (conditions.length === 0) {
      if (stored === undefined) return resource;
      const answer = await client.resources.writeStatus({ id: resource.id, key, remove: true });
      return answer.resource === undefined ? resource : decodeResource(type, answer.resource);
    }
    const status = { key, observedGeneration: resource.generation, conditions };
    if (statusEquals(stored, statusOf(status), { updatedAt: false })) return resource;
    return await client.writeStatus(type, resource, status);
  }
}

const STATES = new Map<ConditionValue, Condition_State>([
  [true, Condition_State.TRUE],
  [false, Condition_State.FALSE],
  ["unknown", Condition_State.UNKNOWN],
]);

function stateOf(type: string, value: ConditionValue): Condition_State {
  const state = STATES.get(value);
  if (state === undefined)
    throw new TypeError(
      `status.set("${type}", …) takes true, false or "unknown", found ${JSON.stringify(value)}: reason and message go into the third argument`,
    );
  return state;
}
