import { converges, createTestServer, createVirtualClock, type TestServer } from "@trellis/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import hello, { Greeting } from "./index.ts";

describe("the hello controller", () => {
  let server: TestServer;
  beforeEach(() => {
    server = createTestServer({ domains: [hello], clock: createVirtualClock() });
  });
  afterEach(() => server.close());

  const write = (data: { to?: string; language?: string }) =>
    server.client.write(Greeting, { name: "ada", data });
  const said = async () => {
    await server.settled();
    const { status } = await server.client.read(Greeting, { name: "ada" });
    return status["example.dev/hello"]?.conditions[0]?.message;
  };

  it("greets in the language asked for, and again when the greeting changes", async () => {
    await write({ to: "Ada", language: "fr" });
    expect(await said()).toBe("Bonjour, Ada!");
    await write({ to: "Ada Lovelace" });
    expect(await said()).toBe("Hello, Ada Lovelace!");
  });

  it("says goodbye before a greeting goes", async () => {
    await write({ to: "Ada" });
    await server.settled();
    await server.client.delete(Greeting, { name: "ada" });
    await server.settled();
    expect(await server.client.find(Greeting, { name: "ada" })).toBeUndefined();
    expect(server.runtime.events()).toMatchObject([{ reason: "SaidGoodbye", message: "Goodbye, Ada!" }]);
  });

  it("refuses a language that it does not know, and nobody at all", async () => {
    await expect(write({ language: "xx" })).rejects.toMatchObject({
      message: expect.stringMatching(/data\.to.*data\.language|data\.language.*data\.to/s),
    });
  });

  it("says the same in the end, whatever goes wrong on the way", () =>
    converges({
      domains: [hello],
      changes: [
        (client) => client.write(Greeting, { name: "ada", data: { to: "Ada", language: "fr" } }),
        (client) => client.delete(Greeting, { name: "ada" }),
        (client) => client.write(Greeting, { name: "ada", data: { to: "Ada Lovelace" } }),
      ],
    }));
});
