import { expect, it } from "@jest/globals";

import { startAlbumServer } from "../test-support/album-server.ts";
import { ALBUMS_PATH } from "../test-support/album.ts";

it("a HEAD of a watch keeps none open", async () => {
  const server = await startAlbumServer({ maxWatches: 1 });
  try {
    for (let time = 0; time < 3; time++) {
      const { status, headers, text } = await server.send("HEAD", `${ALBUMS_PATH}?watch`);
      expect([status, headers.get("content-type"), text]).toEqual([200, "application/x-ndjson", ""]);
    }
  } finally {
    await server.stop();
  }
});
