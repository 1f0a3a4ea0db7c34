import { create, type DescMethod, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";
import { Health } from "@trellis/protos/grpc/health/v1/health_pb";
import { createVirtualClock } from "@trellis/testing";
import { RAW_FORMS, type RawAnswer, rawCall, type RawForm } from "@trellis/testkit";

import { ALBUM, album, albumId, schemas } from "../test-support/album.ts";
import { type AlbumServer, startAlbumServer } from "../test-support/album-server.ts";

/** A page that may not call is served like anybody else, without a word for its browser, and never by the fast lane. */
const BY_THE_LIBRARY = { origin: "https://elsewhere.example" };
const CORS_ORIGINS = ["https://console.example"];

/** Two servers in the same state at the same time: what differs between their answers is the lane's doing. */
let withLane: AlbumServer;
let byLibrary: AlbumServer;
beforeAll(async () => {
  [withLane, byLibrary] = await Promise.all(
    [0, 1].map(() => startAlbumServer({}, { clock: createVirtualClock(), corsOrigins: CORS_ORIGINS })) as [
      Promise<AlbumServer>,
      Promise<AlbumServer>,
    ],
  );
});
afterAll(() => Promise.all([withLane.stop(), byLibrary.stop()]));

/** A call, and the headers that say more of it. */
interface Step {
  readonly title: string;
  readonly method: DescMethod;
  readonly request: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

function stepsOf(form: RawForm): readonly Step[] {
  const prefix = form.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const steps: Step[] = [];
  const step = <M extends DescMethod>(
    title: string,
    method: M,
    request: MessageInitShape<M["input"]>,
    headers: Readonly<Record<string, string>> = {},
  ): void => {
    const message = create(method.input, request as never);
    const bytes = form.json
      ? Buffer.from(toJsonString(method.input, message, { registry: schemas }))
      : toBinary(method.input, message);
    steps.push({ title: `${method.name} ${title}`, method, request: bytes, headers });
  };
  const { method } = ResourceService;
  const id = albumId(`${prefix}-one`);
  const one = album(`${prefix}-one`, "One");
  const operations = [`${prefix}-two`, "Bad Name"].map((name) => ({
    operation: { case: "write" as const, value: { resource: album(name, name) } },
  }));
  step("creates", method.write, { resource: one });
  step("changes nothing", method.write, { resource: one });
  step("changes", method.write, { resource: album(`${prefix}-one`, "First") });
  step("expects another version", method.write, { resource: { ...one, version: "1" } });
  step("breaks rules", method.write, { resource: { id: { name: "Not A Name" } } });
  step("is not allowed", method.write, { resource: one }, { authorization: "Bearer reader" });
  step("sets a status", method.writeStatus, { id, key: "acme.dev/shop", status: {} });
  step("answers", method.read, { id });
  step("answers, asked strongly", method.read, { id }, { "trellis-consistency": "strong" });
  step("is asked for a version far ahead", method.read, { id }, { "trellis-min-version": "soon" });
  step("of what is absent", method.read, { id: albumId("nobody") });
  step("is not allowed", method.read, { id }, { authorization: "Bearer nobody" });
  step("answers", method.list, { type: ALBUM, tenancy: {} });
  step("answers a page", method.list, { type: ALBUM, tenancy: {}, pageSize: 1 });
  step("has a token of nobody", method.list, { type: ALBUM, tenancy: {}, pageToken: "x" });
  step("answers", method.listByOwner, { owner: id });
  step("answers", method.mutateAndValidate, { resource: album(`${prefix}-tried`, "Tried") });
  step("commits nothing", method.transact, { operations });
  step("commits all", method.transact, { operations: operations.slice(0, 1) });
  step("answers each", method.batchWrite, { operations });
  step("deletes", method.delete, { id });
  step("finds nothing", method.delete, { id });
  for (const one of [...ResourceService.methods, ...TypeService.methods, ...Health.methods])
    if (one.methodKind === "unary") step("asked for nothing", one, {});
  return steps;
}

describe.each(RAW_FORMS.map((form) => [form.name, form] as const))("%s", (_, form) => {
  it.each(stepsOf(form).map((step) => [step.title, step] as const))(
    "%s by the fast lane as by the library",
    async (_title, { method, request, headers }) => {
      const path = `/${method.parent.typeName}/${method.name}`;
      const answer = (server: AlbumServer, more = {}): Promise<RawAnswer> =>
        rawCall(server.url, form, { path, message: request, headers: { ...headers, ...more } });
      expect(await answer(withLane)).toEqual(await answer(byLibrary, BY_THE_LIBRARY));
    },
  );
});
