import type { MessageInitShape } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type AnswerSchema,
  type OutcomeUnknown_Reason,
  StorageService,
  type WatchResponseSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { createVirtualClock } from "@trellis/testing";

import { ALL } from "../conformance/fixtures.ts";
import { storageLinks } from "./open-storage-link.ts";
import type { StorageLink } from "./storage-link.ts";
import { failure, keyOf, type OpenWire, openWire, put } from "./test-support/open-wire.ts";
import { nextTurn } from "./test-support/test-wire.ts";

type AnswerInit = NonNullable<MessageInitShape<typeof AnswerSchema>["answer"]>;

/** A link to a server that answers every call with the same, and every watch. */
async function linkToServerOf(
  answer: AnswerInit,
  watched: MessageInitShape<typeof WatchResponseSchema>[] = [],
): Promise<StorageLink> {
  const transport = createRouterTransport(
    (router) =>
      void router.service(StorageService, {
        async *exchange(requests) {
          yield { status: { name: "another" } };
          for await (const { calls } of requests) yield { answers: calls.map(({ id }) => ({ id, answer })) };
        },
        async *watch() {
          yield* watched;
        },
      }),
  );
  const open = storageLinks(
    { clock: createVirtualClock(), nextTurn, connect: () => ({ transport, close: () => undefined }) },
    { client: "a test" },
  );
  return await open("server:7511");
}

const TOO_LARGE = 2n ** 60n;

describe("an answer that a client does not understand", () => {
  it.each<[string, AnswerInit]>([
    ["of another kind", { case: "kept", value: true }],
    ["of no kind", { case: undefined }],
    ["with a version beyond 2^53", { case: "committed", value: { version: TOO_LARGE } }],
    [
      "of a refusal that the commit has no precondition for",
      { case: "committed", value: { refusal: { operation: 3 } } },
    ],
    ["of an unknown reason", { case: "unknown", value: { reason: 9 as OutcomeUnknown_Reason } }],
    ["of an unknown error", { case: "error", value: { code: "from-the-future" } }],
    ["of an error beyond 2^53", { case: "error", value: { code: "invalid", resumeVersion: TOO_LARGE } }],
  ])("%s leaves open what became of a commit", async (_, answer) => {
    const link = await linkToServerOf(answer);
    const request = { session: { id: "s", openedAt: 1 }, sequence: 1, lowestUnanswered: 1 };
    expect(await failure(link.commit([put("a")]))).toMatchObject({ code: "outcome-unknown" });
    // What a session's origin makes of a refusal's place is its business.
    if (answer.case !== "committed" || answer.value.refusal === undefined)
      expect(await failure(link.submit(request, [put("a")]))).toMatchObject({ code: "outcome-unknown" });
    expect(link.pendingCalls).toBe(0);
    await link.close();
  });

  it.each<[string, AnswerInit, string]>([
    ["of another kind", { case: "kept", value: true }, "unsupported"],
    ["with no position", { case: "read", value: {} }, "unsupported"],
    ["of an unknown error", { case: "error", value: { code: "from-the-future" } }, "unavailable"],
    [
      "of an error beyond 2^53",
      { case: "error", value: { code: "invalid", resumeVersion: TOO_LARGE } },
      "unavailable",
    ],
  ])("%s fails a read", async (_, answer, code) => {
    const link = await linkToServerOf(answer);
    expect(await failure(link.read(keyOf("a")))).toMatchObject({ code });
    expect(link.pendingCalls).toBe(0);
    await link.close();
  });
});

describe("the last message of a watch", () => {
  const bookmark = { batch: { case: "bookmark" as const, value: 9n } };

  it("brings its batches before it tells why the watch ended", async () => {
    const error = { code: "slow-watcher", message: "too slow", resumeVersion: 9n };
    const link = await linkToServerOf({ case: undefined }, [{ batches: [bookmark], error }]);
    const watch = link.watch(ALL);
    expect(await watch.next()).toEqual({ kind: "bookmark", version: 9 });
    expect(await failure(watch.next())).toMatchObject({ code: "slow-watcher", resumeVersion: 9 });
    expect(await watch.next()).toBeUndefined();
    await link.close();
  });

  it("of a reason that a client does not know says that the watch is to be opened again", async () => {
    const error = { code: "from-the-future", message: "whatever" };
    const link = await linkToServerOf({ case: undefined }, [{ error }]);
    expect(await failure(link.watch(ALL).next())).toMatchObject({ code: "unavailable", message: "whatever" });
    await link.close();
  });

  it("that gives no reason says that the watch is to be opened again", async () => {
    const link = await linkToServerOf({ case: undefined }, [{ batches: [bookmark] }]);
    const watch = link.watch(ALL);
    await watch.next();
    expect(await failure(watch.next())).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("open it again"),
    });
    await link.close();
  });
});

describe("what goes wrong at one call", () => {
  let open: OpenWire;

  beforeEach(async () => {
    open = await openWire();
  });
  afterEach(() => open.close());

  it("inside of the server leaves a commit open and fails a read, and tells nobody outside more", async () => {
    const { link, endpoint } = open;
    const fail = async (): Promise<never> => {
      throw new TypeError("secret is undefined");
    };
    endpoint.commit = fail;
    endpoint.submit = fail;
    endpoint.read = fail;
    const request = { session: { id: "s", openedAt: 1 }, sequence: 1, lowestUnanswered: 1 };
    const outcomes = {
      commit: await failure(link.commit([put("a")])),
      submit: await failure(link.submit(request, [put("a")])),
      evaluate: await failure(link.commit([put("a")], { evaluateOnly: true })),
      read: await failure(link.read(keyOf("a"))),
    };
    const message = expect.not.stringContaining("secret");
    expect(outcomes).toMatchObject({
      commit: { code: "outcome-unknown", message },
      submit: { code: "outcome-unknown", message },
      evaluate: { code: "unavailable", message },
      read: { code: "unavailable", message },
    });
  });

  it.each([0, -1, 1.5, Number.NaN])("with a limit of %d is refused, and others go on", async (limit) => {
    const { link } = open;
    await link.list(ALL);
    const others = link.list(ALL, { limit: 1 });
    expect(await failure(link.list(ALL, { limit }))).toMatchObject({ code: "invalid" });
    await others;
    expect((await link.list(ALL, { limit: 2 ** 40 })).records).toEqual([]);
  });

  it("that no message can carry is refused, and others go on", async () => {
    const { link } = open;
    const others = link.commit([put("a")]);
    const uid = "u".repeat(33 * 1024 * 1024);
    expect(await failure(link.commit([put("b", "", { kind: "exists", uid })]))).toMatchObject({
      code: "invalid",
      message: expect.stringMatching(/at most \d+ bytes, found \d+/),
    });
    await others;
    expect((await link.commit([put("c")])).outcome).toBe("applied");
  });

  it("that no field can carry is refused, and others go on", async () => {
    const { link } = open;
    const others = link.commit([put("a")]);
    const openedAt = 2 ** 80;
    const kept = failure(link.keepAlive({ id: "s", openedAt }));
    await others;
    expect(await kept).toMatchObject({ code: "invalid" });
    expect((await link.commit([put("c")])).outcome).toBe("applied");
  });

  it("with longer silences than a message can tell is watched all the same", async () => {
    const watch = open.link.watch(ALL, { bookmarkIntervalMs: Number.MAX_SAFE_INTEGER });
    expect(await watch.next()).toMatchObject({ kind: "endOfSnapshot" });
    watch.close();
  });
});
