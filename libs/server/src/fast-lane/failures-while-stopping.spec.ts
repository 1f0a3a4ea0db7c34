import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "@jest/globals";
import { ReadRequestSchema, ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { apiError } from "@trellis/resource";
import { RAW_FORMS, rawCall } from "@trellis/testkit";

import { deferred, eventually, startServer, stopServers, testPart } from "../test-support/test-server.ts";

afterEach(stopServers);

const EMPTY = create(ReadRequestSchema);

describe("a server that stops", () => {
  it.each(RAW_FORMS.map((form) => [form.name, form] as const))(
    "waits for a call that fails, and answers it, %s",
    async (_, form) => {
      const release = deferred();
      const part = testPart({
        connect: (router) =>
          router.service(ResourceService, {
            async read() {
              await release.promise;
              throw apiError({ reason: "RESOURCE_NOT_FOUND", message: "it is not there" });
            },
          }),
      });
      const { url, server } = await startServer([part]);
      const message = form.json
        ? Buffer.from(toJsonString(ReadRequestSchema, EMPTY))
        : toBinary(ReadRequestSchema, EMPTY);
      const called = rawCall(url, form, { path: `/${ResourceService.typeName}/Read`, message });
      await eventually(() => expect(server.load().requests).toBe(1));
      const stopped = server.stop();
      // Nothing else is left to wait for by then.
      for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
      release.resolve();
      const { status, trailers } = await called;
      expect(form.enveloped ? trailers["grpc-status"] : status).toBe(form.enveloped ? "5" : 404);
      await stopped;
    },
  );
});
