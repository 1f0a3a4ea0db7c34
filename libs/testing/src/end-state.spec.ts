import { afterEach, describe, expect, it } from "@jest/globals";
import type { Client } from "@trellis/client";
import demo, { v2 } from "@trellis/demo";
import type { Random } from "@trellis/resource";

import { differences, type EndState, readEndState } from "./end-state.ts";
import { seededRandom } from "./seeded-random.ts";
import { createTestServer, type TestServer } from "./test-server.ts";

const { Album, Artist } = v2;
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** What a server holds after some calls. Each has uids of its own. */
async function after(calls: (client: Client) => Promise<unknown>, random: Random): Promise<EndState> {
  const server = createTestServer({ domains: [demo], controllers: [], random });
  servers.push(server);
  await calls(server.client);
  return await readEndState(server.backend, demo.types);
}

async function korn(client: Client, title = "Issues", metadata: Record<string, string> = {}): Promise<void> {
  const { resource } = await client.write(Artist, { name: "korn", data: { name: "Korn" }, metadata });
  const name = resource.id.uid.toLowerCase();
  await client.write(Album, { name, owner: resource.id, data: { title } });
}

describe("what is stored in the end", () => {
  it("is the same whatever uids, versions, generations and times there were, uids in names among them", async () => {
    const one = await after((client) => korn(client), seededRandom(1));
    const other = await after(async (client) => {
      await korn(client, "Draft");
      await client.delete(Album, {
        name: (await client.read(Artist, { name: "korn" })).id.uid.toLowerCase(),
      });
      await korn(client);
    }, seededRandom(2));
    expect(differences(one, other, 3)).toBeUndefined();
    expect([...one.keys()]).toContain(
      "demo.v2.Album default/default/<uid of demo.v2.Artist default/default/korn>",
    );
  });

  it("differs by data, by metadata, and by what is there", async () => {
    const one = await after((client) => korn(client), seededRandom(1));
    const others = [
      (client: Client) => korn(client, "Untitled"),
      (client: Client) => korn(client, "Issues", { city: "Bakersfield" }),
      async (client: Client) => await client.write(Artist, { name: "korn", data: { name: "Korn" } }),
    ];
    for (const other of others)
      expect(differences(one, await after(other, seededRandom(1)), 3)).toMatch(/expected .*\n found /);
  });

  it("differs by an owner of another incarnation", async () => {
    const form = (client: Client) => client.write(Artist, { name: "korn", data: { name: "Korn" } });
    const record = async (client: Client): Promise<void> => {
      const { resource } = await form(client);
      await client.write(Album, { name: "issues", owner: resource.id, data: { title: "Issues" } });
    };
    const one = await after(record, seededRandom(1));
    const other = await after(async (client) => {
      await record(client);
      await client.delete(Artist, { name: "korn" });
      await form(client);
    }, seededRandom(1));
    expect(differences(one, other, 3)).toMatch(/demo\.v2\.Album .*issues\n expected .*\n found .*gone/);
  });

  it("is told of so many resources that differ, and how many more there are", () => {
    const state = (...ids: string[]): EndState => new Map(ids.map((id) => [id, "{}"]));
    expect(differences(state("a", "b", "c"), state("c", "d"), 2)).toBe(
      "a\n expected {}\n found nothing\nb\n expected {}\n found nothing\nand 1 more",
    );
  });
});
