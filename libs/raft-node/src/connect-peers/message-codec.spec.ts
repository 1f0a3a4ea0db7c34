import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import {
  BatchSchema,
  type PeerEntryType,
  type PeerMessageType,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import { message } from "@trellis/raft";
import fc from "fast-check";

import { anyMessage, plain } from "../test-support/peer-messages.ts";
import { fromBatch, toBatch, toPeerMessage } from "./message-codec.ts";

describe("messages on the wire", () => {
  it("come out as they went in", () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { maxLength: 5 }),
        fc.maxSafeNat(),
        fc.boolean(),
        (messages, applied, hasSpace) => {
          const announcement = { featureLevel: 3, hasSpace, applied };
          const wire = toBinary(BatchSchema, toBatch(messages, announcement));
          const found = fromBatch(fromBinary(BatchSchema, wire), { from: 7, to: 9 });
          expect(found.announcement).toEqual(announcement);
          expect(found.messages.map(plain)).toEqual(messages.map(plain));
        },
      ),
    );
  });

  it("are those of members only: what stays within a node never leaves it", () => {
    for (const type of [
      "MsgHup",
      "MsgProp",
      "MsgStorageAppend",
      "MsgStorageApplyResp",
      "MsgSnapStatus",
    ] as const)
      expect(() => toPeerMessage(message({ type }))).toThrow("never leaves a node");
  });

  it("are refused as a RangeError when no version of the protocol sends them", () => {
    const ends = { from: 7, to: 9 };
    const batch = () =>
      toBatch([message({ type: "MsgApp" })], { featureLevel: 1, hasSpace: true, applied: 0 });
    const [unknown, huge, strange] = [batch(), batch(), batch()];
    for (const found of unknown.messages) found.type = 99 as PeerMessageType;
    for (const found of huge.messages) found.index = 2n ** 60n;
    for (const found of strange.messages)
      found.entries = [
        {
          $typeName: "trellis.raft.v1.PeerEntry",
          term: 1n,
          index: 1n,
          type: 9 as PeerEntryType,
          data: new Uint8Array(),
        },
      ];
    expect(() => fromBatch(unknown, ends)).toThrow(RangeError);
    expect(() => fromBatch(huge, ends)).toThrow(RangeError);
    expect(() => fromBatch(strange, ends)).toThrow(RangeError);
  });
});
