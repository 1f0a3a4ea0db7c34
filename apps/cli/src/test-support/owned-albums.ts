import { v2 } from "@trellis/demo";
import type { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { TestServer } from "@trellis/testing";

/** A manifest of a demo album that an artist or another album owns. */
export function album(name: string, owner: string, kind = "Artist"): string {
  return `type: demo.v2.Album\nname: ${name}\nowner: {type: demo.v2.${kind}, name: ${owner}}\ndata: {title: ${name}}\n`;
}

/** One condition as tests write it. */
export type ObservedCondition = readonly [
  type: string,
  state: Condition_State,
  reason?: string,
  message?: string,
];

/** Writes a status of a demo artist, as a controller that has looked at it. */
export async function observeArtist(
  server: TestServer,
  name: string,
  conditions: readonly ObservedCondition[],
  { key = "test/controller", generation }: { key?: string; generation?: string } = {},
): Promise<void> {
  const artist = await server.client.read(v2.Artist, { name });
  await server.client.writeStatus(v2.Artist, artist, {
    key,
    observedGeneration: generation ?? artist.generation,
    conditions: conditions.map(([type, state, reason = "", message = ""]) => ({
      type,
      state,
      reason,
      message,
    })),
  });
}
