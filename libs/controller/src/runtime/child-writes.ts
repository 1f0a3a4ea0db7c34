import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Client } from "@trellis/client";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type Operation,
  OperationSchema,
  WriteRequest_Mode,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import {
  decodeResource,
  isMarkedForDeletion,
  type ResourceType,
  type TypedResource,
} from "@trellis/resource";

import type { Request } from "../controller.ts";
import { requestOf } from "../mappers.ts";

/** Writes of one request: few, so that other callers of the server get their turn in between. */
const BATCH_SIZE = 100;
/** Deletions under way at once. */
const CONCURRENT_DELETES = 8;

/** A child to write, only where nothing is unless it has a version; or one that is left as it is. */
export type ChildWrite<Desc extends DescMessage> =
  { readonly existing: TypedResource<Desc> } | SentWrite<Desc>;

type SentWrite<Desc extends DescMessage> = Request & {
  readonly owner: TypedResource["id"];
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: MessageShape<Desc>;
  readonly uid?: string;
  readonly version?: string;
};

/** Writes what is to be written, in order; the children as they are then. Throws an Error that tells the first failure, after all were tried. */
export async function writeChildren<Desc extends DescMessage>(
  client: Client,
  type: ResourceType<Desc>,
  writes: readonly ChildWrite<Desc>[],
): Promise<readonly TypedResource<Desc>[]> {
  const results = writes.map((write) => ("existing" in write ? write.existing : undefined));
  const places = writes.flatMap((write, at) => ("existing" in write ? [] : [{ write, at }]));
  const failures: string[] = [];
  for (let start = 0; start < places.length; start += BATCH_SIZE) {
    const batch = places.slice(start, start + BATCH_SIZE);
    const operations = batch.map(({ write }) => operationOf(type, write));
    const answer = await client.resources.batchWrite({ operations });
    for (const [position, { result }] of answer.results.entries()) {
      const place = batch[position];
      if (place === undefined) continue;
      if (result.case === "write" && result.value.resource !== undefined)
        results[place.at] = writtenAs(type, place.write, operations[position], result.value.resource);
      else
        failures.push(`${place.write.name}: ${result.case === "error" ? result.value.message : "no answer"}`);
    }
  }
  throwFirst(failures, places.length, `${type.kind} could not be written`);
  return results.filter((result) => result !== undefined);
}

/** What was stored. Its payload is decoded again only when it is not the one that was sent: rules may have completed it. */
function writtenAs<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  { data }: SentWrite<Desc>,
  sent: Operation | undefined,
  stored: Resource,
): TypedResource<Desc> {
  const bytes = sent?.operation.case === "write" ? sent.operation.value.resource?.data?.value : undefined;
  const isSame =
    bytes !== undefined && stored.data !== undefined && Buffer.compare(bytes, stored.data.value) === 0;
  if (!isSame) return decodeResource(type, stored);
  const { data: _, ...rest } = stored;
  return { ...decodeResource(type, rest), data };
}

/** Deletes exactly what was looked at: an edit in between makes that one fail. What is marked already is left alone. */
export async function deleteChildren<Desc extends DescMessage>(
  client: Client,
  type: ResourceType<Desc>,
  children: readonly TypedResource<Desc>[],
): Promise<void> {
  const left = children.filter(({ metadata }) => !isMarkedForDeletion(metadata));
  const failures: string[] = [];
  const queue = left.values();
  const worker = async (): Promise<void> => {
    for (const { id, version } of queue) {
      try {
        await client.delete(type, { ...requestOf(id), uid: id.uid }, { version });
      } catch (error) {
        failures.push(`${id.name}: ${(error as Error).message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENT_DELETES, left.length) }, worker));
  throwFirst(failures, left.length, `${type.kind} could not be deleted`);
}

function operationOf<Desc extends DescMessage>(type: ResourceType<Desc>, write: SentWrite<Desc>): Operation {
  const { group, groupVersion, kind } = type;
  const { partition, namespace, name, owner, metadata, data, uid = "", version = "" } = write;
  const id = { type: { group, groupVersion, kind }, tenancy: { partition, namespace }, name, uid };
  const resource = create(ResourceSchema, {
    id,
    owner,
    version,
    metadata: { ...metadata },
    data: anyPack(type.schema, data),
  });
  const mode = version === "" ? WriteRequest_Mode.CREATE : WriteRequest_Mode.UPDATE;
  return create(OperationSchema, { operation: { case: "write", value: { resource, mode } } });
}

function throwFirst(failures: readonly string[], all: number, what: string): void {
  const [first] = failures;
  if (first !== undefined) throw new Error(`${failures.length} of ${all} ${what}; the first: ${first}`);
}
