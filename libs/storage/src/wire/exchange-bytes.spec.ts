import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import {
  EncodedExchangeRequestSchema,
  EncodedExchangeResponseSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import fc from "fast-check";

import { exchangeRequestForm, exchangeResponseForm } from "./exchange-bytes.ts";
import { toStatusMessage } from "./status-codec.ts";
import { serverStatus } from "./test-support/arbitraries.ts";

const ROOM = 5;
const RUNS = { numRuns: 300 };
const number = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
/** Some are longer than a length of one byte can say. */
const items = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 120, maxLength: 300 })),
  { maxLength: 5 },
);
const request: fc.Arbitrary<MessageInitShape<typeof EncodedExchangeRequestSchema>> = fc.record({
  hello: fc.option(fc.record({ protocolVersion: fc.nat(), client: fc.string(), nodeId: number }), {
    nil: undefined,
  }),
  calls: items.map((some) => some.map((one) => Uint8Array.from(one))),
  cancelled: fc.array(number, { maxLength: 2 }),
});
const response: fc.Arbitrary<MessageInitShape<typeof EncodedExchangeResponseSchema>> = fc.record({
  status: fc.option(serverStatus.map(toStatusMessage), { nil: undefined }),
  answers: items.map((some) => some.map((one) => Uint8Array.from(one))),
});

/** Each kind of message, with how the library and this program write and read it. */
const KINDS = [
  {
    name: "a request",
    drawn: request.map((init) => create(EncodedExchangeRequestSchema, init)),
    toLibrary: (message: never) => toBinary(EncodedExchangeRequestSchema, message),
    fromLibrary: (bytes: Uint8Array) => fromBinary(EncodedExchangeRequestSchema, bytes),
    form: exchangeRequestForm,
  },
  {
    name: "a response",
    drawn: response.map((init) => create(EncodedExchangeResponseSchema, init)),
    toLibrary: (message: never) => toBinary(EncodedExchangeResponseSchema, message),
    fromLibrary: (bytes: Uint8Array) => fromBinary(EncodedExchangeResponseSchema, bytes),
    form: exchangeResponseForm,
  },
] as const;

describe.each(KINDS)("the bytes of $name of an exchange", ({ drawn, toLibrary, fromLibrary, form }) => {
  it("are the library's, behind the room that was asked for", () => {
    fc.assert(
      fc.property(drawn as fc.Arbitrary<never>, (message) => {
        const bytes = form.write(message, ROOM);
        expect(Buffer.from(bytes?.subarray(ROOM) ?? []).equals(toLibrary(message))).toBe(true);
      }),
      RUNS,
    );
  });

  it("are read as the library reads them, by hand unless something is cancelled", () => {
    fc.assert(
      fc.property(drawn as fc.Arbitrary<never>, (message) => {
        const found = form.read(toLibrary(message));
        const isPlain =
          !("cancelled" in message) || (message as { cancelled: bigint[] }).cancelled.length === 0;
        if (isPlain) expect(found).toEqual(message);
        else expect(found).toBeUndefined();
      }),
      RUNS,
    );
  });

  it("when they were changed are read as the library reads them, or left to it", () => {
    let readByHand = 0;
    const change = fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.uint8Array({ maxLength: 3 }));
    fc.assert(
      fc.property(drawn as fc.Arbitrary<never>, change, (message, [where, removed, added]) => {
        const bytes = toLibrary(message);
        const at = where % (bytes.length + 1);
        const changed = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...added,
          ...bytes.subarray(at + removed),
        ]);
        const found = form.read(changed);
        if (found === undefined) return;
        readByHand++;
        expect(found).toEqual(fromLibrary(changed));
      }),
      { numRuns: 3_000 },
    );
    expect(readByHand).toBeGreaterThan(100);
  });

  it("with fields that are not known are left to the library", () => {
    const unknown = Uint8Array.of(0xfa, 0x07, 1, 0);
    expect(form.read(unknown)).toBeUndefined();
    expect(form.write(fromLibrary(unknown) as never, ROOM)).toBeUndefined();
  });
});
