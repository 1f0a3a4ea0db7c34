import { describe, expect, it } from "@jest/globals";

import {
  countOf,
  eventsOf,
  hasSucceeded,
  isCreated,
  leads,
  putRequest,
  putTransaction,
  rangeRequest,
  revisionOf,
  watchRequest,
} from "./etcd-messages.ts";

const key = Buffer.from("k");
const value = Buffer.from("v");
const end = Buffer.from("l");

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** Expected bytes as `protoc` encodes these messages by the public definition: tag, length, content. */
describe("messages of etcd", () => {
  it("put a value", () => {
    expect(hex(putRequest(key, value))).toBe("0a016b" + "120176");
  });

  it("ask for a key, or for all up to another, linearizably unless told otherwise", () => {
    expect(hex(rangeRequest({ key }))).toBe("0a016b");
    expect(hex(rangeRequest({ key, end, serializable: true }))).toBe("0a016b" + "12016c" + "3801");
  });

  it("put several in a transaction, on condition of a revision", () => {
    const put = "1208" + "1206" + "0a016b" + "120176";
    expect(hex(putTransaction([{ key, value }]))).toBe(put);
    expect(hex(putTransaction([{ key, value }], { key, revision: 300 }))).toBe(
      "0a08" + "1002" + "1a016b" + "30ac02" + put,
    );
  });

  it("watch a key", () => {
    expect(hex(watchRequest(key))).toBe("0a03" + "0a016b");
  });

  it("tell the revision, whether a condition held, how many keys there are", () => {
    // A header of cluster 1, member 2, revision 300, term 4.
    const header = "0a09 0801 1002 18ac02 2004";
    expect(revisionOf(bytes(header))).toBe(300);
    expect(hasSucceeded(bytes(`${header} 1001`))).toBe(true);
    expect(hasSucceeded(bytes(header))).toBe(false);
    expect(countOf(bytes(`${header} 1203 0a016b 1203 0a016c 2002`))).toBe(2);
  });

  it("tell that a watch is there, and its events", () => {
    const header = "0a02 1801";
    expect([isCreated(bytes(`${header} 1801`)), eventsOf(bytes(`${header} 1801`))]).toEqual([true, 0]);
    const events = bytes(`${header} 5a05 1203 0a016b 5a05 1203 0a016b`);
    expect([isCreated(events), eventsOf(events)]).toEqual([false, 2]);
  });

  it("tell who leads", () => {
    expect(leads(bytes("0a02 1005 2005"))).toBe(true);
    expect(leads(bytes("0a02 1005 2006"))).toBe(false);
  });
});
