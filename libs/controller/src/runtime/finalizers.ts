import type { Client } from "@trellis/client";
import {
  finalizersOf,
  type ResourceType,
  type TypedResource,
  withFinalizer,
  withoutFinalizer,
} from "@trellis/resource";

import { requestOf } from "../mappers.ts";

/** A resource to which a controller adds its finalizer, or from which it takes it. */
export interface FinalizerTarget {
  readonly client: Client;
  readonly type: ResourceType;
  readonly resource: TypedResource;
  readonly finalizer: string;
}

/** The resource with the finalizer: as it is when it has it, otherwise as the write left it. The write compares the version: an edit in between makes it fail. */
export async function addFinalizer({
  client,
  type,
  resource,
  finalizer,
}: FinalizerTarget): Promise<TypedResource> {
  if (finalizersOf(resource.metadata).has(finalizer)) return resource;
  return await writeMetadata(client, type, resource, withFinalizer(resource.metadata, finalizer));
}

/** Takes the finalizer away, which ends the resource when it was the last. */
export async function removeFinalizer({ client, type, resource, finalizer }: FinalizerTarget): Promise<void> {
  if (!finalizersOf(resource.metadata).has(finalizer)) return;
  await writeMetadata(client, type, resource, withoutFinalizer(resource.metadata, finalizer));
}

/** Whether the resource goes once this finalizer has gone. */
export function isLastFinalizer({ metadata }: TypedResource, finalizer: string): boolean {
  const finalizers = finalizersOf(metadata);
  return finalizers.size === 1 && finalizers.has(finalizer);
}

async function writeMetadata(
  client: Client,
  type: ResourceType,
  { id, owner, version, data }: TypedResource,
  metadata: Readonly<Record<string, string>>,
): Promise<TypedResource> {
  const name = { ...requestOf(id), uid: id.uid };
  const written = await client.write(type, { ...name, owner, version, metadata, data: data as never });
  return written.resource;
}
