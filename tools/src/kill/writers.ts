import { Code, ConnectError } from "@connectrpc/connect";
import { WriteRequest_Mode as Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { ALBUM, ALBUM_PREFIX, album, albumId, type BenchClient } from "../bench/albums.ts";
import type { Found, Ledger } from "./ledger.ts";

/** Where the revision of a resource stands. */
const REVISION = "revision";
/** Resources that each writer changes by turns. */
export const RESOURCES = 4;
/** Every so many changes of a writer is a deletion. */
const DELETE_EVERY = 7;
/** What a server answers with that thinks otherwise about a resource that only the asking writer changes. */
const CONTRADICTIONS: readonly Code[] = [
  Code.Aborted,
  Code.AlreadyExists,
  Code.NotFound,
  Code.FailedPrecondition,
  Code.InvalidArgument,
];

/** Changes resources of its own, one after the other, until a call fails. */
export class Writer {
  readonly #ledger: Ledger;
  readonly #first: number;
  #steps = 0;

  constructor(ledger: Ledger, number: number) {
    this.#ledger = ledger;
    this.#first = number * RESOURCES;
  }

  async work(client: BenchClient, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const item = this.#first + (this.#steps++ % RESOURCES);
      if (!(await change(client, this.#ledger, item, this.#steps))) return;
    }
  }
}

/** Changes a resource once, and throws when there was no answer, or another than that it is done. */
export async function attempt(
  client: BenchClient,
  ledger: Ledger,
  item: number,
  revision: number,
): Promise<void> {
  const { name } = albumId(item);
  const found = ledger.find(name);
  if (found !== undefined && revision % DELETE_EVERY === 0) {
    ledger.begin(name, { kind: "delete" });
    await client.delete({ id: albumId(item), version: String(found.version) });
    ledger.acknowledge(name, 0);
  } else {
    ledger.begin(name, { kind: "put", revision });
    const version = await put(client, item, revision, found);
    ledger.acknowledge(name, version);
  }
}

/** Changes a resource once. False when there was no answer, or a contradiction. */
export async function change(
  client: BenchClient,
  ledger: Ledger,
  item: number,
  revision: number,
): Promise<boolean> {
  try {
    await attempt(client, ledger, item, revision);
    return true;
  } catch (error) {
    const { code, message, details } = ConnectError.from(error);
    // A connection that breaks has a code, too, but only a server gives details.
    if (details.length > 0 && CONTRADICTIONS.includes(code))
      ledger.findings.push(`${albumId(item).name} could not be changed: ${message}`);
    return false;
  }
}

async function put(
  client: BenchClient,
  item: number,
  revision: number,
  found: Found | undefined,
): Promise<number> {
  const resource = album(item, revision);
  resource.metadata[REVISION] = String(revision);
  if (found !== undefined) resource.version = String(found.version);
  const written = await client.write({ resource, mode: found === undefined ? Mode.CREATE : Mode.UPDATE });
  return Number(written.resource?.version);
}

/** Everything that is there, and how new the list is. */
export async function listAll(
  client: BenchClient,
): Promise<{ readonly found: readonly Found[]; readonly version: number }> {
  const found: Found[] = [];
  let version = "";
  for (let pageToken: string | undefined = ""; pageToken !== undefined;) {
    const page = await client.list({ type: ALBUM, namePrefix: ALBUM_PREFIX, tenancy: {}, pageToken });
    for (const { id, version: at, metadata } of page.resources) {
      found.push({ name: id?.name ?? "", version: Number(at), revision: Number(metadata[REVISION]) });
    }
    version = page.version;
    pageToken = page.nextPageToken === "" ? undefined : page.nextPageToken;
  }
  return { found, version: Number(version) };
}
