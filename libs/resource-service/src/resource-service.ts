import type { Registry as SchemaRegistry } from "@bufbuild/protobuf";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { allowAll, anonymousAuthenticator } from "@trellis/authz";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";
import { createUlids } from "@trellis/resource";

import { batchWrite } from "./batch-write.ts";
import { deleteResource } from "./delete.ts";
import { setPosition } from "./call.ts";
import { CommonTellings } from "./common-tellings.ts";
import { registerCompatibleService } from "./compatibility/handlers.ts";
import {
  createEnvironment,
  type Environment,
  type ResourceServiceConfig,
  type ResourceServiceDeps,
} from "./environment.ts";
import { serverStream, unary } from "./handler.ts";
import { list } from "./list.ts";
import { listByOwner } from "./list-by-owner.ts";
import { mutateAndValidate } from "./mutate-and-validate.ts";
import { createOpenApiRoute } from "./openapi/route.ts";
import { read } from "./read.ts";
import { requestReaders } from "./request-readers.ts";
import { RecentlyShown } from "./recently-shown.ts";
import type { RestRoute } from "./rest/http.ts";
import { createRestRoutes } from "./rest/routes.ts";
import { transact } from "./transact.ts";
import { createTypeService } from "./type-service.ts";
import { type OpenWatches, watchList } from "./watch-list.ts";
import { write } from "./write.ts";
import { writeStatus } from "./write-status.ts";

/** The resource service as a part of a process: what a listener serves, and how it starts and ends. */
export interface ResourceServicePart {
  readonly name: string;
  readonly routes: {
    readonly connect: (router: ConnectRouter) => void;
    readonly http: readonly RestRoute[];
    readonly schemas: SchemaRegistry;
    readonly requestReaders: typeof requestReaders;
  };
  start(): Promise<void>;
  /** Ends all watches, each with a bookmark and `SHUTTING_DOWN`. */
  stop(): Promise<void>;
}

/** Makes the resource service, the type service beside it, and the REST routes over both. */
export function createResourceService(
  deps: ResourceServiceDeps,
  config: ResourceServiceConfig = {},
): ResourceServicePart {
  const environment = createEnvironment(
    {
      ...deps,
      authenticator: deps.authenticator ?? anonymousAuthenticator,
      authorizer: deps.authorizer ?? allowAll,
      ulid: deps.ulid ?? createUlids(deps),
    },
    config,
  );
  const stopping = new AbortController();
  const open: OpenWatches = {
    stopping: stopping.signal,
    recent: new RecentlyShown(),
    tellings: new CommonTellings(),
    count: 0,
  };
  const service = methodsOf(environment, open);
  return {
    name: "resources",
    routes: {
      connect(router) {
        router.service(ResourceService, methodsOf({ ...environment, answersAsStored: true }, open));
        router.service(TypeService, createTypeService(environment));
        registerCompatibleService(router, { service, registry: deps.registry });
      },
      http: [
        ...createRestRoutes({
          service,
          registry: deps.registry,
          setPosition: (headers) => setPosition(headers, deps.backend, { newest: undefined }),
        }),
        createOpenApiRoute(deps.registry),
      ],
      schemas: deps.registry.schemas,
      requestReaders,
    },
    start: async () => undefined,
    stop: async () => stopping.abort(),
  };
}

function methodsOf(environment: Environment, open: OpenWatches): ServiceImpl<typeof ResourceService> {
  return {
    read: unary(environment, "read", (request, call) => read(environment, request, call)),
    write: unary(environment, "mutation", (request, call) => write(environment, request, call)),
    writeStatus: unary(environment, "mutation", (request, call) => writeStatus(environment, request, call)),
    list: unary(environment, "read", (request, call) => list(environment, request, call)),
    listByOwner: unary(environment, "read", (request, call) => listByOwner(environment, request, call)),
    delete: unary(environment, "mutation", (request, call) => deleteResource(environment, request, call)),
    watchList: serverStream(environment, (request, call, outlet) =>
      watchList({ environment, open, outlet }, request, call),
    ),
    mutateAndValidate: unary(environment, "read", (request, call) =>
      mutateAndValidate(environment, request, call),
    ),
    transact: unary(environment, "mutation", (request, call) => transact(environment, request, call)),
    batchWrite: unary(environment, "mutation", (request, call) => batchWrite(environment, request, call)),
  };
}
