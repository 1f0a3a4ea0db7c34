import { createTestServer } from "@trellis/testing";
import { describe, expect, it } from "@jest/globals";

import hello, { Greeting } from "./index.ts";

describe("the hello controller", () => {
  it("greets in the language asked for, and again when the greeting changes", async () => {
    const server = createTestServer({ domains: [hello] });
    const said = async () => {
      await server.settled();
      const { status } = await server.client.read(Greeting, { name: "ada" });
      return status["example.dev/hello"]?.conditions[0]?.message;
    };
    try {
      await server.client.write(Greeting, { name: "ada", data: { to: "Ada", language: "fr" } });
      expect(await said()).toBe("Bonjour, Ada!");
      await server.client.write(Greeting, { name: "ada", data: { to: "Ada Lovelace" } });
      expect(await said()).toBe("Hello, Ada Lovelace!");
    } finally {
      await server.close();
    }
  });

  it("refuses a language that it does not know, and nobody at all", async () => {
    const server = createTestServer({ domains: [hello] });
    try {
      const write = server.client.write(Greeting, { name: "ada", data: { language: "xx" } });
      await expect(write).rejects.toMatchObject({
        message: expect.stringMatching(/data\.to.*data\.language|data\.language.*data\.to/s),
      });
    } finally {
      await server.close();
    }
  });
});
