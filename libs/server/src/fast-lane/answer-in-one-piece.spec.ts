import { connect as connectHttp2, createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  ReadRequestSchema,
  ReadResponseSchema,
  ResourceService,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { enveloped, RAW_FORMS, rawCall, type RawForm } from "@trellis/testkit";

import { relayTo, stopRelays } from "../test-support/tcp-relay.ts";
import { startServer, stopServers, testPart } from "../test-support/test-server.ts";
import { AnswerTrailers, sendBody } from "./answer-in-one-piece.ts";

const GRPC = RAW_FORMS.find(({ name }) => name === "gRPC") as RawForm;
const PATH = `/${ResourceService.typeName}/Read`;
const REQUEST = toBinary(ReadRequestSchema, create(ReadRequestSchema));
const FRAME_NAMES: Readonly<Record<number, string>> = { 0: "DATA", 1: "HEADERS" };
const FRAME_HEAD_BYTES = 9;

afterEach(async () => {
  stopRelays();
  await stopServers();
});

/** A server whose answers have names of so many characters. */
async function serve(characters: number): Promise<string> {
  const part = testPart({
    connect: (router) =>
      router.service(ResourceService, {
        read: () => create(ReadResponseSchema, { resource: { id: { name: "x".repeat(characters) } } }),
      }),
  });
  return (await startServer([part])).url;
}

/** The frames of a piece that belong to a call. */
function framesOf(piece: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + FRAME_HEAD_BYTES <= piece.length;) {
    const name = FRAME_NAMES[piece.readUInt8(at + 3)];
    if (name !== undefined) found.push(name);
    at += FRAME_HEAD_BYTES + piece.readUIntBE(at, 3);
  }
  return found;
}

describe("an answer of gRPC", () => {
  it("leaves in one piece: its headers, its body and its trailers", async () => {
    const pieces: Buffer[] = [];
    const { url } = await relayTo(await serve(300), (bytes) => pieces.push(bytes));
    const session = connectHttp2(url);
    const call = async (): Promise<string> => {
      const stream = session.request({ ":method": "POST", ":path": PATH, "content-type": GRPC.contentType });
      let status = "";
      stream.on("trailers", (trailers) => (status = String(trailers["grpc-status"])));
      stream.resume().end(enveloped(REQUEST));
      await new Promise((resolve) => stream.on("close", resolve));
      return status;
    };
    // Of the first one Node sends the trailers, and shows how.
    await call();
    for (let round = 0; round < 20; round++) {
      pieces.length = 0;
      expect(await call()).toBe("0");
      expect(pieces.map(framesOf).filter(({ length }) => length > 0)).toEqual([
        ["HEADERS", "DATA", "HEADERS"],
      ]);
    }
    session.destroy();
  });

  it("is whole where the client takes it in parts, many at a time", async () => {
    const url = await serve(300_000);
    const session = connectHttp2(url, { settings: { initialWindowSize: 20_000 } });
    const answers = Array.from({ length: 20 }, async () => {
      const stream = session.request({ ":method": "POST", ":path": PATH, "content-type": GRPC.contentType });
      let bytes = 0;
      let status: unknown;
      stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
      stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
      stream.end(enveloped(REQUEST));
      await new Promise((resolve) => stream.on("close", resolve));
      return { status, bytes };
    });
    const [first, ...others] = await Promise.all(answers);
    expect(first?.bytes).toBeGreaterThan(300_000);
    expect(first?.status).toBe("0");
    for (const other of others) expect(other).toEqual(first);
    session.destroy();
  });

  it("that has trailers of its own is sent them, and no other is", async () => {
    let own: string | undefined;
    const part = testPart({
      connect: (router) =>
        router.service(ResourceService, {
          read: (_, { responseTrailer }) => {
            if (own !== undefined) responseTrailer.set("x-a", own);
            return create(ReadResponseSchema);
          },
        }),
    });
    const { url } = await startServer([part]);
    for (own of [undefined, "b", "c", undefined, "d"]) {
      const { trailers } = await rawCall(url, GRPC, { path: PATH, message: REQUEST });
      expect(trailers["grpc-status"]).toBe("0");
      expect(trailers["x-a"]).toBe(own);
    }
  });
});

describe("a body", () => {
  it("leaves when it is known that it is the whole", async () => {
    const server = createHttp2();
    let before = -1;
    let then = -1;
    server.on("stream", (stream) => {
      stream.respond({}, { waitForTrailers: true });
      before = stream.session?.socket.bytesWritten ?? NaN;
      stream.on("wantTrailers", () => {
        then = stream.session?.socket.bytesWritten ?? NaN;
        stream.sendTrailers({});
      });
      sendBody(stream, Buffer.from("a body"), () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ":path": "/" });
    expect(await text(stream)).toBe("a body");
    expect(then).toBe(before);
    session.destroy();
    server.close();
  });

  it("of nothing is an answer too, and has left at once", async () => {
    const server = createHttp2();
    let hasLeft = false;
    server.on("stream", (stream) => {
      stream.respond({});
      sendBody(stream, new Uint8Array(), () => (hasLeft = true));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await text(session.request({ ":path": "/" }))).toBe("");
    expect(hasLeft).toBe(true);
    session.destroy();
    server.close();
  });
});

describe("trailers", () => {
  it("are sent by Node where its native part of a stream is not found", () => {
    const sent: unknown[] = [];
    const stream = { sendTrailers: (trailers: unknown) => sent.push(trailers) };
    const trailers = new AnswerTrailers();
    for (let round = 0; round < 3; round++)
      trailers.send(stream as unknown as ServerHttp2Stream, { "grpc-status": "0" });
    expect(sent).toEqual(Array(3).fill({ "grpc-status": "0" }));
  });
});
