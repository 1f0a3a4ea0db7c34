import { fromBinary, toJson } from "@bufbuild/protobuf";
import { ConditionSchema, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  decodeResource,
  DELETION_TIMESTAMP_KEY,
  FINALIZERS_KEY,
  finalizersOf,
  idText,
  isMarkedForDeletion,
  type ResourceType,
  type TypedResource,
} from "@trellis/resource";
import { type Backend, WILDCARD } from "@trellis/storage";

/** What is stored, by id, without what differs from run to run: uids, versions, generations and times. */
export type EndState = ReadonlyMap<string, string>;

/** A ULID in either case. */
const ULID = /[0-7][0-9A-HJKMNP-TV-Z]{25}/gi;

/** Reads what is stored of some types. A uid, wherever it stands, is written as the name of whom it belongs to, so that a name made of one compares as well. */
export async function readEndState(backend: Backend, types: readonly ResourceType[]): Promise<EndState> {
  const all = (await Promise.all(types.map((type) => readType(backend, type)))).flat();
  const names = new Map(all.map(({ resource: { id } }) => [id.uid.toUpperCase(), idText(id)]));
  const told = (text: string): string =>
    text.replaceAll(ULID, (uid) => `<uid of ${names.get(uid.toUpperCase()) ?? "something that is gone"}>`);
  return new Map(
    all
      .map(({ type, resource }) => [told(idText(resource.id)), told(describe(type, resource))] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

/** In what two states differ, for people: at most `limit` resources; undefined when they are the same. */
export function differences(expected: EndState, found: EndState, limit: number): string | undefined {
  const ids = [...new Set([...expected.keys(), ...found.keys()])].filter(
    (id) => expected.get(id) !== found.get(id),
  );
  if (ids.length === 0) return undefined;
  const lines = ids
    .slice(0, limit)
    .map((id) => `${id}\n expected ${expected.get(id) ?? "nothing"}\n found ${found.get(id) ?? "nothing"}`);
  const more = ids.length > limit ? [`and ${ids.length - limit} more`] : [];
  return [...lines, ...more].join("\n");
}

async function readType(backend: Backend, type: ResourceType) {
  const { group, kind, groupVersion } = type;
  const { records } = await backend.list({ group, kind, partition: WILDCARD, namespace: WILDCARD });
  return records
    .filter((record) => record.groupVersion === groupVersion)
    .map(({ bytes }) => ({ type, resource: decodeResource(type, fromBinary(ResourceSchema, bytes)) }));
}

function describe(type: ResourceType, resource: TypedResource): string {
  const { owner, generation, metadata, status, data } = resource;
  const { [DELETION_TIMESTAMP_KEY]: _, [FINALIZERS_KEY]: __, ...others } = metadata;
  const told = {
    ...(owner === undefined ? {} : { owner: `${idText(owner)} ${owner.uid}` }),
    ...(isMarkedForDeletion(metadata) ? { isMarked: true } : {}),
    finalizers: [...finalizersOf(metadata)].sort(),
    metadata: others,
    data: toJson(type.schema, data),
    status: Object.fromEntries(
      Object.entries(status).map(([key, { observedGeneration, conditions }]) => [
        key,
        {
          isCurrent: observedGeneration === generation,
          conditions: conditions.map((condition) => toJson(ConditionSchema, condition)),
        },
      ]),
    ),
  };
  return JSON.stringify(told, withSortedKeys);
}

/** For `JSON.stringify`: the same content gives the same text. */
function withSortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
