import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  create,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { WorkloadSchema } from "@trellis/protos/trellis/catalog/v1/workload_pb";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorApplied, errorReason, errorRetryAfterMs, errorViolations } from "@trellis/resource";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUM, albumId } from "../test-support/album.ts";
import { pathOf } from "../test-support/callers/caller.ts";
import { expectUnharmed } from "../test-support/unharmed.ts";
import { exchange, type RawAnswer, type RawRequest } from "../test-support/wire/exchange.ts";
import {
  encode,
  STREAM_PROTOCOLS,
  UNARY_PROTOCOLS,
  type WireProtocol,
} from "../test-support/wire/wire-protocol.ts";

const { read, write, watchList } = ResourceService.method;
const WORKLOAD = { group: "catalog", groupVersion: "v1", kind: "Workload" };
const UNKNOWN_TYPE = { group: "demo", groupVersion: "v9", kind: "Album" };
const MEBIBYTE = 1024 * 1024;
/** Bytes that are UTF-8 nowhere. */
const BROKEN_UTF8 = Uint8Array.of(0xc3, 0x28);

let server: ServerProcess;
let socketsAtStart = 0;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo", "@trellis/catalog"] });
  socketsAtStart = server.openSockets() ?? 0;
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

describe.each([...UNARY_PROTOCOLS])("$name refuses", (protocol) => {
  const { encoding, contentType, frame } = protocol;
  const call = caller(protocol);
  const callRaw = rawCaller(protocol);

  it("a type that is not registered", async () => {
    const error = await call(read, { id: { type: UNKNOWN_TYPE, name: "x" } });
    expect(told(error)).toMatchObject({ code: Code.InvalidArgument, reason: "TYPE_NOT_REGISTERED" });
  });

  it("a payload of another type", async () => {
    const data = anyPack(AlbumSchema, create(AlbumSchema, { title: "x" }));
    const error = await call(write, { resource: { id: { type: WORKLOAD, name: "bad" }, data } });
    expect(told(error)).toMatchObject({
      code: Code.InvalidArgument,
      reason: "WRONG_DATA_TYPE",
      applied: "no",
    });
    expect(told(error).fields).toContain("resource.data");
  });

  it("a payload that breaks rules, telling every violation at its field", async () => {
    const workload = create(WorkloadSchema, {
      addresses: [{ host: "not a host" }],
      ports: { "far-too-long-a-port-name": { port: 70_000 } },
      locality: { zone: "z" },
    });
    const data = anyPack(WorkloadSchema, workload);
    const error = await call(write, { resource: { id: { type: WORKLOAD, name: "bad" }, data } });
    expect(told(error)).toMatchObject({ code: Code.InvalidArgument, reason: "INVALID_DATA", applied: "no" });
    expect(told(error).fields).toHaveLength(4);
    expect(told(error).fields).toEqual(
      expect.arrayContaining([
        "resource.data.addresses[0].host",
        expect.stringMatching(/^resource\.data\.ports/),
        "resource.data.locality",
      ]),
    );
  });

  it.each(["", "UPPER", "with_underscore", "-dash", "dash-", "a".repeat(64), "ünïcode", "a.b", "a b"])(
    "the name %j",
    async (name) => {
      const error = await call(write, { resource: { id: { type: ALBUM, name } } });
      expect(told(error)).toMatchObject({
        code: Code.InvalidArgument,
        reason: "INVALID_REQUEST",
        applied: "no",
      });
      expect(told(error).fields).toEqual(["resource.id.name"]);
    },
  );

  it("a message that cannot be read", async () => {
    const broken =
      encoding === "json" ? text('{"resource": {') : Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1);
    const error = await callRaw(write, { body: frame(broken) });
    expect(told(error)).toMatchObject({
      code: Code.InvalidArgument,
      reason: "MALFORMED_REQUEST",
      applied: "no",
    });
    expect(told(error).fields).toHaveLength(1);
  });

  it("text that is not UTF-8", async () => {
    // The field id.name, which is field 2 of field 1.
    const broken =
      encoding === "json"
        ? Buffer.concat([text('{"id": {"name": "'), BROKEN_UTF8, text('"}}')])
        : Uint8Array.of(0x0a, 4, 0x12, 2, ...BROKEN_UTF8);
    expect(told(await callRaw(read, { body: frame(broken) }))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "MALFORMED_REQUEST",
    });
  });

  if (encoding === "json") {
    it.each([
      ["a field that is not there", '{"resource":{"colour":"red"}}', "resource.colour"],
      ["a value of another kind", '{"resource":7}', "resource"],
      ["a leaf of another kind", '{"resource":{"id":{"name":5}}}', "resource.id.name"],
      ["an item of another kind", '{"preconditions":[{},{"id":{"uid":5}}]}', "preconditions[1].id.uid"],
      ["a key that stands twice", '{"resource":{"metadata":{"a":"1","a":"2"}}}', "resource.metadata.a"],
      ["half a character", String.raw`{"resource":{"metadata":{"a":"\ud800"}}}`, "resource.metadata.a"],
      [
        "a payload of a type that is unknown",
        '{"resource":{"data":{"@type":"acme.Nothing"}}}',
        "resource.data",
      ],
    ])("%s, by its path", async (_, json, named) => {
      const error = await callRaw(write, { body: frame(text(json)) });
      expect(told(error)).toMatchObject({
        code: Code.InvalidArgument,
        reason: "MALFORMED_REQUEST",
        applied: "no",
      });
      expect(told(error).fields).toEqual([named]);
    });
  }

  it("a request without a message", async () => {
    const error = await callRaw(write, { body: new Uint8Array() });
    // An empty protobuf message is a message: what is missing then is the resource.
    const isMessage = encoding === "proto" && frame(new Uint8Array()).length === 0;
    const reason = isMessage ? "INVALID_REQUEST" : "MALFORMED_REQUEST";
    expect(told(error)).toMatchObject({ code: Code.InvalidArgument, reason, applied: "no" });
  });

  it("a value of half a mebibyte, without sending it back", async () => {
    const tenancy = { partition: "a".repeat(MEBIBYTE / 2) };
    const error = await call(read, { id: { type: ALBUM, name: "x", tenancy } });
    expect(told(error)).toMatchObject({
      code: Code.InvalidArgument,
      reason: "INVALID_REQUEST",
      fields: ["id.tenancy.partition"],
    });
    expect(error?.rawMessage.length).toBeLessThan(4_096);
  });

  it("a message over a mebibyte, whether the head admits it or not", async () => {
    const large = new Uint8Array(MEBIBYTE + 1);
    const length = String(frame(large).length);
    for (const headers of [{}, { "content-length": length }]) {
      const error = await callRaw(write, { body: frame(large), headers });
      expect(told(error)).toMatchObject({
        code: Code.ResourceExhausted,
        reason: "REQUEST_TOO_LARGE",
        applied: "no",
        retryAfterMs: expect.any(Number),
      });
    }
  });

  it("a method that is not there", async () => {
    const answer = await send(protocol, {
      path: `/${ResourceService.typeName}/Nope`,
      body: frame(text("{}")),
    });
    const error = protocol.errorOf(answer);
    expect(told(error)).toMatchObject({ code: Code.Unimplemented, reason: "ROUTE_NOT_FOUND" });
    expect(answer.status).toBe(contentType.startsWith("application/grpc") ? 200 : 404);
  });

  it("a service that is not there", async () => {
    const answer = await send(protocol, { path: "/acme.v1.Nothing/Nope", body: frame(text("{}")) });
    expect(told(protocol.errorOf(answer))).toMatchObject({
      code: Code.Unimplemented,
      reason: "ROUTE_NOT_FOUND",
    });
  });

  it("a verb that the method does not take", async () => {
    const answer = await send(protocol, { path: pathOf(write), method: "PUT", body: frame(text("{}")) });
    expect(told(protocol.errorOf(answer))).toMatchObject({
      code: Code.Unimplemented,
      reason: "METHOD_NOT_ALLOWED",
    });
    expect(answer.headers.get("allow")).toBe("POST");
    if (!contentType.startsWith("application/grpc")) expect(answer.status).toBe(405);
  });

  it("a compression that nobody knows", async () => {
    const body = frame(encode(protocol, read.input, { id: albumId("x") }));
    const answer = await send(protocol, {
      path: pathOf(read),
      body,
      headers: { "content-encoding": "zip", "grpc-encoding": "zip" },
    });
    expect(told(protocol.errorOf(answer))).toMatchObject({
      code: Code.Unimplemented,
      reason: "NOT_IMPLEMENTED",
    });
  });

  it("a deadline that is none", async () => {
    const headers = { "connect-timeout-ms": "soon", "grpc-timeout": "soon" };
    const error = await callRaw(read, {
      body: frame(encode(protocol, read.input, { id: albumId("x") })),
      headers,
    });
    expect(told(error)).toMatchObject({ code: Code.InvalidArgument, reason: "MALFORMED_REQUEST" });
  });

  it("what cannot be answered before the deadline", async () => {
    const headers = { ...protocol.timeoutHeader(50), "trellis-min-version": String(Number.MAX_SAFE_INTEGER) };
    const error = await callRaw(read, {
      body: frame(encode(protocol, read.input, { id: albumId("x") })),
      headers,
    });
    expect(told(error)).toMatchObject({
      code: Code.Unavailable,
      reason: "VERSION_NOT_REACHED",
      retryAfterMs: expect.any(Number),
    });
  });
});

