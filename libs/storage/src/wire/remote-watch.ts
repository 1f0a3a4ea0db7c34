import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  type HelloSchema,
  WatchRequestSchema,
  type WatchResponse,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import type { TypeQuery, WatchOptions } from "../backend.ts";
import { StorageError } from "../errors.ts";
import type { Watch, WatchBatch } from "../watch.ts";
import { watchIterator } from "../watch-iterator.ts";
import { fromErrorMessage, toMinimumMessage, toTypeQueryMessage } from "./call-codec.ts";
import type { EncodedStorageService } from "./encoded-service.ts";
import { fromBatchMessage } from "./watch-codec.ts";

/** What a watch works with. */
export interface RemoteWatchDeps {
  readonly client: Pick<Client<typeof EncodedStorageService>, "watch">;
  readonly hello: MessageInitShape<typeof HelloSchema>;
  /** What the failure of a stream means. */
  readonly toError: (reason: unknown) => StorageError;
  /** Told once; of a watch whose signal was aborted before, while it is made. */
  readonly onEnd: (watch: RemoteWatch) => void;
}

/** The longest silence that a message can tell, in milliseconds: 49 days. */
const MAX_BOOKMARK_MS = 0xffff_ffff;

/**
 * A watch at a server. Its stream is read as its consumer asks for more, so that a slow consumer holds the server back, and nothing but the
 * last message waits here.
 */
export class RemoteWatch implements Watch {
  readonly #deps: RemoteWatchDeps;
  readonly #abort = new AbortController();
  readonly #source: AsyncIterator<WatchResponse>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void =>
    this.fail(new StorageError("aborted", "the caller ended the watch by its signal"));
  /** Ends the wait for the next message, when somebody waits. */
  #stopWaiting: () => void = () => undefined;
  #received: readonly WatchBatch[] = [];
  #position = 0;
  /** Why the watch ends once what was received is taken. */
  #last: StorageError | undefined;
  #isBusy = false;
  #ended: { readonly error: StorageError | undefined } | undefined;

  constructor(deps: RemoteWatchDeps, query: TypeQuery, { since, bookmarkIntervalMs, signal }: WatchOptions) {
    this.#deps = deps;
    this.#signal = signal;
    const request = create(WatchRequestSchema, {
      hello: deps.hello,
      query: toTypeQueryMessage(query),
      ...(since !== undefined && { since: toMinimumMessage(since) }),
      ...(bookmarkIntervalMs !== undefined && {
        bookmarkIntervalMs: Math.min(Math.max(1, Math.round(bookmarkIntervalMs)), MAX_BOOKMARK_MS),
      }),
    });
    this.#source = deps.client.watch(request, { signal: this.#abort.signal })[Symbol.asyncIterator]();
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  async next(): Promise<WatchBatch | undefined> {
    if (this.#isBusy) {
      throw new StorageError(
        "invalid",
        "a watch has one consumer: expected the last next() to be answered before another, found it waiting",
      );
    }
    this.#isBusy = true;
    try {
      return await this.#take();
    } finally {
      this.#isBusy = false;
    }
  }

  take(): WatchBatch | undefined {
    return this.#isBusy || this.#ended !== undefined ? undefined : this.#received[this.#position++];
  }

  close(): void {
    this.#end(undefined);
  }

  /** Ends the watch with an error, unless it has ended. */
  fail(error: StorageError): void {
    this.#end(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch, undefined> {
    return watchIterator(this);
  }

  async #take(): Promise<WatchBatch | undefined> {
    for (;;) {
      if (this.#ended !== undefined) {
        const { error } = this.#ended;
        this.#ended = { error: undefined };
        if (error !== undefined) throw error;
        return undefined;
      }
      const batch = this.#received[this.#position++];
      if (batch !== undefined) return batch;
      if (this.#last === undefined) await this.#receive();
      else this.fail(this.#last);
    }
  }

  async #receive(): Promise<void> {
    try {
      const next = await this.#comingOrEnd();
      if (next === undefined || this.#ended !== undefined) return;
      if (next.done === true) {
        this.fail(
          new StorageError("unavailable", "the server ended the watch without saying why; open it again"),
        );
        return;
      }
      const { batches, error } = next.value;
      this.#received = batches.map(fromBatchMessage);
      this.#position = 0;
      if (error !== undefined) this.#last = fromErrorMessage(error, { isMutation: false });
    } catch (error) {
      this.fail(this.#deps.toError(error));
    }
  }

  /**
   * The next message, or undefined when the watch ends first: then nobody hears how its stream does. A promise for each message: one that all were raced against
   * would hold them until the watch ends.
   */
  async #comingOrEnd(): Promise<IteratorResult<WatchResponse> | undefined> {
    return await new Promise((resolve, reject) => {
      this.#stopWaiting = () => resolve(undefined);
      this.#source.next().then(resolve, reject);
    });
  }

  #end(error: StorageError | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#stopWaiting();
    this.#abort.abort();
    // A stream that nobody has read from yet fails in nobody's hands otherwise.
    this.#source.next().catch(() => undefined);
    this.#deps.onEnd(this);
  }
}
