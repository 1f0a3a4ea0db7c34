import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type GetSchemaRequest,
  GetSchemaResponseSchema,
  type ListTypesRequest,
  type ListTypesResponse,
  ListTypesResponseSchema,
  type TypeInfo,
  TypeInfoSchema,
  type TypeService,
} from "@trellis/protos/trellis/resource/v1/type_service_pb";
import { type Registration, schemaFiles } from "@trellis/registry";

import type { Environment } from "./environment.ts";
import { unary } from "./handler.ts";
import { registrationOf } from "./target.ts";

/** How clients that were compiled without a type learn it: what there is, and the schema with its comments. */
export function createTypeService(environment: Environment): ServiceImpl<typeof TypeService> {
  const { registry } = environment;
  return {
    listTypes: unary<ListTypesRequest, ListTypesResponse>(environment, "read", async () =>
      create(ListTypesResponseSchema, {
        types: registry.types().map(typeInfo),
        registryVersion: registry.version(),
      }),
    ),
    getSchema: unary(environment, "read", async ({ types }: GetSchemaRequest) => {
      const wanted =
        types.length === 0
          ? registry.types()
          : types.map((type, index) => registrationOf(environment, type, `types[${index}]`));
      return create(GetSchemaResponseSchema, {
        files: schemaFiles(wanted),
        registryVersion: registry.version(),
      });
    }),
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
