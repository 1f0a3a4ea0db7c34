import { create } from "@bufbuild/protobuf";
import type { Client } from "@trellis/client";
import { v2 } from "@trellis/demo";
import { IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { OperationSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { ALBUM, album } from "../bench/albums.ts";

/** What the names of the large list begin with: nobody changes them. */
const PREFIX = "calm-";
const PER_COMMIT = 128;
const COMMITS_AT_ONCE = 4;
const FILL_MS = 60_000;
const LIST_MS = 120_000;
const PAGE_SIZE = 1_000;

/** Writes so many resources. */
export async function fillList(client: Client, count: number): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const first = next;
      next += PER_COMMIT;
      const operations = Array.from({ length: Math.min(PER_COMMIT, count - first) }, (_, at) => {
        const resource = album(first + at, 0);
        resource.id = create(IDSchema, { type: ALBUM, name: `${PREFIX}${first + at}` });
        return create(OperationSchema, { operation: { case: "write", value: { resource } } });
      });
      await client.resources.transact({ operations }, { timeoutMs: FILL_MS });
    }
  };
  await Promise.all(Array.from({ length: COMMITS_AT_ONCE }, work));
}

/** Lists all of them once, in pages. Throws when there are not so many. */
export async function listAll(client: Client, count: number): Promise<void> {
  let listed = 0;
  const options = { pageSize: PAGE_SIZE, timeoutMs: LIST_MS };
  for await (const { id } of client.list(v2.Album, { namePrefix: PREFIX }, options)) {
    if (!id.name.startsWith(PREFIX))
      throw new Error(`expected names that begin with ${PREFIX}, found ${id.name}`);
    listed++;
  }
  if (listed !== count) throw new Error(`expected a list of ${count}, found ${listed}`);
}