describe.each([...STREAM_PROTOCOLS])("$name refuses a watch", (protocol) => {
  const call = caller(protocol);

  it("of a type that is not registered", async () => {
    const error = await call(watchList, { type: UNKNOWN_TYPE });
    expect(told(error)).toMatchObject({ code: Code.InvalidArgument, reason: "TYPE_NOT_REGISTERED" });
  });

  it("that contradicts itself", async () => {
    const error = await call(watchList, { type: ALBUM, name: "a", namePrefix: "b" });
    expect(told(error)).toMatchObject({
      code: Code.InvalidArgument,
      reason: "INVALID_REQUEST",
      fields: ["name"],
    });
  });

  it("whose message cannot be read", async () => {
    const error = await rawCaller(protocol)(watchList, { body: protocol.frame(Uint8Array.of(0xff)) });
    expect(told(error)).toMatchObject({ code: Code.InvalidArgument, reason: "MALFORMED_REQUEST" });
  });

  if (protocol.encoding === "json") {
    it("with a value of another kind, by its path", async () => {
      const body = protocol.frame(text('{"type":{"kind":[]}}'));
      const error = await rawCaller(protocol)(watchList, { body });
      expect(told(error)).toMatchObject({ reason: "MALFORMED_REQUEST", fields: ["type.kind"] });
    });
  }

  it.each([0, 2])("with %i messages", async (count) => {
    const message = protocol.frame(encode(protocol, watchList.input, { type: ALBUM }));
    const body = Buffer.concat(Array.from({ length: count }, () => message));
    const error = await rawCaller(protocol)(watchList, { body });
    expect(told(error)).toMatchObject({
      code: Code.InvalidArgument,
      reason: "MALFORMED_REQUEST",
      fields: [""],
    });
    expect(error?.rawMessage).toContain(`expected one message, found ${count === 0 ? "none" : "more"}`);
  });

  it("whose deadline passes", async () => {
    const body = protocol.frame(encode(protocol, watchList.input, { type: ALBUM }));
    const error = await rawCaller(protocol)(watchList, { body, headers: protocol.timeoutHeader(50) });
    expect(told(error)).toMatchObject({ code: Code.DeadlineExceeded, reason: "DEADLINE_EXCEEDED" });
  });
});

