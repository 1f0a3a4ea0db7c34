import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  type ReadRequest,
  ReadRequestSchema,
  ReadResponseSchema,
  ResourceService,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { RAW_FORMS, type RawAnswer, rawCall, type RawForm } from "@trellis/testkit";

import type { RequestReader } from "../part.ts";
import { deferred, eventually, startServer, stopServers, testPart } from "../test-support/test-server.ts";

afterEach(stopServers);

/** Of several frames, so that a body comes in several chunks. */
const NAME_BYTES = 60_000;
const nameOf = (letter: string): string => letter.repeat(NAME_BYTES);

/** A server whose reader notes where the bodies are that it reads. */
async function serve(form: RawForm, releases: boolean, behave: (name: string) => Promise<void>) {
  const bodies: ArrayBufferLike[] = [];
  const read = (bytes: Uint8Array): Message | undefined => {
    bodies.push(bytes.buffer);
    const request = fromBinary(ReadRequestSchema, Buffer.from(bytes));
    return request.id?.name.startsWith("unsure") === true ? undefined : request;
  };
  const released: string[] = [];
  const release = (message: Message): void => void released.push((message as ReadRequest).id?.name ?? "");
  const reader: RequestReader = releases ? Object.assign(read, { release }) : read;
  const part = testPart({
    routes: {
      requestReaders: new Map([[ReadRequestSchema, reader]]),
      connect: (router) =>
        router.service(ResourceService, {
          async read({ id }: ReadRequest) {
            await behave(id?.name ?? "");
            return create(ReadResponseSchema, { resource: { id: { name: id?.name ?? "" } } });
          },
        }),
    },
  });
  const { url } = await startServer([part]);
  const call = async (name: string): Promise<RawAnswer> =>
    await rawCall(url, form, {
      path: `/${ResourceService.typeName}/Read`,
      message: toBinary(ReadRequestSchema, create(ReadRequestSchema, { id: { name } })),
    });
  return { bodies, released, call };
}

const hexOf = (name: string): string => Buffer.from(name).toString("hex");
const atOnce = async (): Promise<void> => undefined;

describe.each(
  RAW_FORMS.filter(({ http, json }) => http === 2 && !json).map((form) => [form.name, form] as const),
)("the body of a call by %s", (_, form) => {
  it("is where the one before was, once that is answered and its reader has let go of it", async () => {
    const { bodies, released, call } = await serve(form, true, atOnce);
    for (const letter of ["a", "b", "c"])
      expect((await call(nameOf(letter))).body).toContain(hexOf(nameOf(letter)));
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies).size).toBe(1);
    expect(released).toEqual(["a", "b", "c"].map(nameOf));
  });

  it("is in memory of its own while the one before is at work", async () => {
    const release = deferred();
    const { bodies, call } = await serve(form, true, () => release.promise);
    const calls = ["a", "b"].map(async (letter) => await call(nameOf(letter)));
    await eventually(() => expect(bodies).toHaveLength(2));
    expect(new Set(bodies).size).toBe(2);
    release.resolve();
    const answers = (await Promise.all(calls)).map(({ body }) => body);
    for (const [at, letter] of ["a", "b"].entries()) expect(answers[at]).toContain(hexOf(nameOf(letter)));
  });

  it("is not used again when its reader does not let go of it", async () => {
    const { bodies, call } = await serve(form, false, atOnce);
    for (const letter of ["a", "b"]) await call(nameOf(letter));
    expect(new Set(bodies).size).toBe(2);
  });

  it("is not used again when the library read it, or the method failed, which may be at work still", async () => {
    const { bodies, released, call } = await serve(form, true, async (name) => {
      if (name.startsWith("fails")) throw new ConnectError("no", Code.FailedPrecondition);
    });
    for (const name of ["unsure", "fails", "a"]) await call(name.padEnd(NAME_BYTES, "x"));
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies).size).toBe(3);
    expect(released).toEqual(["a".padEnd(NAME_BYTES, "x")]);
  });
});
