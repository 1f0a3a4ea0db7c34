import { afterEach, describe, expect, it } from "@jest/globals";
import demo, { v2 } from "@trellis/demo";
import { errorReason } from "@trellis/resource";
import type { TenancyPolicy } from "@trellis/resource-service";
import { Namespace, TENANCY_FINALIZER } from "@trellis/system";

import { createTestServer, type TestServer, type TestServerOptions } from "./test-server.ts";
import { createVirtualClock } from "./virtual-clock.ts";

const { Artist, Album } = v2;
let server: TestServer;
afterEach(() => server.close());

function start(options: Partial<TestServerOptions> = {}): void {
  server = createTestServer({ domains: [demo], controllers: [], system: true, ...options });
}

/** An artist with an album, which is owned by it. */
async function writeOwned(namespace?: string): Promise<void> {
  const where = namespace === undefined ? {} : { namespace };
  const { resource: artist } = await server.client.write(Artist, {
    name: "korn",
    ...where,
    data: { name: "Korn" },
  });
  await server.client.write(Album, { name: "issues", ...where, owner: artist.id, data: { title: "Issues" } });
}

describe("a test server with the system", () => {
  it.each([
    ["time that passes", {}],
    ["time that stands still", { clock: createVirtualClock() }],
  ])("deletes what a deleted resource owned: with %s, it is settled once all is gone", async (_, options) => {
    start(options);
    await writeOwned();
    await server.client.delete(Artist, { name: "korn" });
    await server.settled();
    expect(await server.client.find(Album, { name: "issues" })).toBeUndefined();
  });

  it("has the default tenancy from the first call on, and others once they are made", async () => {
    start({ clock: createVirtualClock() });
    await writeOwned();
    const refused: unknown = await writeOwned("blue").catch((error: unknown) => error);
    expect(errorReason(refused)).toBe("NAMESPACE_NOT_FOUND");
    await server.client.write(Namespace, { name: "blue" });
    await writeOwned("blue");
    await server.client.delete(Namespace, { name: "blue" });
    await server.settled();
    expect(await server.client.find(Namespace, { name: "blue" })).toBeUndefined();
    expect(await server.client.find(Artist, { name: "korn" })).toBeDefined();
  });

  it("tells callers apart from the system", async () => {
    start();
    const { resource: namespace } = await server.client.write(Namespace, { name: "blue" });
    expect(Object.values(namespace.metadata).join()).toContain(TENANCY_FINALIZER);
    const refused: unknown = await server.client
      .delete(Namespace, { name: "default" })
      .catch((error: unknown) => error);
    expect(errorReason(refused)).toBe("PERMISSION_DENIED");
  });

  it("takes no tenancy policy beside the system's", () => {
    start();
    const tenancy: TenancyPolicy = {
      state: () => ({ partition: "live", namespace: "live" }),
      guards: () => [],
    };
    expect(() => createTestServer({ domains: [demo], system: true, tenancy })).toThrow(
      "expected either system or tenancy; found both",
    );
  });
});

describe("a test server without the system", () => {
  it("deletes one resource at a time", async () => {
    start({ system: false });
    await writeOwned();
    await server.client.delete(Artist, { name: "korn" });
    await server.settled();
    expect(await server.client.find(Album, { name: "issues" })).toBeDefined();
  });
});
