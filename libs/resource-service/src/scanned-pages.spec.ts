import { toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { MAX_SCANNED_PER_PAGE } from "./limits.ts";
import { Concept, createFixture, type Fixture, resource, typeMessage, ULID } from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

const OPERATIONS = 1_000;
const nameOf = (number: number) => `concept-${String(number).padStart(6, "0")}`;

/** Stores concepts past the service: one write each would take long. */
async function storeConcepts(count: number, metadataOf: (number: number) => Record<string, string>) {
  const tenancy = { partition: "default", namespace: "default" };
  for (let start = 0; start < count; start += OPERATIONS) {
    await fixture.server.backend.commit(
      Array.from({ length: Math.min(OPERATIONS, count - start) }, (_, position) => {
        const number = start + position;
        const name = nameOf(number);
        const stored = resource(Concept, name, undefined, { tenancy, metadata: metadataOf(number) });
        return {
          kind: "put",
          key: { group: Concept.group, kind: Concept.kind, ...tenancy, name },
          record: {
            uid: ULID,
            groupVersion: Concept.groupVersion,
            generation: ULID,
            marked: false,
            bytes: toBinary(ResourceSchema, stored),
          },
          preconditions: [],
        };
      }),
    );
  }
}

describe("a page of what is rare", () => {
  it("ends after so many records as one page may look at, and the next goes on behind them", async () => {
    const last = MAX_SCANNED_PER_PAGE;
    await storeConcepts(last + 1, (number) => (number === 0 || number === last ? { rare: "yes" } : {}));
    const request = { type: typeMessage(Concept), tenancy: {}, selector: "rare=yes" };
    const names = (page: {
      readonly resources: readonly { readonly id?: { readonly name: string } | undefined }[];
    }) => page.resources.map(({ id }) => id?.name);

    const first = await fixture.rpc.list(request);
    expect(names(first)).toEqual([nameOf(0)]);
    expect(first.nextPageToken).not.toBe("");
    const second = await fixture.rpc.list({ ...request, pageToken: first.nextPageToken });
    expect(names(second)).toEqual([nameOf(last)]);
    expect(second.nextPageToken).toBe("");
  }, 60_000);
});
