import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  ListRequestSchema,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { CONSISTENCY_HEADER } from "@trellis/resource";

import {
  albumName,
  albumRequests,
  type ItemRequests,
  jsonAlbumRequests,
  resources,
  thousandPrefix,
} from "../album-requests.ts";
import { ALBUM } from "../albums.ts";
import { BenchError } from "../bench-error.ts";
import type { Dataset } from "../dataset.ts";
import type { Form } from "../raw/forms.ts";
import { bytesAt, eachBytes } from "../raw/protobuf-fields.ts";
import type { RawClient } from "../raw/raw-client.ts";
import type { StoreCalls, Watch } from "../store-calls.ts";

const SERVICE = "/trellis.resource.v1.ResourceService";
/** Fields of the protocol's messages. */
const RESOURCE = 1;
const VERSION = 3;
const WRITE = 1;
const OPERATIONS = 1;
const RESULTS = 1;
const UPSERT = 1;
const END_OF_SNAPSHOT = 3;

/** Trellis, as anyone calls it. */
export class TrellisCalls implements StoreCalls {
  readonly #client: RawClient;
  readonly #data: Dataset;
  readonly #form: Form;
  readonly #requests: ItemRequests;
  readonly #headers;

  /** `requests`: of albums, if left out. */
  constructor(
    client: RawClient,
    data: Dataset,
    form: Form,
    requests: ItemRequests = form.json ? jsonAlbumRequests : albumRequests,
  ) {
    this.#client = client;
    this.#data = data;
    this.#form = form;
    this.#requests = requests;
    this.#headers = {
      write: form.headers(`${SERVICE}/Write`),
      read: form.headers(`${SERVICE}/Read`),
      strongRead: form.headers(`${SERVICE}/Read`, { [CONSISTENCY_HEADER]: "strong" }),
      list: form.headers(`${SERVICE}/List`),
      batchWrite: form.headers(`${SERVICE}/BatchWrite`),
      transact: form.headers(`${SERVICE}/Transact`),
      watchList: form.headers(`${SERVICE}/WatchList`),
    };
  }

  async write(client: number, item: number): Promise<void> {
    await this.#write(client, item, this.#requests.write(item, this.#data.nextRevision()));
  }

  async compareAndSwap(client: number, item: number): Promise<void> {
    const writer = new BinaryWriter();
    writer.tag(RESOURCE, 2).fork().raw(resources.fill(item, this.#data.nextRevision()));
    writer
      .tag(VERSION, 2)
      .string(String(this.#data.version(item)))
      .join();
    await this.#write(client, item, writer.finish());
  }

  async read(client: number, item: number, strong: boolean): Promise<void> {
    const headers = strong ? this.#headers.strongRead : this.#headers.read;
    const answer = await this.#client.call(client, headers, this.#form.body(this.#requests.read(item)));
    if (!answer.includes(albumName(item))) throw new BenchError(`a read of ${albumName(item)} shows another`);
  }

  async list(client: number, thousand: number): Promise<number> {
    return await this.listAll(client, { namePrefix: thousandPrefix(thousand) });
  }

  /** Lists, page by page, the resources whose names begin so, and returns how many there are. `pageSize` 0 leaves it to the server. */
  async listAll(
    client: number,
    { namePrefix, pageSize = 0 }: { readonly namePrefix: string; readonly pageSize?: number },
  ): Promise<number> {
    let pageToken = "";
    let count = 0;
    do {
      const request = { type: ALBUM, tenancy: {}, namePrefix, pageSize, pageToken };
      const message = toBinary(ListRequestSchema, create(ListRequestSchema, request));
      const answer = await this.#client.call(client, this.#headers.list, this.#form.body(message));
      const page = this.#form.message(answer);
      count += eachBytes(page, 1);
      pageToken = textOf(bytesAt(page, 101));
    } while (pageToken !== "");
    return count;
  }

  async writeMany(client: number, items: readonly number[], together: boolean): Promise<void> {
    const writer = new BinaryWriter();
    const before = items.map((item) => this.#data.version(item));
    for (const item of items) {
      const write = this.#requests.write(item, this.#data.nextRevision());
      writer.tag(OPERATIONS, 2).fork().tag(WRITE, 2).bytes(write).join();
    }
    // Both calls have their operations, and their results, in the same fields.
    const headers = together ? this.#headers.transact : this.#headers.batchWrite;
    const body = this.#form.body(writer.finish());
    const answer = this.#form.message(await this.#client.call(client, headers, body));
    const count = eachBytes(answer, RESULTS, (result, index) => {
      const version = versionOf(bytesAt(result, WRITE, RESOURCE));
      this.#data.wrote(items[index] ?? -1, { version, after: before[index] ?? 0 });
    });
    if (count !== items.length) throw new BenchError(`a batch of ${items.length} has ${count} results`);
  }

  watch(client: number, item: number, onEvents: (count: number) => void): Watch {
    return this.watchEvents(client, item, (event) => onEvents(eachBytes(event, UPSERT)));
  }

  /** The same, told each event as it came, for the moment only. */
  watchEvents(client: number, item: number, onEvent: (event: Uint8Array) => void): Watch {
    const message = toBinary(
      WatchListRequestSchema,
      create(WatchListRequestSchema, { type: ALBUM, name: albumName(item) }),
    );
    const live = Promise.withResolvers<void>();
    let isLive = false;
    const request = { headers: this.#headers.watchList, body: this.#form.body(message), keepOpen: false };
    const stream = this.#client.stream(client, request, (event) => {
      if (isLive) onEvent(event);
      if (isLive || eachBytes(event, END_OF_SNAPSHOT) === 0) return;
      isLive = true;
      live.resolve();
    });
    return { ...stream, live: live.promise };
  }

  async #write(client: number, item: number, message: Uint8Array): Promise<void> {
    const after = this.#data.version(item);
    const body = await this.#client.call(client, this.#headers.write, this.#form.body(message));
    const version = this.#form.json
      ? Number(/"version":"(\d+)"/.exec(body.toString("latin1"))?.[1])
      : versionOf(bytesAt(this.#form.message(body), RESOURCE));
    this.#data.wrote(item, { version, after });
  }
}

/** The version that a watch's event shows; NaN when it shows none. */
export function shownVersion(event: Uint8Array): number {
  return versionOf(bytesAt(event, UPSERT, RESOURCE));
}

/** The version of a resource; NaN when there is none. */
function versionOf(resource: Uint8Array | undefined): number {
  return Number(textOf(resource === undefined ? undefined : bytesAt(resource, VERSION)) || Number.NaN);
}

function textOf(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "";
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
