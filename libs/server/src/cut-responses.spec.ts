import { once } from "node:events";
import { connect } from "node:http2";

import { afterEach, describe, expect, it } from "@jest/globals";

import { routesPart, startServer, stopServers } from "./test-support/test-server.ts";

afterEach(stopServers);

describe("a response that ends in the middle", () => {
  it("says over HTTP/2 that it is not whole", async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("the first half");
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error("the second half is lost");
    }
    const { url } = await startServer([routesPart({ "/half": async () => ({ status: 200, body: body() }) })]);
    const session = connect(url);
    const stream = session.request({ ":path": "/half" });
    const cut = expect(once(stream, "close")).rejects.toThrow("NGHTTP2_INTERNAL_ERROR");
    await once(stream, "response");
    stream.resume();
    await cut;
    session.destroy();
  });
});
