import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";

import type { Choices } from "./random.ts";

/** A request that a server would take as it is, before anything is broken about it. */
export interface SeedRequest {
  readonly service: string;
  readonly method: DescMethod;
  readonly message: Message;
}

const TYPE = { group: "demo", groupVersion: "v2", kind: "Album" };
/** Names that the requests share, so that the store stays small however many are sent. */
const NAMES = 50;

/** Makes a request that is right in every way. */
export function seedRequest(choices: Choices): SeedRequest {
  const id = { type: TYPE, name: `fuzz-${choices.below(NAMES)}` };
  const data = anyPack(
    AlbumSchema,
    create(AlbumSchema, { title: `Title ${choices.below(1000)}`, tracks: ["one", "two"] }),
  );
  const resource = create(ResourceSchema, { id, metadata: { team: "fuzz" }, data });
  const write = { operation: { case: "write" as const, value: { resource } } };
  const { method } = ResourceService;
  const make: readonly (() => SeedRequest)[] = [
    () => of(method.read, create(method.read.input, { id })),
    () => of(method.write, create(method.write.input, { resource })),
    () => of(method.list, create(method.list.input, { type: TYPE, tenancy: {}, pageSize: 10 })),
    () => of(method.delete, create(method.delete.input, { id })),
    () => of(method.mutateAndValidate, create(method.mutateAndValidate.input, { resource })),
    () => of(method.transact, create(method.transact.input, { operations: [write] })),
    () => of(method.batchWrite, create(method.batchWrite.input, { operations: [write] })),
    () =>
      of(
        method.listByOwner,
        create(method.listByOwner.input, { owner: { ...id, uid: "01JDE6XJ4Z8Q6Z0000000000AA" } }),
      ),
    () =>
      of(
        method.writeStatus,
        create(method.writeStatus.input, { id, key: "fuzz.dev/a", status: { observedGeneration: "x" } }),
      ),
    () => of(method.watchList, create(method.watchList.input, { type: TYPE, tenancy: {}, bookmarks: true })),
    () => ({
      service: TypeService.typeName,
      method: TypeService.method.listTypes,
      message: create(TypeService.method.listTypes.input),
    }),
  ];
  return choices.pick(make)();
}

function of(method: DescMethod, message: Message): SeedRequest {
  return { service: ResourceService.typeName, method, message };
}
