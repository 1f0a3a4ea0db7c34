import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe } from "@jest/globals";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { schemas } from "../test-support/album.ts";
import { bufCurlCaller, type BufProtocol } from "../test-support/callers/buf-curl-caller.ts";
import { grpcCaller } from "../test-support/callers/grpc-caller.ts";
import { transportCaller } from "../test-support/callers/transport-caller.ts";
import { itWatches } from "../test-support/watch.ts";

let server: ServerProcess;
let grpc: ReturnType<typeof grpcCaller>;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo"] });
  grpc = grpcCaller(server.url);
}, 60_000);
afterAll(async () => {
  grpc.close();
  await server.stop();
});

const jsonOptions = { registry: schemas };

describe("a watch: a snapshot, what happens then, and resuming", () => {
  itWatches("Connect with JSON, by connect-web", "web-json", () =>
    transportCaller(createConnectTransport({ baseUrl: server.url, jsonOptions })),
  );
  itWatches("Connect with protobuf, by connect-web", "web-proto", () =>
    transportCaller(createConnectTransport({ baseUrl: server.url, useBinaryFormat: true })),
  );
  itWatches("gRPC-Web with protobuf, by connect-web", "grpc-web", () =>
    transportCaller(createGrpcWebTransport({ baseUrl: server.url })),
  );
  itWatches("gRPC-Web with JSON, by connect-web", "grpc-web-json", () =>
    transportCaller(createGrpcWebTransport({ baseUrl: server.url, useBinaryFormat: false, jsonOptions })),
  );
  itWatches("gRPC, by grpc-js", "grpc", () => grpc);
  for (const protocol of ["grpc", "grpcweb", "connect"] satisfies BufProtocol[]) {
    itWatches(`buf curl by reflection, --protocol ${protocol}`, `buf-${protocol}`, () =>
      bufCurlCaller(server.url, protocol),
    );
  }
});
