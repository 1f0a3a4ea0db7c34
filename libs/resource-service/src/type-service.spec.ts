import { createFileRegistry } from "@bufbuild/protobuf";
import { Code, createClient, type Client } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";

import {
  Artist,
  createFixture,
  expectError,
  expectInvalid,
  type Fixture,
  typeMessage,
} from "./test-support/fixture.ts";

let fixture: Fixture;
let types: Client<typeof TypeService>;
beforeEach(() => {
  fixture = createFixture();
  types = createClient(TypeService, fixture.server.transport);
});
afterEach(() => fixture.server.close());

describe("the type service", () => {
  it("lists the registered types, as their authors describe them", async () => {
    let headers = new Headers();
    const answer = await types.listTypes({}, { onHeader: (received) => (headers = received) });
    expect(answer.types).toHaveLength(8);
    expect(answer.types.find(({ messageName }) => messageName === "trellis.demo.v2.Artist")).toMatchObject({
      type: typeMessage(Artist),
      scope: Scope.NAMESPACE,
      description: "A band or a musician.",
      system: false,
    });
    expect(answer.registryVersion).toBe(fixture.server.registry.version());
    expect(headers.get("trellis-store")).toBe(fixture.server.backend.position().storeId);
  });

  it("gives the schema of types, with all that it imports", async () => {
    const { files } = await types.getSchema({ types: [typeMessage(Artist)] });
    if (files === undefined) throw new Error("there are no files");
    const schema = createFileRegistry(files).getMessage("trellis.demo.v2.Artist");
    expect(schema?.fields.map(({ name }) => name)).toEqual(["name", "genre", "group_members"]);
    const all = await types.getSchema({});
    expect(all.files?.file.map(({ name }) => name)).toContain("trellis/demo/v1/demo.proto");
  });

  it("says which of several types it does not know", async () => {
    const unknown = { ...typeMessage(Artist), groupVersion: "v9" };
    const call = types.getSchema({ types: [typeMessage(Artist), unknown] });
    await expectInvalid(call, "types[1]", "demo.v9.Artist not registered", "TYPE_NOT_REGISTERED");
  });

  it("answers whom the server knows", async () => {
    const authenticate = () => Promise.reject(new Error("secret"));
    const { server } = createFixture({ authenticator: { authenticate } });
    await expectError(createClient(TypeService, server.transport).listTypes({}), Code.Internal, "INTERNAL");
  });
});
