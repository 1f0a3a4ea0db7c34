import { anyPack } from "@bufbuild/protobuf/wkt";
import { create, type DescMessage, type Registry } from "@bufbuild/protobuf";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceType, TenancyUnits, TypedResource } from "@trellis/resource";

import { CliError } from "./errors.ts";
import type { Session } from "./session.ts";
import type { KnownType } from "./types/known-type.ts";

/** What to watch. */
export interface Watching {
  readonly type: KnownType;
  readonly registry: Registry;
  readonly tenancy: TenancyUnits;
  readonly name: string | undefined;
  readonly selector: string;
}

/** One thing that a watch saw. `complete` follows the last resource that was there at the beginning. */
export type Change =
  | { readonly event: "added" | "changed" | "deleted"; readonly resource: Resource }
  | { readonly event: "complete" };

/** Watches until the signal ends it; broken connections are resumed behind the scenes. */
export async function* watchChanges(
  session: Session,
  watching: Watching,
  signal: AbortSignal,
): AsyncGenerator<Change> {
  const { registry, tenancy, name, selector } = watching;
  const type = dynamicType(watching.type, registry);
  const known = new Set<string>();
  const query = {
    ...(tenancy.partition === "" ? {} : { partition: tenancy.partition }),
    ...(tenancy.namespace === "" ? {} : { namespace: tenancy.namespace }),
    ...(selector === "" ? {} : { selector }),
  };
  for await (const item of session.connection.client.watch(type, query, { signal, name })) {
    if (item.kind === "endOfSnapshot") {
      yield { event: "complete" };
      continue;
    }
    const resource = encoded(type, item.resource);
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

/** The SDK's value for a type that was learned from the server. */
function dynamicType(type: KnownType, registry: Registry): ResourceType {
  const schema = registry.getMessage(type.messageName);
  if (schema === undefined) throw new CliError(`the server sent no schema of ${type.messageName}`);
  const { group, groupVersion, kind, gvk, scope, shortNames, columns } = type;
  return { group, groupVersion, kind, gvk, scope, shortNames, columns, schema };
}

function encoded(type: ResourceType, resource: TypedResource<DescMessage>): Resource {
  const { id, owner, version, generation, metadata, status, data } = resource;
  return create(ResourceSchema, {
    id,
    ...(owner === undefined ? {} : { owner }),
    version,
    generation,
    metadata: { ...metadata },
    status: { ...status },
    data: anyPack(type.schema, data),
  });
}

function keyOf({ id }: Resource): string {
  return `${id?.tenancy?.partition ?? ""}/${id?.tenancy?.namespace ?? ""}/${id?.name ?? ""}`;
}
