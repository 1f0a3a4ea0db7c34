import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  GetSchemaResponseSchema,
  ListTypesResponseSchema,
  type TypeInfo,
  TypeInfoSchema,
  type TypeService,
} from "@trellis/protos/trellis/resource/v1/type_service_pb";
import { type Registration, type Registry, schemaFiles } from "@trellis/registry";
import { apiError, typeNameText } from "@trellis/resource";

/** How clients that were compiled without a type learn it: what there is, and the schema with its comments. */
export function createTypeService(registry: Registry): ServiceImpl<typeof TypeService> {
  return {
    listTypes: () =>
      create(ListTypesResponseSchema, {
        types: registry.types().map(typeInfo),
        registryVersion: registry.version(),
      }),
    getSchema: ({ types }) => {
      const wanted = types.length === 0 ? registry.types() : types.map((type) => registered(registry, type));
      return create(GetSchemaResponseSchema, {
        files: schemaFiles(wanted),
        registryVersion: registry.version(),
      });
    },
  };
}

function typeInfo({ type, description, system }: Registration): TypeInfo {
  return create(TypeInfoSchema, {
    type: { group: type.group, groupVersion: type.groupVersion, kind: type.kind },
    scope: type.scope,
    messageName: type.schema.typeName,
    shortNames: [...type.shortNames],
    columns: [...type.columns],
    description,
    system,
  });
}

function registered(
  registry: Registry,
  type: { group: string; groupVersion: string; kind: string },
): Registration {
  const registration = registry.resolve(type);
  if (registration !== undefined) return registration;
  throw apiError({
    reason: "TYPE_NOT_REGISTERED",
    message: `type ${typeNameText(type)} is not registered here; "trellis types" lists those that are`,
    violations: [{ field: "types", description: `${typeNameText(type)} is not registered` }],
  });
}
