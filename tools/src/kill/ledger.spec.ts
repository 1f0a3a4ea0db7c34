import { beforeEach, describe, expect, it } from "@jest/globals";

import { changeOf, Ledger } from "./ledger.ts";

describe("the ledger of a server that is killed", () => {
  let ledger: Ledger;
  const a5 = { name: "a", version: 5, revision: 1 };

  beforeEach(() => {
    ledger = new Ledger();
    ledger.begin("a", { kind: "put", revision: 1 });
    ledger.acknowledge("a", 5);
  });

  it("is content when everything acknowledged is there", () => {
    ledger.settle([a5]);
    expect(ledger.findings).toEqual([]);
    expect([...ledger.takeChanges()]).toEqual([changeOf("put", "a", 5)]);
    expect([...ledger.takeChanges()]).toEqual([]);
  });

  it.each([
    ["what is missing", [], /expected a at 5 in revision 1, found no a/],
    ["an older state", [{ ...a5, version: 4, revision: 0 }], /found a at 4 in revision 0/],
    ["what was applied once more", [{ ...a5, version: 6 }], /found a at 6 in revision 1/],
    ["what is there twice", [a5, a5], /a is there twice/],
    ["what nobody wrote", [a5, { ...a5, name: "b" }], /b is there, and nobody wrote it/],
  ])("finds %s", (_, found, finding) => {
    ledger.settle(found);
    expect(ledger.findings.join("\n")).toMatch(finding);
  });

  it.each([
    ["done", [{ ...a5, version: 7, revision: 2 }], [changeOf("put", "a", 5), changeOf("put", "a", 7)]],
    ["not done", [a5], [changeOf("put", "a", 5)]],
  ])("takes an attempt without an answer for %s by what is there", (_, found, changes) => {
    ledger.begin("a", { kind: "put", revision: 2 });
    ledger.settle(found);
    expect(ledger.findings).toEqual([]);
    expect([...ledger.takeChanges()]).toEqual(changes);
    expect(ledger.find("a")).toEqual(found[0]);
  });

  it("takes a deletion without an answer for done when the resource is gone", () => {
    ledger.begin("a", { kind: "delete" });
    ledger.settle([]);
    expect(ledger.findings).toEqual([]);
    expect([...ledger.takeChanges()]).toContain(changeOf("delete", "a", 5));
  });

  it("finds versions that do not grow", () => {
    ledger.begin("b", { kind: "put", revision: 1 });
    ledger.acknowledge("b", 5);
    ledger.noteStore(4);
    expect(ledger.findings).toEqual([
      "b got version 5, and 5 had been acknowledged before it was asked for",
      "the store is at 4, and has acknowledged 5",
    ]);
  });
});
