import {
  createRegistry,
  type DescEnum,
  type DescExtension,
  type DescMessage,
  type DescService,
  type Registry as SchemaRegistry,
} from "@bufbuild/protobuf";
import {
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "@trellis/protos/google/rpc/error_details_pb";

type Desc = DescMessage | DescEnum | DescExtension | DescService;

/** Types that may stand in an `Any` whatever the parts are: error details and the well-known ones. */
const common = createRegistry(
  file_google_rpc_error_details,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
);

/** One view on several registries, which may go on growing. The first that knows a name answers. */
export function joinSchemas(registries: readonly SchemaRegistry[]): SchemaRegistry {
  const all = [...registries, common];
  function first<T>(look: (registry: SchemaRegistry) => T | undefined): T | undefined {
    for (const registry of all) {
      const found = look(registry);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  function* everything(): IterableIterator<Desc> {
    const seen = new Set<string>();
    for (const registry of all) {
      for (const desc of registry) {
        if (seen.has(desc.typeName)) continue;
        seen.add(desc.typeName);
        yield desc;
      }
    }
  }
  return {
    kind: "registry",
    [Symbol.iterator]: everything,
    get: (name) => first((registry) => registry.get(name)),
    getMessage: (name) => first((registry) => registry.getMessage(name)),
    getEnum: (name) => first((registry) => registry.getEnum(name)),
    getExtension: (name) => first((registry) => registry.getExtension(name)),
    getExtensionFor: (extendee, no) => first((registry) => registry.getExtensionFor(extendee, no)),
    getService: (name) => first((registry) => registry.getService(name)),
  };
}