describe("a content type that is none of the protocols'", () => {
  it.each(["text/csv", "application/x-www-form-urlencoded", "application/jsonp", ""])(
    "%j is answered with 415 and those that are",
    async (contentType) => {
      const headers = contentType === "" ? {} : { "content-type": contentType };
      const answer = await exchange(server.url, { path: pathOf(read), headers, body: text("{}") });
      const error = UNARY_PROTOCOLS[0]?.errorOf(answer);
      expect(answer.status).toBe(415);
      expect(answer.headers.get("accept-post")).toContain("application/grpc");
      expect(told(error)).toMatchObject({ code: Code.InvalidArgument, reason: "UNSUPPORTED_MEDIA_TYPE" });
    },
  );
});

it("an encoding of gRPC that nobody knows is told as gRPC tells errors", async () => {
  const headers = { "content-type": "application/grpc+thrift" };
  const answer = await exchange(server.url, { path: pathOf(read), headers, body: text("{}") });
  expect(told(UNARY_PROTOCOLS[2]?.errorOf(answer))).toMatchObject({ reason: "UNSUPPORTED_MEDIA_TYPE" });
});

describe("Connect GET refuses", () => {
  const get = async (query: string) => {
    const answer = await exchange(server.url, { path: `${pathOf(read)}?${query}`, method: "GET" });
    return { status: answer.status, ...told(UNARY_PROTOCOLS[0]?.errorOf(answer)) };
  };

  it.each([
    ["broken JSON", "encoding=json&message=%7B"],
    ["broken protobuf", "encoding=proto&base64=1&message=Cv8"],
    ["broken base64", "encoding=proto&base64=1&message=***"],
    ["no message", "encoding=json"],
  ])("%s", async (_, query) => {
    expect(await get(query)).toMatchObject({ status: 400, reason: "MALFORMED_REQUEST" });
  });

  it.each([
    ["", ["query.encoding", "query.message"]],
    ["encoding=json", ["query.message"]],
    ["encoding=proto&base64=1", ["query.message"]],
    ["message=%7B%7D", ["query.encoding"]],
  ])("what is missing, and says what: ?%s", async (query, fields) => {
    expect(await get(query)).toMatchObject({ status: 400, reason: "MALFORMED_REQUEST", fields });
  });

  it("a method that answers with a stream", async () => {
    const answer = await exchange(server.url, { path: pathOf(watchList), method: "GET" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("another encoding", async () => {
    expect(await get("encoding=xml&message=x")).toMatchObject({
      status: 415,
      reason: "UNSUPPORTED_MEDIA_TYPE",
    });
  });

  it("a method that changes something", async () => {
    const answer = await exchange(server.url, {
      path: `${pathOf(write)}?encoding=json&message=%7B%7D`,
      method: "GET",
    });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST");
  });
});

describe("after all of it", () => {
  it("the server is unharmed", () => expectUnharmed(server, socketsAtStart));
});

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function send(protocol: WireProtocol, request: RawRequest): Promise<RawAnswer> {
  const headers = { "content-type": protocol.contentType, ...request.headers };
  return exchange(server.url, { ...request, headers });
}

type Rpc = DescMethodUnary | DescMethodServerStreaming;

function rawCaller(protocol: WireProtocol) {
  return async (rpc: Rpc, request: Omit<RawRequest, "path">): Promise<ConnectError | undefined> =>
    protocol.errorOf(await send(protocol, { ...request, path: pathOf(rpc) }));
}

function caller(protocol: WireProtocol) {
  return <M extends Rpc>(rpc: M, request: MessageInitShape<M["input"]>): Promise<ConnectError | undefined> =>
    rawCaller(protocol)(rpc, { body: protocol.frame(encode(protocol, rpc.input, request)) });
}

/** What an error says, in one object. */
function told(error: ConnectError | undefined) {
  return {
    code: error?.code,
    reason: errorReason(error),
    applied: errorApplied(error),
    retryAfterMs: errorRetryAfterMs(error),
    fields: errorViolations(error).map(({ field }) => field),
  };
}
