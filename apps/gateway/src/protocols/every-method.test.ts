import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll } from "@jest/globals";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { schemas } from "../test-support/album.ts";
import { bufCurlCaller } from "../test-support/callers/buf-curl-caller.ts";
import { curlCaller } from "../test-support/callers/curl-caller.ts";
import { fetchCaller } from "../test-support/callers/fetch-caller.ts";
import { grpcCaller } from "../test-support/callers/grpc-caller.ts";
import { transportCaller } from "../test-support/callers/transport-caller.ts";
import { describeEveryMethod } from "../test-support/every-method.ts";

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

describeEveryMethod("Connect with JSON, by curl", "post", () => curlCaller(server.url, "POST"));
describeEveryMethod("Connect with JSON and GET for reads, by curl", "get", () =>
  curlCaller(server.url, "GET"),
);
describeEveryMethod("Connect with JSON, by connect-web", "web-json", () =>
  transportCaller(createConnectTransport({ baseUrl: server.url, jsonOptions })),
);
describeEveryMethod("Connect with protobuf, by connect-web, reads by GET", "web-proto", () =>
  transportCaller(createConnectTransport({ baseUrl: server.url, useBinaryFormat: true, useHttpGet: true })),
);
describeEveryMethod("Connect with protobuf, by fetch", "fetch", () => fetchCaller(server.url));
describeEveryMethod("gRPC, by grpc-js", "grpc", () => grpc);
describeEveryMethod("gRPC-Web with protobuf, by connect-web", "grpc-web", () =>
  transportCaller(createGrpcWebTransport({ baseUrl: server.url })),
);
describeEveryMethod("gRPC-Web with JSON, by connect-web", "grpc-web-json", () =>
  transportCaller(createGrpcWebTransport({ baseUrl: server.url, useBinaryFormat: false, jsonOptions })),
);
describeEveryMethod("gRPC, by buf curl and reflection", "buf-grpc", () => bufCurlCaller(server.url, "grpc"));
