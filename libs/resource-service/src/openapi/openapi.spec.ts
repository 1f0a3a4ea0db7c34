import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { Validator } from "@seriousme/openapi-schema-validator";
import catalog from "@trellis/catalog";
import demo from "@trellis/demo";
import { createRegistry } from "@trellis/registry";
import { createTestServer } from "@trellis/testing";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

import { createResourceService } from "../resource-service.ts";
import { openApiDocument } from "./document.ts";
import { createOpenApiRoute } from "./route.ts";

const registry = createRegistry([catalog, demo]);
const document = openApiDocument(registry);

/** What stands at a path of the document. */
function at(...path: readonly string[]): JsonObject {
  let value: unknown = document;
  for (const key of path) value = (value as Record<string, unknown>)[key];
  return value as JsonObject;
}

function jsonOf(body: unknown): unknown {
  if (typeof body !== "string") throw new TypeError("expected a body of text");
  return JSON.parse(body);
}

function get(
  path: string,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
) {
  return createOpenApiRoute(registry).handle({
    method,
    url: new URL(`http://trellis.test${path}`),
    headers: new Headers(headers),
    body: async () => new Uint8Array(),
    signal: new AbortController().signal,
  });
}

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as Record<string, unknown>,
    );
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it("has the four paths of every registered type, and names each operation once", () => {
    const paths = at("paths");
    expect(Object.keys(paths)).toHaveLength(4 * registry.types().length);
    expect(Object.keys(at("paths", "/api/catalog/v1/Workload/{name}"))).toEqual([
      "parameters",
      "get",
      "put",
      "delete",
    ]);
    const ids = Object.values(paths).flatMap((item) =>
      Object.values(item as Record<string, { operationId?: string }>).flatMap(
        ({ operationId }) => operationId ?? [],
      ),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("carries the comments of the protos: of types, fields, enums and their values", () => {
    expect(at("components", "schemas", "Resource.catalog.v1.Node")["description"]).toBe(
      "A machine that workloads run on.",
    );
    expect(at("components", "schemas", "trellis.catalog.v1.Workload", "properties", "identity")).toEqual({
      type: "string",
      description: "Who it is in the mesh.",
    });
    expect(at("components", "schemas", "trellis.catalog.v1.Health")["description"]).toContain(
      "HEALTH_ANY: No health",
    );
  });

  it("asks for a tenancy where the type's scope has one", () => {
    const named = (path: string) =>
      (at("paths", path, "get")["parameters"] as { $ref: string }[]).map(({ $ref }) =>
        $ref.split("/").at(-1),
      );
    expect(named("/api/demo/v1/Executive")).not.toContain("partition");
    expect(named("/api/demo/v1/RecordLabel")).toContain("partition");
    expect(named("/api/demo/v1/RecordLabel")).not.toContain("namespace");
    expect(named("/api/demo/v2/Artist")).toEqual(expect.arrayContaining(["partition", "namespace"]));
  });

  it("has everything that a watch takes, and the name in the query that it is there", () => {
    const refs = at("paths", "/api/demo/v2/Artist", "get")["parameters"] as { $ref: string }[];
    const own = refs.map(({ $ref }) => at("components", "parameters", $ref.split("/").at(-1) ?? ""));
    const inQuery = own.filter((one) => one["in"] === "query").map((one) => one["name"]);
    expect(inQuery).toEqual(expect.arrayContaining(["watch", "since", "bookmarks", "name", "ns"]));
  });

  it("has the headers of the API on every operation: those that it takes, and those of its answers", () => {
    for (const path of Object.values(at("paths")) as Record<string, JsonObject>[]) {
      for (const verb of ["get", "put", "delete"].filter((one) => one in path)) {
        const { parameters, responses } = path[verb] as {
          parameters: { $ref: string }[];
          responses: Record<string, { headers?: object }>;
        };
        const named = parameters.map(({ $ref }) => $ref.split("/").at(-1));
        for (const name of ["consistency", "min-version", "store", "timeout-ms"])
          expect(named).toContain(`trellis-${name}`);
        for (const [status, { headers }] of Object.entries(responses)) {
          if (status !== "default") expect(Object.keys(headers ?? {})).toContain("trellis-version");
        }
      }
    }
    expect(Object.keys(at("components", "responses", "Problem", "headers"))).toEqual([
      "trellis-store",
      "trellis-version",
      "Retry-After",
    ]);
  });

  it("describes what the server really answers", async () => {
    const server = createTestServer({ domains: [catalog, demo], controllers: [] });
    const { http } = createResourceService({
      registry: server.registry,
      backend: server.backend,
      clock: { now: () => 0, monotonic: () => 0, after: () => () => undefined },
      random: () => 0.5,
    }).routes;
    const ask = async (method: string, path: string, body?: unknown) => {
      const url = new URL(`http://trellis.test${path}`);
      const route = http.find(({ prefix }) => url.pathname.startsWith(prefix));
      const answer = await route?.handle({
        method,
        url,
        headers: new Headers({ "content-type": "application/json" }),
        body: async () => Buffer.from(JSON.stringify(body ?? {})),
        signal: new AbortController().signal,
      });
      return { status: answer?.status, json: jsonOf(answer?.body) };
    };
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    ajv.addSchema({ $id: "openapi", ...(structuredClone(document) as Record<string, unknown>) });
    const check = (schema: string, value: unknown) => {
      const valid = ajv.validate({ $ref: `openapi#/components/schemas/${schema}` }, value);
      expect(ajv.errors ?? []).toEqual([]);
      expect(valid).toBe(true);
    };
    expect((await ask("GET", "/openapi.json")).json).toEqual(document);
    const written = await ask("PUT", "/api/demo/v2/Artist/korn", {
      data: { name: "Korn", groupMembers: { jon: "vocals" } },
    });
    expect(written.status).toBe(200);
    check("Resource.demo.v2.Artist", written.json);
    const failed = await ask("PUT", "/api/demo/v2/Artist/none", { data: {} });
    expect(failed.status).toBe(400);
    check("Problem", failed.json);
    await server.close();
  });
});

describe("GET /openapi.json", () => {
  it("answers the document, with the registry's version as its ETag", async () => {
    const { status, headers, body } = await get("/openapi.json");
    expect(status).toBe(200);
    expect(jsonOf(body)).toEqual(document);
    const again = await get("/openapi.json", { headers: { "if-none-match": headers?.["etag"] ?? "" } });
    expect(again.status).toBe(304);
  });

  it("takes no other verb and no longer path", async () => {
    expect(await get("/openapi.json", { method: "POST" })).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
    expect(await get("/openapi.json/x")).toMatchObject({ status: 404 });
  });
});
