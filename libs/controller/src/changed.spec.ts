import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import {
  Condition_State,
  ConditionSchema,
  type Status,
  StatusSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DELETION_TIMESTAMP_KEY } from "@trellis/resource";

import type { ChangeFilter } from "./change.ts";
import { changed, changedBesidesStatus, changePasses } from "./changed.ts";
import { watch } from "./define.ts";
import { byReader } from "./mappers.ts";
import { Album, album } from "./test-support/albums.ts";

function status(message: string, seconds = 1n): Status {
  const conditions = [create(ConditionSchema, { type: "Ok", state: Condition_State.TRUE, message })];
  return create(StatusSchema, { conditions, updatedAt: { seconds } });
}

const FILTERS = {
  generation: changed.generation,
  metadata: changed.metadata,
  body: changed.body,
  status: changed.status("mine"),
  nothing: changed.any(),
  besides: changedBesidesStatus("mine"),
};
const base = album("a", { title: "x" }, { generation: "1", status: { mine: status("x") } });

/** The filters that a change passes. */
function passing(next: typeof base | undefined, previous: typeof base | undefined = base): string[] {
  return Object.entries(FILTERS)
    .filter(([, filter]) => filter({ previous, next }))
    .map(([name]) => name);
}

describe("the filters of changes", () => {
  const everyOne = Object.keys(FILTERS);

  it.each([
    ["the coming of a resource", undefined, base],
    ["its going", base, undefined],
    ["another of its name in its place", base, { ...base, id: { ...base.id, uid: "other" } }],
    [
      "its mark for deletion",
      base,
      { ...base, metadata: { [DELETION_TIMESTAMP_KEY]: "2026-01-01T00:00:00Z" } },
    ],
  ])("all let %s through", (_, previous, next) => {
    expect(Object.values(FILTERS).every((filter) => filter({ previous, next }))).toBe(true);
    expect(everyOne).toHaveLength(6);
  });

  it("let through a change of the data, as what it is", () => {
    const next = album("a", { title: "y" }, { generation: "2", status: base.status });
    expect(passing(next)).toEqual(["generation", "body", "besides"]);
  });

  it("let through a change of the metadata, as what it is", () => {
    const next = { ...base, generation: "2", metadata: { note: "y" } };
    expect(passing(next)).toEqual(["generation", "metadata", "besides"]);
    expect(passing({ ...base, generation: "3" }, next)).toEqual(["generation", "metadata", "besides"]);
  });

  it("let through what a status says, and not that it says it anew", () => {
    expect(passing({ ...base, status: { mine: status("y") } })).toEqual(["status"]);
    expect(passing({ ...base, status: {} })).toEqual(["status"]);
    expect(passing({ ...base, status: { mine: status("x", 2n) } })).toEqual([]);
  });

  it("let through what others say only where it is asked for", () => {
    const next = { ...base, status: { ...base.status, theirs: status("z") } };
    expect(passing(next)).toEqual(["besides"]);
    expect(passing(base, next)).toEqual(["besides"]);
    expect(changed.status("theirs")({ previous: base, next })).toBe(true);
  });

  it("let through, of several, what one of them does", () => {
    const either = changed.any(changed.status("theirs"), changed.metadata);
    const change = (next: typeof base): boolean => either({ previous: base, next });
    expect(change({ ...base, status: { theirs: status("z") } })).toBe(true);
    expect(change({ ...base, metadata: { note: "y" } })).toBe(true);
    expect(change({ ...base, status: { mine: status("z") } })).toBe(false);
  });

  it("fit the watches of any type, beside filters of that type's own", () => {
    const retitled: ChangeFilter<typeof Album.schema> = ({ previous, next }) =>
      previous?.data.title !== next?.data.title;
    const watches = [
      watch(Album, byReader(), { when: changed.generation }),
      watch(Album, byReader(), { when: changed.any(changed.body, changed.status("mine")) }),
      watch(Album, byReader(), { when: retitled }),
      // @ts-expect-error an album has no genre
      watch(Album, byReader(), { when: ({ next }) => next?.data.genre !== undefined }),
    ];
    expect(watches.map(({ when }) => typeof when)).toEqual(Array.from({ length: 4 }, () => "function"));
  });
});

describe("whether a change counts", () => {
  const errors: unknown[] = [];
  const passes = (filter: Parameters<typeof changePasses>[0], change: Parameters<typeof changePasses>[1]) =>
    changePasses(filter, change, (error) => errors.push(error));

  it("is asked of a filter only where something was there before and after", () => {
    const never = (): boolean => false;
    expect(passes(never, { previous: base, next: base })).toBe(false);
    expect(passes(never, { next: base })).toBe(true);
    expect(passes(never, { previous: base })).toBe(true);
    expect(passes(undefined, { previous: base, next: base })).toBe(true);
  });

  it("is the case for a filter that throws, which is told", () => {
    const broken = (): boolean => {
      throw new Error("broken");
    };
    expect(passes(broken, { previous: base, next: base })).toBe(true);
    expect(errors).toEqual([new Error("broken")]);
  });
});
