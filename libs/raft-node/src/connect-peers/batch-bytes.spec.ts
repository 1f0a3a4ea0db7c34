import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import {
  BatchSchema,
  EncodedExchangeRequestSchema,
  type PeerMessageType,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import { message } from "@trellis/raft";
import fc from "fast-check";

import { anyBatch, anyMessage, plain } from "../test-support/peer-messages.ts";
import { decodeBatch, decodeFrequentBatch, encodeBatch } from "./batch-bytes.ts";
import { exchangeRequestForm } from "./encoded-service.ts";
import { fromBatch, toBatch } from "./message-codec.ts";

const ENDS = { from: 7, to: 9 };
const RUNS = { numRuns: 400 };

describe("a batch in bytes", () => {
  it("is encoded as the library encodes it, byte for byte", () => {
    fc.assert(
      fc.property(anyBatch, ({ messages, announcement }) => {
        const byLibrary = toBinary(BatchSchema, toBatch(messages, announcement));
        expect(Buffer.from(encodeBatch({ messages, announcement })).toString("hex")).toBe(
          Buffer.from(byLibrary).toString("hex"),
        );
      }),
      RUNS,
    );
  });

  it("comes out as it went in, and is read by hand unless it has a snapshot or a number beyond 2^53", () => {
    let readByHand = 0;
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const bytes = encodeBatch(batch);
        const byHand = decodeFrequentBatch(bytes, ENDS);
        if (byHand !== undefined) readByHand++;
        else expect(JSON.stringify(batch)).toMatch(/metadata|\d{16}/);
        expect(plain(decodeBatch(bytes, ENDS))).toEqual(plain(batch));
      }),
      RUNS,
    );
    expect(readByHand).toBeGreaterThan(100);
  });

  it("of bytes of any kind is read by hand as the library reads it, or not at all", () => {
    let readByHand = 0;
    const change = fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.uint8Array({ maxLength: 3 }));
    fc.assert(
      fc.property(anyBatch, change, (batch, [where, removed, added]) => {
        const bytes = encodeBatch(batch);
        const at = where % (bytes.length + 1);
        const changed = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...added,
          ...bytes.subarray(at + removed),
        ]);
        const byHand = decodeFrequentBatch(changed, ENDS);
        if (byHand === undefined) return;
        readByHand++;
        expect(plain(byHand)).toEqual(plain(fromBatch(fromBinary(BatchSchema, changed), ENDS)));
      }),
      { numRuns: 5_000 },
    );
    expect(readByHand).toBeGreaterThan(100);
  });

  it("with a feature level beyond 32 bits is left to the library, which keeps the lower ones", () => {
    const announcement = Uint8Array.of(0x08, 0x83, 0x80, 0x80, 0x80, 0x80, 0x01);
    const bytes = Uint8Array.of(0x12, announcement.length, ...announcement);
    expect(decodeFrequentBatch(bytes, ENDS)).toBeUndefined();
    expect(decodeBatch(bytes, ENDS).announcement.featureLevel).toBe(3);
    const largest = { featureLevel: 0xffff_ffff, hasSpace: true, applied: 1 };
    const sent = encodeBatch({ messages: [], announcement: largest });
    expect(decodeFrequentBatch(sent, ENDS)?.announcement).toEqual(largest);
  });

  it("of an earlier use that failed has nothing of it", () => {
    const announcement = { featureLevel: 1, hasSpace: true, applied: 2 };
    const before = encodeBatch({ messages: [message({ type: "MsgApp", index: 3 })], announcement });
    const wrong = [message({ type: "MsgApp", context: Uint8Array.of(1, 2, 3) }), message({ type: "MsgHup" })];
    expect(() => encodeBatch({ messages: wrong.toReversed(), announcement })).toThrow("never leaves a node");
    expect(encodeBatch({ messages: [message({ type: "MsgApp", index: 3 })], announcement })).toEqual(before);
  });

  it("that no version of the protocol sends is refused as a RangeError, and what is none as its stream refuses it", () => {
    const batch = toBatch([message({ type: "MsgApp" })], { featureLevel: 1, hasSpace: true, applied: 0 });
    for (const sent of batch.messages) sent.type = 99 as PeerMessageType;
    expect(() => decodeBatch(toBinary(BatchSchema, batch), ENDS)).toThrow(RangeError);
    for (const bytes of [Uint8Array.of(0xff), Uint8Array.of(0x0a, 5)])
      expect(() => decodeBatch(bytes, ENDS)).toThrow(
        expect.objectContaining({ code: Code.Internal, rawMessage: expect.stringMatching(/^parse binary/) }),
      );
  });

  it("shares the bytes of its entries with what it was read of, and no others", () => {
    const data = Uint8Array.of(2, 1, 2, 3);
    const sent = message({ type: "MsgApp", entries: [{ term: 1, index: 1, type: "EntryNormal", data }] });
    const bytes = encodeBatch({
      messages: [sent],
      announcement: { featureLevel: 1, hasSpace: true, applied: 0 },
    });
    const [found] = decodeBatch(bytes, ENDS).messages;
    expect(found?.entries[0]?.data).toEqual(data);
    expect(found?.entries[0]?.data.buffer).toBe(bytes.buffer);
    data.fill(9);
    expect(found?.entries[0]?.data).not.toEqual(data);
  });
});

describe("a request that brings a batch", () => {
  it("is written and read as the library does, and left to it when it brings anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (batch) => {
        const value = Uint8Array.from(batch);
        const request = create(EncodedExchangeRequestSchema, { content: { case: "batch", value } });
        const bytes = toBinary(EncodedExchangeRequestSchema, request);
        const written = exchangeRequestForm.write(request, 5);
        expect(Buffer.from(written?.subarray(5) ?? []).equals(bytes)).toBe(true);
        expect(exchangeRequestForm.read(bytes)).toEqual(request);
      }),
      RUNS,
    );
    const opening = create(EncodedExchangeRequestSchema, { content: { case: "opening", value: {} } });
    expect(exchangeRequestForm.write(opening, 5)).toBeUndefined();
    expect(exchangeRequestForm.read(toBinary(EncodedExchangeRequestSchema, opening))).toBeUndefined();
    const twice = Uint8Array.of(0x12, 1, 0, 0x12, 1, 0);
    expect(exchangeRequestForm.read(twice)).toBeUndefined();
    expect(exchangeRequestForm.read(Uint8Array.of(0x12, 3, 0))).toBeUndefined();
    expect(exchangeRequestForm.read(new Uint8Array(0))).toBeUndefined();
  });
});

it("messages are drawn of every kind that leaves a node", () => {
  const types = new Set(fc.sample(anyMessage, 500).map(({ type }) => type));
  expect(types.size).toBe(13);
});
