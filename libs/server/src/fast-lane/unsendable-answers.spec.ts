import { once } from "node:events";
import { connect } from "node:http2";

import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  ReadRequestSchema,
  ReadResponseSchema,
  ResourceService,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { RAW_FORMS, type RawAnswer, rawCall, type RawForm } from "@trellis/testkit";

import {
  eventually,
  type RunningServer,
  startServer,
  stopServers,
  testPart,
} from "../test-support/test-server.ts";

afterEach(stopServers);

/** Never served by the lane, and otherwise as anybody. */
const BY_THE_LIBRARY = { origin: "https://elsewhere.example" };

type Serve = Omit<Parameters<typeof startServer>[1] & object, "corsOrigins">;

async function serve(
  set: (context: HandlerContext) => void,
  options: Serve = {},
): Promise<
  RunningServer & { call: (form: RawForm, headers?: Record<string, string>) => Promise<RawAnswer> }
> {
  const part = testPart({
    connect: (router) =>
      router.service(ResourceService, {
        read: (_, context) => {
          set(context);
          return create(ReadResponseSchema, { resource: { id: { name: "it" } } });
        },
      }),
  });
  const started = await startServer([part], { corsOrigins: ["https://console.example"], ...options });
  const empty = create(ReadRequestSchema);
  return {
    ...started,
    async call(form, headers = {}) {
      const message = form.json
        ? Buffer.from(toJsonString(ReadRequestSchema, empty))
        : toBinary(ReadRequestSchema, empty);
      return await rawCall(started.url, form, {
        path: `/${ResourceService.typeName}/Read`,
        message,
        headers,
      });
    },
  };
}

const FORMS = RAW_FORMS.map((form) => [form.name, form] as const);
const PLACES = ["responseHeader", "responseTrailer"] as const;

describe.each(FORMS)("an answer of the fast lane, %s", (_, form) => {
  it.each(
    PLACES.flatMap((place) => [
      [place, "a name with a space", "x a", "b"] as const,
      [place, "a name of nothing", "", "b"] as const,
      [place, "the name of a pseudo header", ":status", "201"] as const,
      [place, "a value of two lines", "x-a", "a\nb"] as const,
      [place, "a value that is not Latin-1", "x-a", "€"] as const,
      [place, "a value of Latin-1 with space around", "x-a", " \té\n"] as const,
    ]),
  )("whose method sets in its %s %s is what the library makes of it", async (place, _what, name, value) => {
    const { call, log } = await serve((context) => context[place].set(name, value));
    const lane = await call(form);
    const logged = log.lines.map(({ message }) => message);
    expect(lane).toEqual(await call(form, BY_THE_LIBRARY));
    expect(log.lines.map(({ message }) => message)).toEqual([...logged, ...logged]);
  });

  it("says beside what its method says on what it varies", async () => {
    const { call } = await serve(({ responseHeader }) => responseHeader.set("vary", "x-a"));
    const lane = await call(form);
    expect(lane.headers["vary"]).toBe("x-a, Origin");
    expect(lane).toEqual(await call(form, BY_THE_LIBRARY));
  });

  it("fails at once when the headers of all answers cannot be told", async () => {
    const commonHeaders = (): never => {
      throw new Error("the store is closed");
    };
    const { call, server } = await serve(() => undefined, { commonHeaders });
    const lane = await call(form);
    expect(lane.status).toBe(500);
    expect(lane).toEqual(await call(form, BY_THE_LIBRARY));
    expect(server.load().requests).toBe(0);
  });
});

describe("an answer of the fast lane", () => {
  it("that is left unread says over HTTP/2 that it is not whole", async () => {
    const part = testPart({
      connect: (router) =>
        router.service(ResourceService, {
          read: () => create(ReadResponseSchema, { resource: { id: { name: "x".repeat(1_000_000) } } }),
        }),
    });
    const { url, server } = await startServer([part], { limits: { writeStallMs: 50 } });
    const session = connect(url);
    const stream = session.request({
      ":method": "POST",
      ":path": `/${ResourceService.typeName}/Read`,
      "content-type": "application/proto",
    });
    stream.end();
    const cut = expect(once(stream, "close")).rejects.toThrow("NGHTTP2_INTERNAL_ERROR");
    await once(stream, "response");
    await eventually(() => expect(server.load().requests).toBe(0));
    stream.resume();
    await cut;
    session.destroy();
  });

  it("is cut where its trailers cannot be sent, and nothing else is", async () => {
    // Of HTTP/1.1 alone (RFC 9113 §8.2.2).
    let trailers: Readonly<Record<string, string>> = { connection: "close" };
    const { call, server } = await serve(({ responseTrailer }) => {
      for (const [name, value] of Object.entries(trailers)) responseTrailer.set(name, value);
    });
    const form = RAW_FORMS.find(({ name }) => name === "gRPC") as RawForm;
    await expect(call(form)).rejects.toThrow("NGHTTP2_INTERNAL_ERROR");
    trailers = {};
    expect((await call(form)).trailers).toMatchObject({ "grpc-status": "0" });
    expect(server.load().requests).toBe(0);
  });
});
