import { describe, expect, it } from "@jest/globals";

import { finalizersOf, isMarkedForDeletion, withFinalizer, withoutFinalizer } from "./finalizers.ts";

describe("finalizers (C245)", () => {
  it("T422: are none without the key", () => {
    expect(finalizersOf({})).toEqual(new Set());
    expect(withoutFinalizer({ a: "b" }, "f1")).toEqual({ a: "b" });
  });

  it("T423, T424: are a set", () => {
    expect(withFinalizer(withFinalizer({}, "f1"), "f1")).toEqual({ finalizers: "f1" });
    expect(finalizersOf(withFinalizer({ finalizers: "f1" }, "f2"))).toEqual(new Set(["f1", "f2"]));
  });

  it("T425, T426: lose the one that is named, and no other", () => {
    expect(withoutFinalizer({ finalizers: "f1 f2" }, "f1")).toEqual({ finalizers: "f2" });
    expect(withoutFinalizer({ finalizers: "f2" }, "f3")).toEqual({ finalizers: "f2" });
  });

  it("T427: take the key with the last of them", () => {
    expect(withoutFinalizer({ finalizers: "f1", a: "b" }, "f1")).toEqual({ a: "b" });
  });

  it("T428: stand apart by any white space", () => {
    expect(finalizersOf({ finalizers: " f1\t f2\n\nf3 " })).toEqual(new Set(["f1", "f2", "f3"]));
  });

  it("say nothing of the mark, which is a key of its own", () => {
    expect([
      isMarkedForDeletion({ finalizers: "f1" }),
      isMarkedForDeletion({ deletionTimestamp: "" }),
    ]).toEqual([false, true]);
  });
});
