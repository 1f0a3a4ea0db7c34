import { expect, it } from "@jest/globals";
import { ResourceService, type WatchEvent } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { ALBUM, album, albumId } from "./album.ts";
import type { Caller } from "./callers/caller.ts";

const { method } = ResourceService;

/** One test of a watch through one client: a snapshot, then what happens, then a second watch that resumes in the middle. */
export function itWatches(title: string, name: string, caller: () => Caller): void {
  it(title, async () => {
    const client = caller();
    await client.unary(method.write, { resource: album(name, "Before") });
    let changed: Promise<unknown> = Promise.resolve();
    const events = await client.stream(method.watchList, { type: ALBUM, name }, (seen) => {
      const last = seen.at(-1)?.event.case;
      if (last === "endOfSnapshot") changed = client.unary(method.delete, { id: albumId(name) });
      return last === "delete";
    });
    await changed;
    expect(events.map(caseOf)).toEqual(["upsert", "endOfSnapshot", "delete"]);

    const sinceVersion = events[1]?.version ?? "";
    const resumed = await client.stream(
      method.watchList,
      { type: ALBUM, name, sinceVersion },
      (seen) => seen.length === 2,
    );
    expect(resumed.map(caseOf)).toEqual(["delete", "endOfSnapshot"]);
    expect(resumed[0]?.version).toBe(events[2]?.version);
  });
}

function caseOf({ event }: WatchEvent): string | undefined {
  return event.case;
}
