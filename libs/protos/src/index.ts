import { readFileSync } from "node:fs";
import { join } from "node:path";

import { fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const IMAGE = join(import.meta.dirname, "../image.binpb");

let files: ReadonlyMap<string, FileDescriptorProto> | undefined;

/**
 * The house's .proto files as descriptors, by name ("trellis/catalog/v1/workload.proto"), with the comments that generated code
 * lacks. Read from disk once.
 */
export function descriptorImage(): ReadonlyMap<string, FileDescriptorProto> {
  files ??= new Map(
    fromBinary(FileDescriptorSetSchema, readFileSync(IMAGE)).file.map((file) => [file.name, file]),
  );
  return files;
}
