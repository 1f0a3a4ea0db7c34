import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import demo from "@trellis/demo";
import {
  type ID,
  IDSchema,
  type Resource,
  ResourceSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type Operation,
  OperationSchema,
  WriteRequest_Mode,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";
import { type Version } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { laggingBackend } from "@trellis/testkit";
import { createVirtualClock, seededRandom } from "@trellis/testing";
import fc from "fast-check";

import {
  album,
  Album,
  Artist,
  artist,
  createFixture,
  type Fixture,
  id,
  Label,
  withFixture,
} from "./test-support/fixture.ts";

/** One step of a random story: a mutation, by what it names of the past. */
interface Step {
  readonly method: "write" | "writeStatus" | "delete" | "transact";
  readonly name: "a" | "b";
  readonly title: "x" | "y";
  /** Which version the caller knows: none, the present one, or an older one. */
  readonly version: "none" | "present" | "old";
  readonly uid: "none" | "present" | "old";
  readonly mode: WriteRequest_Mode;
  readonly finalizer: boolean;
  readonly owned: boolean;
  readonly dryRun: boolean;
  /** Whether another server of the same store is asked, where there is one. */
  readonly elsewhere: boolean;
}

const steps: fc.Arbitrary<Step> = fc.record({
  method: fc.constantFrom("write", "write", "writeStatus", "delete", "transact"),
  name: fc.constantFrom("a", "b"),
  title: fc.constantFrom("x", "y"),
  version: fc.constantFrom("none", "none", "present", "old"),
  uid: fc.constantFrom("none", "none", "present", "old"),
  mode: fc.constantFrom(
    WriteRequest_Mode.UNSPECIFIED,
    WriteRequest_Mode.UNSPECIFIED,
    WriteRequest_Mode.CREATE,
    WriteRequest_Mode.UPDATE,
  ),
  finalizer: fc.boolean(),
  owned: fc.boolean(),
  dryRun: fc.boolean().map((flag) => flag),
  elsewhere: fc.boolean(),
});

/** A store whose story is told, by two servers or one, and what their clients know of each name. */
class Story {
  readonly fixture: Fixture;
  /** The other server. */
  readonly #other: Fixture | undefined;
  readonly #known = new Map<string, Resource[]>();
  readonly #names = new Map<string, string>();

  /** `lag`: how far reads of two servers lag that have the store elsewhere; without it one server has it itself. */
  constructor(lag?: (least: Version, present: Version) => Version) {
    const clock = createVirtualClock();
    const here = createMemoryBackend({ clock, random: seededRandom(1) });
    const backend = lag === undefined ? here : Object.assign(laggingBackend(here), { lag });
    const server = (seed: number): Fixture =>
      createFixture({ backend, clock, domains: [demo], random: seededRandom(seed) });
    this.fixture = server(2);
    if (lag !== undefined) this.#other = server(3);
  }

  #rpcOf({ elsewhere }: Step): Fixture["rpc"] {
    return (elsewhere ? (this.#other ?? this.fixture) : this.fixture).rpc;
  }

  /** Takes a step; what the caller is told, with uids, generations and versions named by the order in which they were first seen. */
  async take(step: Step): Promise<string> {
    try {
      return this.#plain(await this.#call(step));
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      return `${code} ${errorReason(error)} ${this.#plain(rawMessage)}`;
    } finally {
      await this.#remember(step.name);
    }
  }

  async #call(step: Step): Promise<unknown> {
    const rpc = this.#rpcOf(step);
    const operation = this.#operation(step);
    if (step.method === "transact")
      return await rpc.transact({ operations: [operation, ...this.#child(step)], dryRun: step.dryRun });
    const { case: method, value } = operation.operation;
    if (method === "write") return await rpc.write({ ...value, dryRun: step.dryRun });
    if (method === "writeStatus") return await rpc.writeStatus({ ...value, dryRun: step.dryRun });
    if (method === "delete") return await rpc.delete({ ...value, dryRun: step.dryRun });
    throw new TypeError("a story has no checks");
  }

  #operation({ method, name, title, version, uid, mode, finalizer, owned }: Step): Operation {
    const [present, old] = this.#past(name);
    const given = { none: undefined, present, old };
    const id = idOf(name, given[uid]?.id?.uid);
    const known = given[version]?.version ?? "";
    if (method === "delete")
      return create(OperationSchema, { operation: { case: "delete", value: { id, version: known } } });
    if (method === "writeStatus") {
      const status = { observedGeneration: title };
      return create(OperationSchema, {
        operation: { case: "writeStatus", value: { id, version: known, key: "k", status } },
      });
    }
    const resource = create(ResourceSchema, {
      id,
      version: known,
      metadata: finalizer ? { finalizers: "f" } : {},
      data: {
        typeUrl: `type.googleapis.com/${Artist.schema.typeName}`,
        value: Uint8Array.of(0x0a, 1, title.charCodeAt(0)),
      },
      ...(owned && name === "b" ? { owner: idOf("a", given[uid]?.owner?.uid) } : {}),
    });
    return create(OperationSchema, { operation: { case: "write", value: { resource, mode } } });
  }

  /** A second operation: a label that is there only when the first one is. */
  #child({ title }: Step): Operation[] {
    const data = {
      typeUrl: `type.googleapis.com/${Label.schema.typeName}`,
      value: Uint8Array.of(0x0a, 1, title.charCodeAt(0)),
    };
    const type = { group: "demo", groupVersion: "v1", kind: "RecordLabel" };
    const resource = { id: { type, name: title, tenancy: { partition: "default" } }, data };
    return [create(OperationSchema, { operation: { case: "write", value: { resource } } })];
  }

  #past(name: string): readonly (Resource | undefined)[] {
    const known = this.#known.get(name) ?? [];
    return [known.at(-1), known.at(0)];
  }

  async #remember(name: string): Promise<void> {
    const { rpc } = this.fixture;
    const headers = { "trellis-consistency": "strong" };
    const answer = await rpc.read({ id: idOf(name) }, { headers }).catch(() => undefined);
    if (answer?.resource !== undefined)
      this.#known.set(name, [...(this.#known.get(name) ?? []), answer.resource]);
  }

  #plain(answer: unknown): string {
    const text =
      typeof answer === "string"
        ? answer
        : JSON.stringify(answer, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    return text.replaceAll(/\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b|\b\d{15,16}\b/g, (word) => {
      const named = this.#names.get(word) ?? `#${this.#names.size}`;
      this.#names.set(word, named);
      return named;
    });
  }
}

