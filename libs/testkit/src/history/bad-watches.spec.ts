import { describe, expect, it } from "@jest/globals";
import { type Backend, toVersion, type WatchBatch } from "@trellis/storage";

import { judged, onBatches } from "./test-support/bad-store.ts";

/** What a bad watch does, what the judge says of it. */
const BAD: readonly (readonly [string, (good: Backend) => Partial<Backend>, RegExp])[] = [
  [
    "leaves a commit out",
    (good) => onBatches(good, (batch, index) => (index === 2 ? [] : [batch])),
    /went on to version \d+ without/,
  ],
  [
    "says with a bookmark that it is further than it is",
    (good) =>
      onBatches(good, (batch, index) =>
        index === 2 && batch.kind === "commit" ? [{ kind: "bookmark", version: batch.version }] : [batch],
      ),
    /went on to version \d+ without/,
  ],
  [
    "tells a commit twice",
    (good) => onBatches(good, (batch, index) => (index === 2 ? [batch, batch] : [batch])),
    /went back/,
  ],
  [
    "tells two commits in the wrong order",
    (good) => {
      let held: WatchBatch | undefined;
      return onBatches(good, (batch, index) => {
        if (index === 2) held = batch;
        if (index === 2) return [];
        const late = index === 3 && held !== undefined ? [held] : [];
        return [batch, ...late];
      });
    },
    /went back/,
  ],
  [
    "tells part of a commit",
    (good) =>
      onBatches(good, (batch, index) =>
        index === 2 && batch.kind === "commit" ? [{ ...batch, events: batch.events.slice(1) }] : [batch],
      ),
    /events of version/,
  ],
  [
    "tells the events of a commit in another order",
    (good) =>
      onBatches(good, (batch, index) =>
        index === 2 && batch.kind === "commit" ? [{ ...batch, events: batch.events.toReversed() }] : [batch],
      ),
    /events of version/,
  ],
  [
    "does not tell what a change replaced",
    (good) =>
      onBatches(good, (batch, index) =>
        index === 2 && batch.kind === "commit"
          ? [
              {
                ...batch,
                events: batch.events.map((event) =>
                  event.kind === "put" ? { ...event, previous: undefined } : event,
                ),
              },
            ]
          : [batch],
      ),
    /events of version/,
  ],
  [
    "resumes one commit late",
    (good) => ({
      watch: (query, options) =>
        good.watch(
          query,
          options?.since === undefined
            ? options
            : { ...options, since: { ...options.since, version: toVersion(options.since.version + 1) } },
        ),
    }),
    /went on to version \d+ without/,
  ],
  [
    "begins with a snapshot of another time",
    (good) =>
      onBatches(good, (batch) =>
        batch.kind === "snapshot" ? [{ ...batch, records: batch.records.slice(1) }] : [batch],
      ),
    /a snapshot of version/,
  ],
];

describe("the judge of a store", () => {
  it.each(BAD)("finds one whose watch %s", async (_, spoil, finding) => {
    expect(await judged(spoil)).toMatch(finding);
  });
});
