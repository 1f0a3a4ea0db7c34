import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceType, TenancyUnits, TypedResource } from "@trellis/resource";

import { errorText } from "./errors.ts";
import { printable } from "./output/printable.ts";
import type { Session } from "./session.ts";
import type { KnownType } from "./types/known-type.ts";

/** What to watch. */
export interface Watching {
  readonly type: KnownType;
  readonly tenancy: TenancyUnits;
  readonly name: string | undefined;
  readonly selector: string;
}

/** One thing that a watch saw. `complete` follows the last resource that was there at the beginning. */
export type Change =
  | { readonly event: "added" | "changed" | "deleted"; readonly resource: Resource }
  | { readonly event: "complete" };

/** Watches until the signal ends it. A broken connection is resumed, and each outage is told once. */
export async function* watchChanges(
  session: Session,
  watching: Watching,
  signal: AbortSignal,
): AsyncGenerator<Change> {
  const { tenancy, name, selector } = watching;
  const type = sealedType(watching.type);
  const known = new Set<string>();
  const query = {
    ...(tenancy.partition === "" ? {} : { partition: tenancy.partition }),
    ...(tenancy.namespace === "" ? {} : { namespace: tenancy.namespace }),
    ...(selector === "" ? {} : { selector }),
  };
  let interrupted = false;
  const options = {
    signal,
    name,
    onInterrupt(error: unknown) {
      if (!interrupted) session.environment.stderr(interruptionText(error, session.connection.server));
      interrupted = true;
    },
    onPosition() {
      interrupted = false;
    },
  };
  for await (const item of session.connection.client.watch(type, query, options)) {
    if (item.kind === "endOfSnapshot") {
      yield { event: "complete" };
      continue;
    }
    const resource = unsealed(item.resource);
    const key = keyOf(resource);
    if (item.kind === "delete") {
      known.delete(key);
      yield { event: "deleted", resource };
    } else {
      yield { event: known.has(key) ? "changed" : "added", resource };
      known.add(key);
    }
  }
}

function interruptionText(error: unknown, server: string): string {
  return `${printable(errorText(error, server).message)}; trying again\n`;
}

type SealedType = ResourceType<typeof AnySchema>;

/** The SDK's value for a type that was learned from the server; payloads come sealed. */
function sealedType({ group, groupVersion, kind, gvk, scope, shortNames, columns }: KnownType): SealedType {
  return { group, groupVersion, kind, gvk, scope, shortNames, columns, schema: AnySchema };
}

function unsealed(resource: TypedResource<typeof AnySchema>): Resource {
  const { id, owner, version, generation, metadata, status, data } = resource;
  return create(ResourceSchema, {
    id,
    ...(owner === undefined ? {} : { owner }),
    version,
    generation,
    metadata: { ...metadata },
    status: { ...status },
    // A resource without a payload is read as an empty one.
    ...(data.typeUrl === "" ? {} : { data }),
  });
}

function keyOf({ id }: Resource): string {
  return `${id?.tenancy?.partition ?? ""}/${id?.tenancy?.namespace ?? ""}/${id?.name ?? ""}`;
}