function idOf(name: string, uid = ""): ID {
  const type = { group: "demo", groupVersion: "v2", kind: "Artist" };
  return create(IDSchema, { type, tenancy: { partition: "default", namespace: "default" }, name, uid });
}

describe("an answer to a mutation", () => {
  it("does not depend on how far the replica lags that it was planned on, nor on which of two servers is asked, at any step", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 2, maxLength: 10 }),
        fc.integer(),
        async (story, seed) => {
          const random = seededRandom(seed);
          const present = new Story();
          const lagging = new Story(
            (least, newest) => (least + Math.floor(random() * (newest - least + 1))) as Version,
          );
          for (const step of story) expect(await lagging.take(step)).toBe(await present.take(step));
          await present.fixture.server.close();
          await lagging.fixture.server.close();
        },
      ),
      { numRuns: 300, seed: 20_261_125 },
    );
  }, 60_000);

  it("that rests on two resources is no refusal while only one of them is proven", async () => {
    const clock = createVirtualClock();
    const backend = laggingBackend(createMemoryBackend({ clock, random: seededRandom(1) }));
    await withFixture({ backend, clock }, async ({ rpc }) => {
      await rpc.write({ resource: album() });
      const { version } = backend.position();
      await rpc.delete({ id: id(Album, "issues") });
      await rpc.write({ resource: artist() });
      // The replica still has the album, and has not heard of its owner.
      backend.lag = () => version;
      const writing = rpc.write({ resource: album("issues", { owner: idOf("korn") }) });
      await clock.advance(1_000);
      const { outcome } = await writing;
      expect(outcome).toBe(WriteResponse_Outcome.CREATED);
    });
  });
});
