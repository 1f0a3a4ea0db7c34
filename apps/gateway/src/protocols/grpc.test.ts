import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client as GrpcClient, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUM, album } from "../test-support/album.ts";

const { method } = ResourceService;

let server: ServerProcess;
let client: GrpcClient;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo"] });
  client = new GrpcClient(new URL(server.url).host, credentials.createInsecure());
}, 60_000);
afterAll(async () => {
  client.close();
  expect(await server.stop()).toBe(0);
});

interface Unary {
  readonly name: string;
  readonly input: DescMessage;
  readonly output: DescMessage;
}

function call<M extends Unary>(
  rpc: M,
  request: MessageInitShape<M["input"]>,
): Promise<MessageShape<M["output"]>> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/${ResourceService.typeName}/${rpc.name}`,
      (message: MessageShape<M["input"]>) => Buffer.from(toBinary(rpc.input, message)),
      (bytes: Buffer) => fromBinary(rpc.output, bytes) as MessageShape<M["output"]>,
      create(rpc.input, request) as MessageShape<M["input"]>,
      (error: ServiceError | null, response?: MessageShape<M["output"]>) => {
        if (error !== null) reject(error);
        else if (response !== undefined) resolve(response);
      },
    );
  });
}

describe("gRPC, by grpc-js", () => {
  it("writes, reads, lists and deletes", async () => {
    const { resource } = await call(method.write, { resource: album("by-grpc", "Isn't Anything") });
    expect((await call(method.read, { id: { type: ALBUM, name: "by-grpc" } })).resource).toEqual(resource);
    const { resources } = await call(method.list, { type: ALBUM, tenancy: {}, namePrefix: "by-grpc" });
    expect(resources).toEqual([resource]);
    await call(method.delete, { id: { type: ALBUM, name: "by-grpc" } });
    await expect(call(method.read, { id: { type: ALBUM, name: "by-grpc" } })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  it("carries the reason in the error's details", async () => {
    const error = await call(method.read, { id: { type: ALBUM, name: "nobody" } }).catch(
      (thrown: ServiceError) => thrown,
    );
    const details = (error as ServiceError).metadata.get("grpc-status-details-bin")[0];
    expect(Buffer.from(details as Buffer).toString("latin1")).toContain("RESOURCE_NOT_FOUND");
  });

  it("watches: a snapshot, then what happens", async () => {
    await call(method.write, { resource: album("grpc-watched", "Going Blank Again") });
    const { watchList } = method;
    const stream = client.makeServerStreamRequest(
      `/${ResourceService.typeName}/${watchList.name}`,
      (message: MessageShape<typeof watchList.input>) => Buffer.from(toBinary(watchList.input, message)),
      (bytes: Buffer) => fromBinary(watchList.output, bytes),
      create(watchList.input, { type: ALBUM, name: "grpc-watched" }),
    );
    const seen: string[] = [];
    for await (const message of stream as AsyncIterable<MessageShape<typeof watchList.output>>) {
      seen.push(message.event.case ?? "");
      if (message.event.case === "endOfSnapshot")
        await call(method.delete, { id: { type: ALBUM, name: "grpc-watched" } });
      if (message.event.case === "delete") break;
    }
    stream.cancel();
    expect(seen).toEqual(["upsert", "endOfSnapshot", "delete"]);
  });
});
