import { createConnectRouter } from "@connectrpc/connect";
import { createFetchHandler } from "@connectrpc/connect/protocol";
import { describe, expect, it } from "@jest/globals";
import demo from "@trellis/demo";
import { createRegistry } from "@trellis/registry";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock, seededRandom } from "@trellis/testing";

import { createResourceService } from "../resource-service.ts";

/** Calls a method by a name as a client does that speaks JSON. */
function createCaller() {
  const clock = createVirtualClock();
  const random = seededRandom(1);
  const backend = createMemoryBackend({ clock, random });
  const { routes } = createResourceService({ backend, registry: createRegistry([demo]), clock, random });
  const router = createConnectRouter({ jsonOptions: { registry: routes.schemas } });
  routes.connect(router);
  return async (path: string, request: object) => {
    const handler = router.handlers.find(({ requestPath }) => requestPath === path);
    if (handler === undefined) throw new Error(`nothing serves ${path}`);
    const answer = await createFetchHandler(handler)(
      new Request(`http://in.memory${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(request),
      }),
    );
    return { status: answer.status, body: JSON.parse(await answer.text()) as Record<string, unknown> };
  };
}

const REFERENCE = "/hashicorp.consul.resource.ResourceService";
const type = { group: "demo", groupVersion: "v2", kind: "Artist" };
const artistOf = (payload: string) => ({
  id: { type, name: "korn" },
  data: {
    "@type": `type.googleapis.com/${payload}`,
    name: "Korn",
    genre: "GENRE_BLUES",
    groupMembers: { jonathan: "voice" },
  },
});

describe("a client of the reference that speaks JSON", () => {
  it.each([
    "hashicorp.consul.internal.demo.v2.Artist",
    "hashicorp.consul.demo.v2.Artist",
    "trellis.demo.v2.Artist",
  ])("writes by the payload name %s, and is answered by the reference's", async (payload) => {
    const call = createCaller();
    const resource = artistOf(payload);
    const written = await call(`${REFERENCE}/Write`, { resource });
    const { data } = artistOf("hashicorp.consul.internal.demo.v2.Artist");
    expect(written).toMatchObject({ status: 200, body: { resource: { data } } });
    const read = await call(`${REFERENCE}/Read`, { id: resource.id });
    expect(read).toMatchObject({ status: 200, body: { resource: { data } } });
    const listed = await call(`${REFERENCE}/List`, { type, tenancy: {} });
    expect(listed).toMatchObject({ status: 200, body: { resources: [{ data }] } });
  });

  it("is refused a payload name that stands for nothing, and a field that is not there", async () => {
    const call = createCaller();
    const unknown = await call(`${REFERENCE}/Write`, {
      resource: artistOf("hashicorp.consul.demo.v9.Artist"),
    });
    expect(unknown).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    const misspelt = await call(`${REFERENCE}/Write`, {
      resource: artistOf("trellis.demo.v2.Artist"),
      reource: {},
    });
    expect(misspelt).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
  });

  it("has its payload names on its own path alone", async () => {
    const call = createCaller();
    const resource = artistOf("hashicorp.consul.demo.v2.Artist");
    const written = await call("/trellis.resource.v1.ResourceService/Write", { resource });
    expect(written).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
  });
});
