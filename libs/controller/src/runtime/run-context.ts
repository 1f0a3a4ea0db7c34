import type { Client } from "@trellis/client";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Cache } from "../cache.ts";
import type { AbsentContext, ReconcileContext } from "../context.ts";
import type { Request } from "../controller.ts";
import type { AnyController } from "../define.ts";
import type { ControllerLog } from "../log.ts";
import { createChildSet } from "./child-set.ts";
import type { EventLog } from "./event-log.ts";
import type { StatusDraft } from "./status-builder.ts";

/** What the contexts of one run are made of. */
export interface ContextParts {
  readonly definition: AnyController;
  readonly request: Request;
  readonly key: string;
  /** As the run sees it: what it asks is recorded. */
  readonly cache: Cache;
  /** Has the name run again when what has another name, which it would have, changes. */
  readonly taken: (type: ResourceType, name: Request) => void;
  /** Made when it is first asked for: many runs write nothing. */
  readonly client: () => Client;
  readonly events: EventLog;
  readonly log: ControllerLog;
  /** Made when it is first asked for. */
  readonly signal: () => AbortSignal;
}

/** What a controller signs with. */
export function signatureOf({ key, name }: Pick<AnyController, "key" | "name">): string {
  return key ?? name;
}

/** What a run is given for a name without a resource. */
export function absentContext(parts: ContextParts): AbsentContext {
  const { definition, request, key, cache, events, log } = parts;
  return {
    request,
    cache,
    // Getters of the object itself, so that a copy of the context has what they give.
    get client() {
      return parts.client();
    },
    event(reason, message) {
      const isNew = events.tell({
        controller: definition.name,
        type: definition.type.gvk,
        key,
        reason: String(reason),
        message: String(message),
      });
      if (isNew) log.info({ reason, what: message }, "a controller tells of a resource");
    },
    log,
    get signal() {
      return parts.signal();
    },
  };
}

/** What a run is given for a resource. */
export function reconcileContext(
  parts: ContextParts,
  resource: TypedResource,
  status: StatusDraft,
): ReconcileContext {
  const { definition, cache } = parts;
  const context = absentContext(parts);
  const children: ReconcileContext["children"] = (type) => {
    requireOwned(definition, type);
    const { type: parentType } = definition;
    const key = signatureOf(definition);
    return createChildSet({
      client: parts.client(),
      cache,
      parentType,
      parent: resource,
      type,
      key,
      taken: parts.taken,
    }) as never;
  };
  // Not by spreading, which would make the client at once.
  return Object.defineProperties(context, {
    resource: { value: resource, enumerable: true },
    status: { value: status, enumerable: true },
    children: { value: children, enumerable: true },
  }) as ReconcileContext;
}

function requireOwned({ name, owns = [] }: AnyController, type: ResourceType): void {
  if (!(owns as readonly ResourceType[]).some(({ gvk }) => gvk === type.gvk))
    throw new TypeError(`controller "${name}" does not own ${type.gvk}: add owns: [${type.kind}]`);
}
