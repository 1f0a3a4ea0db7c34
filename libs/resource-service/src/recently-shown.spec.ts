import demo from "@trellis/demo";
import { describe, expect, it } from "@jest/globals";
import { createRegistry, type Registration } from "@trellis/registry";
import type { ResourceType } from "@trellis/resource";
import { type StoredRecord, toVersion } from "@trellis/storage";

import { keyOf, recordOf } from "./record.ts";
import { RecentlyShown } from "./recently-shown.ts";
import { album, Album, AlbumV1 } from "./test-support/fixture.ts";

const registry = createRegistry([demo]);

function registered(type: ResourceType): Registration {
  const registration = registry.resolve(type);
  if (registration === undefined) throw new Error(`${type.gvk} is not registered`);
  return registration;
}

function recordNamed(name: string, metadata: Record<string, string> = {}): StoredRecord {
  const resource = album(name, { metadata });
  if (resource.id === undefined) throw new Error("an album has an id");
  return { owner: undefined, ...recordOf(resource), key: keyOf(resource.id), version: toVersion(7) };
}

describe("what was shown lately", () => {
  it("is shown, and decoded, once for all who look at it", () => {
    const recent = new RecentlyShown();
    const record = recordNamed("one");
    const shown = recent.show(registered(Album), record);
    expect(recent.show(registered(Album), record)).toBe(shown);
    if (shown === undefined || shown instanceof Promise) throw new Error("expected it at once");
    expect(shown.resource()).toBe(shown.resource());
  });

  it("is another thing to who looks at it in another version", async () => {
    const recent = new RecentlyShown();
    const record = recordNamed("one");
    const now = await recent.show(registered(Album), record);
    const before = await recent.show(registered(AlbumV1), record);
    expect(now?.resource().id?.type?.groupVersion).toBe("v2");
    expect(before?.resource().id?.type?.groupVersion).toBe("v1");
    expect(before?.stored).toBeUndefined();
  });

  it("is forgotten after some hundred others, and after some megabytes", () => {
    const recent = new RecentlyShown();
    const look = (record: StoredRecord) => recent.show(registered(Album), record);
    const one = recordNamed("one");
    const shown = look(one);
    for (let count = 0; count < 511; count++) void look(recordNamed(`other-${count}`));
    expect(look(one)).toBe(shown);
    void look(recordNamed("other"));
    expect(look(one)).not.toBe(shown);
    const large = recordNamed("large", { text: "x".repeat(500_000) });
    const first = look(large);
    for (let count = 0; count < 8; count++)
      void look(recordNamed(`large-${count}`, { text: "x".repeat(500_000) }));
    expect(look(large)).not.toBe(first);
  });
});
