import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  file_trellis_resource_v1_resource_service,
  ResourceService,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

/** The reference's package and service (specification §1). */
const PACKAGE = "hashicorp.consul.resource";

/** The methods that the reference has. */
const METHODS = [
  "Read",
  "Write",
  "WriteStatus",
  "List",
  "ListByOwner",
  "Delete",
  "WatchList",
  "MutateAndValidate",
] as const;

/**
 * The resource service under the name by which the reference's clients call it. Its messages are Trellis's own: they keep the reference's
 * field numbers, so the bytes on the wire are the same.
 */
export const CompatibleService: DescService = describeService();

function describeService(): DescService {
  const original = file_trellis_resource_v1_resource_service;
  const methods = ResourceService.methods.filter(({ name }) => (METHODS as readonly string[]).includes(name));
  const file = create(FileDescriptorProtoSchema, {
    name: "hashicorp/consul/resource/resource_service.proto",
    package: PACKAGE,
    syntax: "proto3",
    dependency: [original.proto.name],
    service: [{ name: ResourceService.name, method: methods.map(({ proto }) => proto) }],
  });
  const service = createFileRegistry(file, (name) =>
    name === original.proto.name ? original : undefined,
  ).getService(`${PACKAGE}.${ResourceService.name}`);
  if (service === undefined) throw new Error(`${PACKAGE}.${ResourceService.name} was not described`);
  return service;
}
