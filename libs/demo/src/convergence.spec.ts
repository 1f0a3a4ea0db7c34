import { describe, it } from "@jest/globals";
import type { Client } from "@trellis/client";
import { Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { converges } from "@trellis/testing";

import demo, { v2 } from "./index.ts";

const { Album, Artist } = v2;
const play = (name: string, genre: Genre) => (client: Client) =>
  client.write(Artist, { name, data: { name, genre } });

/** Somebody throws one of an artist's albums away, if there is one. */
const lose = async (client: Client): Promise<void> => {
  for await (const { id } of client.list(Album)) {
    await client.delete(Album, { name: id.name });
    return;
  }
};

describe("the demo's controllers", () => {
  it("come to the same albums, whatever goes wrong and in whatever order", async () => {
    await converges({
      domains: [demo],
      system: true,
      seeds: 10,
      changes: [
        play("muddy", Genre.BLUES),
        play("miles", Genre.JAZZ),
        lose,
        (client) => client.delete(Artist, { name: "miles" }),
        play("muddy", Genre.DISCO),
        play("miles", Genre.BLUES),
        lose,
      ],
    });
  }, 60_000);
});
