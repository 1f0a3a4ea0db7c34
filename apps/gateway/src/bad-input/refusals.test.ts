import { request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { connect as connectTcp } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ServerProcess, startGateway } from "@trellis/testkit";

const SERVICE = "/trellis.resource.v1.ResourceService";
const WORKLOAD = { group: "catalog", groupVersion: "v1", kind: "Workload" };
const ALBUM = { group: "demo", groupVersion: "v2", kind: "Album" };

let server: ServerProcess;
beforeAll(async () => {
  server = await startGateway({
    domains: ["@trellis/demo", "@trellis/catalog"],
    flags: ["--body-timeout-ms", "1500"],
  });
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

interface Refusal {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

async function send(
  path: string,
  init: RequestInit & { headers?: Record<string, string> },
): Promise<Refusal> {
  const response = await fetch(server.url + path, { method: "POST", ...init });
  const text = await response.text();
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Some protocols answer without JSON; the test then looks at the text.
  }
  return { status: response.status, body, text };
}

function connectJson(
  method: string,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<Refusal> {
  const body = typeof message === "string" ? message : JSON.stringify(message);
  return send(`${SERVICE}/${method}`, { headers: { "content-type": "application/json", ...headers }, body });
}

function rest(
  path: string,
  body: string | undefined,
  init: { method?: string; headers?: Record<string, string> } = {},
): Promise<Refusal> {
  const headers = { "content-type": "application/json", ...init.headers };
  return send(`/api/${path}`, {
    method: init.method ?? "PUT",
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

/** The reason that a Connect error carries in the `debug` form of its details. */
function reasonOf({ body }: Refusal): unknown {
  const details = body["details"] as { type: string; debug?: { reason?: string } }[] | undefined;
  return details?.find(({ type }) => type === "google.rpc.ErrorInfo")?.debug?.reason;
}

/** The fields that a Connect error's BadRequest names. */
function fieldsOf({ body }: Refusal): readonly string[] {
  const details = body["details"] as
    { type: string; debug?: { fieldViolations?: { field: string }[] } }[] | undefined;
  return (
    details
      ?.find(({ type }) => type === "google.rpc.BadRequest")
      ?.debug?.fieldViolations?.map(({ field }) => field) ?? []
  );
}

function workload(data: object): object {
  return {
    resource: {
      id: { type: WORKLOAD, name: "bad" },
      data: { "@type": "trellis.catalog.v1.Workload", ...data },
    },
  };
}

describe("a request that names what is not there", () => {
  it("learns that the type is unknown", async () => {
    const refusal = await connectJson("Read", {
      id: { type: { group: "demo", groupVersion: "v9", kind: "Album" }, name: "x" },
    });
    expect(refusal).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    expect(reasonOf(refusal)).toBe("TYPE_NOT_REGISTERED");
    expect(await rest("demo/v9/album/x", undefined, { method: "GET" })).toMatchObject({
      status: 404,
      body: { reason: "TYPE_NOT_REGISTERED" },
    });
  });

  it("learns that the route is unknown", async () => {
    expect(await send("/nowhere", { method: "GET" })).toMatchObject({
      status: 404,
      body: { reason: "ROUTE_NOT_FOUND" },
    });
    expect((await connectJson("NoSuchMethod", {})).status).toBe(404);
  });

  it("learns which verbs a route takes", async () => {
    expect((await send(`${SERVICE}/Write`, { method: "DELETE" })).status).toBe(405);
    expect(await rest("demo/v2/album/x", "{}", { method: "PATCH" })).toMatchObject({
      status: 405,
      body: { reason: "METHOD_NOT_ALLOWED" },
    });
  });

  it("learns which content types a route takes", async () => {
    expect(
      (await send(`${SERVICE}/Read`, { headers: { "content-type": "text/csv" }, body: "a,b" })).status,
    ).toBe(415);
    expect(await rest("demo/v2/album/x", "a: b", { headers: { "content-type": "text/yaml" } })).toMatchObject(
      {
        status: 415,
        body: { reason: "UNSUPPORTED_MEDIA_TYPE" },
      },
    );
  });
});

describe("a payload that breaks rules", () => {
  it("is refused with all violations at once, each at its field", async () => {
    const refusal = await connectJson(
      "Write",
      workload({
        addresses: [{ host: "not a host" }],
        ports: { "far-too-long-a-port-name": { port: 70_000 } },
        locality: { zone: "z" },
      }),
    );
    expect(reasonOf(refusal)).toBe("INVALID_DATA");
    expect(fieldsOf(refusal)).toHaveLength(4);
    expect(fieldsOf(refusal)).toEqual(
      expect.arrayContaining([
        "resource.data.addresses[0].host",
        expect.stringMatching(/^resource\.data\.ports/),
        "resource.data.locality",
      ]),
    );
  });

  it("is refused when it is of another type", async () => {
    const data = { "@type": "trellis.demo.v2.Album", title: "x" };
    const refusal = await connectJson("Write", { resource: { id: { type: WORKLOAD, name: "bad" }, data } });
    expect(reasonOf(refusal)).toBe("WRONG_DATA_TYPE");
  });

  it.each(["", "UPPER", "with_underscore", "-dash", "dash-", "a".repeat(64), "ünïcode"])(
    "is refused under the name %j",
    async (name) => {
      const refusal = await connectJson("Write", { resource: { id: { type: ALBUM, name } } });
      expect(refusal.status).toBe(400);
      expect(fieldsOf(refusal)).toContain("resource.id.name");
    },
  );
});

describe("a request that cannot be read", () => {
  it.each([
    ["an unknown field", JSON.stringify({ resource: { id: { type: ALBUM, name: "x" }, colour: "red" } })],
    ["broken JSON", '{"resource": {'],
    ["the wrong kind of value", JSON.stringify({ resource: 7 })],
    ["nothing at all", ""],
  ])("is refused for %s, over Connect with JSON", async (_, body) => {
    const refusal = await connectJson("Write", body);
    expect(refusal).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    expect(["MALFORMED_REQUEST", "INVALID_REQUEST"]).toContain(reasonOf(refusal));
  });

  it.each([
    ["an unknown field", JSON.stringify({ dada: { title: "x" } })],
    ["an unknown field of the data", JSON.stringify({ data: { colour: "red" } })],
    ["broken JSON", '{"data": '],
    ["a body that is no object", "[1, 2]"],
    ["an empty body", ""],
  ])("is refused for %s, over REST", async (_, body) => {
    expect(await rest("demo/v2/album/x", body)).toMatchObject({
      status: 400,
      body: { reason: "MALFORMED_REQUEST" },
    });
  });

  it("is refused for broken UTF-8 and broken protobuf", async () => {
    const broken = Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d);
    const headers = { "content-type": "application/json" };
    expect(reasonOf(await send(`${SERVICE}/Read`, { headers, body: broken }))).toBe("MALFORMED_REQUEST");
    const proto = { "content-type": "application/proto" };
    const refusal = await send(`${SERVICE}/Read`, {
      headers: proto,
      body: Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1),
    });
    expect(refusal).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
    expect(reasonOf(refusal)).toBe("MALFORMED_REQUEST");
  });

  it("is refused over the limit of a mebibyte", async () => {
    const large = JSON.stringify({
      resource: { id: { type: ALBUM, name: "x" }, metadata: { a: "x".repeat(1024 * 1024) } },
    });
    const refusal = await connectJson("Write", large);
    expect(refusal.body["code"]).toBe("resource_exhausted");
    expect(reasonOf(refusal)).toBe("REQUEST_TOO_LARGE");
    expect(await rest("demo/v2/album/x", large)).toMatchObject({
      status: 413,
      body: { reason: "REQUEST_TOO_LARGE" },
    });
  });
});

describe("a caller that runs out of time", () => {
  it("gets DeadlineExceeded, and for a mutation whether it was applied", async () => {
    const headers = { "connect-timeout-ms": "200", "trellis-min-version": "9007199254740991" };
    const refusal = await connectJson("Read", { id: { type: ALBUM, name: "x" } }, headers);
    expect(["deadline_exceeded", "unavailable"]).toContain(refusal.body["code"]);
    expect(["DEADLINE_EXCEEDED", "VERSION_NOT_REACHED"]).toContain(reasonOf(refusal));
  });
});

describe("a client that goes away", () => {
  it("frees its watch", async () => {
    const before = server.openSockets() ?? 0;
    const message = encodeURIComponent(JSON.stringify({ type: ALBUM }));
    const outgoing = httpRequest(`${server.url}/api/demo/v2/album?watch&x=${message}`.split("&x=")[0] ?? "");
    outgoing.on("error", () => undefined);
    outgoing.end();
    await new Promise<void>((resolve) =>
      outgoing.on("response", (incoming) => incoming.once("data", () => resolve())),
    );
    outgoing.destroy();
    await eventually(() => expect(server.openSockets() ?? 0).toBeLessThanOrEqual(before));
  });

  it("is cut when it sends a byte a minute", async () => {
    const socket = connectTcp(Number(new URL(server.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    socket.write(
      `POST ${SERVICE}/Read HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
    );
    socket.resume();
    await closed;
  }, 20_000);
});

describe("gRPC", () => {
  function grpc(
    body: Uint8Array,
    headers: Record<string, string> = {},
    path = `${SERVICE}/Read`,
  ): Promise<{ status: string; message: string }> {
    return new Promise((resolve, reject) => {
      const session = connect(server.url);
      session.on("error", reject);
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc+proto",
        te: "trailers",
        ...headers,
      });
      let found: Record<string, unknown> = {};
      stream.on("response", (first) => (found = { ...found, ...first }));
      stream.on("trailers", (last) => (found = { ...found, ...last }));
      stream.on("data", () => undefined);
      stream.on("error", reject);
      stream.on("close", () => {
        session.close();
        resolve({ status: String(found["grpc-status"]), message: String(found["grpc-message"]) });
      });
      stream.end(body);
    });
  }
  const INVALID_ARGUMENT = "3";
  const UNIMPLEMENTED = "12";
  const RESOURCE_EXHAUSTED = "8";

  it("refuses a message that is no protobuf", async () => {
    const message = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1);
    expect(await grpc(Uint8Array.of(0, 0, 0, 0, message.length, ...message))).toMatchObject({
      status: INVALID_ARGUMENT,
    });
  });

  it("refuses a message over the limit", async () => {
    const large = new Uint8Array(5 + 1024 * 1024 + 1);
    new DataView(large.buffer).setUint32(1, large.length - 5);
    expect(await grpc(large)).toMatchObject({ status: RESOURCE_EXHAUSTED });
  });

  it("refuses a method that is not there", async () => {
    expect(await grpc(Uint8Array.of(0, 0, 0, 0, 0), {}, `${SERVICE}/Nope`)).toMatchObject({
      status: UNIMPLEMENTED,
    });
  });
});

describe("after all of it", () => {
  it("the server still serves", async () => {
    expect((await connectJson("List", { type: ALBUM, tenancy: {} })).status).toBe(200);
    expect(server.stderr()).toBe("");
  });
});

/** Real sockets close in real time: tries again until it holds, for at most five seconds. */
async function eventually(check: () => void): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      check();
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
