import { albumName, ITEM, resources, thousandPrefix } from "../album-requests.ts";
import { BenchError } from "../bench-error.ts";
import type { Dataset } from "../dataset.ts";
import { GRPC } from "../raw/forms.ts";
import type { RawClient } from "../raw/raw-client.ts";
import { Template } from "../raw/template.ts";
import type { StoreCalls, Watch } from "../store-calls.ts";
import {
  countOf,
  eventsOf,
  hasSucceeded,
  isCreated,
  putRequest,
  putTransaction,
  rangeRequest,
  revisionOf,
  watchRequest,
} from "./etcd-messages.ts";

const KV = "/etcdserverpb.KV";
const HEADERS = {
  put: GRPC.headers(`${KV}/Put`),
  range: GRPC.headers(`${KV}/Range`),
  txn: GRPC.headers(`${KV}/Txn`),
  watch: GRPC.headers("/etcdserverpb.Watch/Watch"),
};
const FOLDER = "albums/";

const placeholderKey = Buffer.from(`${FOLDER}album-${ITEM}`);
const linearizable = new Template(rangeRequest({ key: placeholderKey }), [ITEM]);
const serializable = new Template(rangeRequest({ key: placeholderKey, serializable: true }), [ITEM]);

/** etcd, with the same keys and values: a key for each resource, whose value is the resource as Trellis is sent it. */
export class EtcdCalls implements StoreCalls {
  readonly #client: RawClient;
  readonly #data: Dataset;

  constructor(client: RawClient, data: Dataset) {
    this.#client = client;
    this.#data = data;
  }

  async write(client: number, item: number): Promise<void> {
    const { key, value } = this.#entry(item);
    const after = this.#data.version(item);
    const answer = await this.#call(client, HEADERS.put, putRequest(key, value));
    this.#data.wrote(item, { version: revisionOf(answer), after });
  }

  async compareAndSwap(client: number, item: number): Promise<void> {
    const entry = this.#entry(item);
    const after = this.#data.version(item);
    const request = putTransaction([entry], { key: entry.key, revision: after });
    const answer = await this.#call(client, HEADERS.txn, request);
    if (!hasSucceeded(answer)) throw new BenchError(`${albumName(item)} is not at revision ${after}`);
    this.#data.wrote(item, { version: revisionOf(answer), after });
  }

  async read(client: number, item: number, strong: boolean): Promise<void> {
    const request = (strong ? linearizable : serializable).fill(item);
    const answer = await this.#call(client, HEADERS.range, request);
    if (!answer.includes(albumName(item))) throw new BenchError(`a read of ${albumName(item)} shows another`);
  }

  async list(client: number, thousand: number): Promise<number> {
    const prefix = FOLDER + thousandPrefix(thousand);
    // The first key behind all that begin so: the prefix ends with a digit, and ":" comes after "9".
    const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
    const request = rangeRequest({ key: Buffer.from(prefix), end: Buffer.from(end), serializable: true });
    return countOf(await this.#call(client, HEADERS.range, request));
  }

  /** One transaction: only so does etcd take many at once. */
  async writeMany(client: number, items: readonly number[]): Promise<void> {
    const before = items.map((item) => this.#data.version(item));
    const request = putTransaction(items.map((item) => this.#entry(item)));
    const answer = await this.#call(client, HEADERS.txn, request);
    const version = revisionOf(answer);
    for (const [at, item] of items.entries()) this.#data.wrote(item, { version, after: before[at] ?? 0 });
  }

  watch(client: number, item: number, onEvents: (count: number) => void): Watch {
    const live = Promise.withResolvers<void>();
    const body = GRPC.body(watchRequest(keyOf(item)));
    const stream = this.#client.stream(client, { headers: HEADERS.watch, body, keepOpen: true }, (answer) => {
      const events = eventsOf(answer);
      if (events > 0) onEvents(events);
      else if (isCreated(answer)) live.resolve();
    });
    return { ...stream, live: live.promise };
  }

  #entry(item: number): { readonly key: Uint8Array; readonly value: Uint8Array } {
    return { key: keyOf(item), value: resources.fill(item, this.#data.nextRevision()) };
  }

  async #call(client: number, headers: (typeof HEADERS)["put"], message: Uint8Array): Promise<Buffer> {
    return GRPC.message(await this.#client.call(client, headers, GRPC.body(message)));
  }
}

function keyOf(item: number): Buffer {
  return Buffer.from(FOLDER + albumName(item));
}
