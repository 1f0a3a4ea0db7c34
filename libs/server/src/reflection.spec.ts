import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { createMutableRegistry } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import {
  ServerReflection,
  type ServerReflectionRequest,
} from "@trellis/protos/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionAlpha } from "@trellis/protos/grpc/reflection/v1alpha/reflection_pb";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { createDescriptorIndex } from "./descriptor-index.ts";
import { registerReflection } from "./reflection.ts";

const schemas = createMutableRegistry();
const index = createDescriptorIndex([ResourceService], schemas);
const transport = createRouterTransport((router) => registerReflection(router, () => index));
const client = createClient(ServerReflection, transport);

type Question = ServerReflectionRequest["messageRequest"];

async function ask(...questions: readonly Question[]) {
  const requests = (async function* () {
    for (const messageRequest of questions) yield { messageRequest };
  })();
  const answers = [];
  for await (const { messageResponse } of client.serverReflectionInfo(requests))
    answers.push(messageResponse);
  return answers;
}

async function filesFor(question: Question): Promise<readonly string[]> {
  const [answer] = await ask(question);
  if (answer?.case !== "fileDescriptorResponse") throw new Error(`expected files, found ${answer?.case}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

describe("reflection", () => {
  it("answers question after question on one stream", async () => {
    const answers = await ask(
      { case: "listServices", value: "" },
      { case: "fileContainingSymbol", value: "no.such.Symbol" },
      { case: "listServices", value: "" },
    );
    expect(answers.map((answer) => answer.case)).toEqual([
      "listServicesResponse",
      "errorResponse",
      "listServicesResponse",
    ]);
    expect(answers[0]).toMatchObject({ value: { service: [{ name: ResourceService.typeName }] } });
    expect(answers[1]).toMatchObject({
      value: { errorCode: 5, errorMessage: expect.stringContaining("no.such.Symbol") },
    });
  });

  it.each([
    "trellis.resource.v1.ResourceService",
    "trellis.resource.v1.ResourceService.Read",
    "trellis.resource.v1.WriteRequest",
    "trellis.resource.v1.WriteRequest.Mode",
    "trellis.resource.v1.WriteRequest.resource",
    ".trellis.resource.v1.ReadRequest",
  ])("finds the file of %s, and all that it imports", async (symbol) => {
    const files = await filesFor({ case: "fileContainingSymbol", value: symbol });
    expect(files[0]).toBe("trellis/resource/v1/resource_service.proto");
    expect(files).toContain("google/protobuf/any.proto");
  });

  it("finds files by name, and extensions with their numbers", async () => {
    expect((await filesFor({ case: "fileByFilename", value: "buf/validate/validate.proto" }))[0]).toBe(
      "buf/validate/validate.proto",
    );
    const [numbers] = await ask({ case: "allExtensionNumbersOfType", value: "google.protobuf.FieldOptions" });
    expect(numbers).toMatchObject({ value: { extensionNumber: expect.arrayContaining([1159]) } });
    const extension = { containingType: "google.protobuf.FieldOptions", extensionNumber: 1159 };
    const question = { case: "fileContainingExtension", value: extension } as unknown as Question;
    expect((await filesFor(question))[0]).toBe("buf/validate/validate.proto");
  });

  it("finds types that were registered after it began", async () => {
    const question: Question = { case: "fileContainingSymbol", value: "trellis.demo.v2.Album" };
    expect((await ask(question))[0]?.case).toBe("errorResponse");
    schemas.add(AlbumSchema);
    expect((await filesFor(question))[0]).toBe("trellis/demo/v2/demo.proto");
  });

  it("answers a question that asks nothing", async () => {
    expect(await ask({ case: undefined })).toMatchObject([
      { case: "errorResponse", value: { errorCode: 3 } },
    ]);
  });

  it("is the same in v1alpha", async () => {
    const requests = (async function* () {
      yield { messageRequest: { case: "listServices" as const, value: "" } };
    })();
    for await (const { messageResponse } of createClient(
      ServerReflectionAlpha,
      transport,
    ).serverReflectionInfo(requests))
      expect(messageResponse.case).toBe("listServicesResponse");
  });
});
