import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import {
  type EncodedExchangeRequest,
  EncodedExchangeRequestSchema,
  type HelloSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import type { CallSignal } from "../call-signal.ts";
import { StorageError } from "../errors.ts";
import { decodeAnswer, type ReceivedAnswer } from "./answer-bytes.ts";
import { type CallContent, type CallId, encodeCall } from "./call-bytes.ts";
import { fromErrorMessage } from "./call-codec.ts";
import { CallTable } from "./call-table.ts";
import { EncodedStorageService } from "./encoded-service.ts";
import { givenUp, lostWith } from "./link-errors.ts";
import { type NextTurn, Outbox } from "./outbox.ts";
import { BATCH_BYTES, MAX_MESSAGE_BYTES } from "./protocol.ts";
import type { ServerStatus } from "./server-status.ts";
import { fromStatusMessage } from "./status-codec.ts";
import { encodedWeight } from "./weights.ts";

/** What a stream works with. */
export interface CallStreamDeps {
  readonly nextTurn: NextTurn;
  readonly transport: Transport;
  readonly hello: MessageInitShape<typeof HelloSchema>;
  /** Told of every message that came. */
  readonly onMessage: (status: ServerStatus | undefined) => void;
  /** Told once why the stream is over. */
  readonly onEnd: (reason: unknown) => void;
  /** Bytes that may wait to be sent. */
  readonly queueBytes: number;
}

/** How a call is waited for. */
export interface CallOptions {
  readonly signal: CallSignal | undefined;
  /** What it does may have been done when no answer comes. */
  readonly isMutation: boolean;
}

/** A call without an answer. */
class PendingCall {
  readonly id: number;
  /** Until they are sent: what waits for its answer is not kept in two forms. */
  bytes: Uint8Array;
  readonly isMutation: boolean;
  readonly signal: CallSignal | undefined;
  readonly resolve: (answer: ReceivedAnswer) => void;
  readonly reject: (error: StorageError) => void;
  isSent = false;
  /** Told by the signal. */
  giveUp: (() => void) | undefined = undefined;

  constructor(
    { id, bytes, isMutation, signal }: Pick<PendingCall, "id" | "bytes" | "isMutation" | "signal">,
    resolve: (answer: ReceivedAnswer) => void,
    reject: (error: StorageError) => void,
  ) {
    this.id = id;
    this.bytes = bytes;
    this.isMutation = isMutation;
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** One stream of calls to one server: sends them in batches, and knows which answer is whose. */
export class CallStream {
  readonly #deps: CallStreamDeps;
  readonly #outbox: Outbox<PendingCall>;
  readonly #pending = new CallTable<CallId, PendingCall>();
  readonly #abort = new AbortController();
  #cancelled: bigint[] = [];
  #lastId = 0;
  #ended: StorageError | undefined;

  constructor(deps: CallStreamDeps) {
    this.#deps = deps;
    this.#outbox = new Outbox({
      nextTurn: deps.nextTurn,
      weigh: ({ bytes }) => encodedWeight(bytes),
      batchBytes: BATCH_BYTES,
    });
    void this.#read();
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Makes a call. Resolves with its answer; rejects with the error in it, and as a link does when it is lost. */
  call(content: CallContent, { signal, isMutation }: CallOptions): Promise<ReceivedAnswer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (signal?.aborted === true) return Promise.reject(givenUp("before it was sent", isMutation, false));
    const { queueBytes } = this.#deps;
    if (this.#outbox.bytes > queueBytes) {
      const reason = `more than ${queueBytes} bytes of calls wait to be sent; try again in a second`;
      return Promise.reject(new StorageError("resource-exhausted", reason));
    }
    const id = this.#lastId + 1;
    let bytes: Uint8Array;
    try {
      bytes = encodeCall(id, content);
    } catch (error) {
      return Promise.reject(error);
    }
    if (encodedWeight(bytes) > MAX_MESSAGE_BYTES) {
      const reason = `a call has at most ${MAX_MESSAGE_BYTES} bytes, found ${bytes.length}; split it`;
      return Promise.reject(new StorageError("invalid", reason));
    }
    this.#lastId = id;
    return new Promise((resolve, reject) => {
      const pending = new PendingCall({ id, bytes, isMutation, signal }, resolve, reject);
      if (signal !== undefined) {
        pending.giveUp = () => this.#giveUp(pending);
        signal.addEventListener("abort", pending.giveUp, { once: true });
      }
      this.#pending.set(id, pending);
      this.#outbox.add(pending);
    });
  }

  /** Ends the stream: what was sent may have been done. */
  end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = new StorageError("unavailable", reason);
    this.#outbox.close();
    this.#abort.abort();
    for (const call of this.#pending.all())
      this.#fail(call, lostWith(reason, call.isMutation && call.isSent));
  }

  #answered(id: CallId, answer: ReceivedAnswer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (answer.case === "error") {
      this.#fail(pending, fromErrorMessage(answer.value, pending));
      return;
    }
    this.#take(pending);
    pending.resolve(answer);
  }

  #fail(pending: PendingCall, error: StorageError): void {
    this.#take(pending);
    pending.reject(error);
  }

  #take({ id, signal, giveUp }: PendingCall): void {
    if (giveUp !== undefined) signal?.removeEventListener("abort", giveUp);
    this.#pending.delete(id);
  }

  #giveUp(pending: PendingCall): void {
    const { isMutation, id } = pending;
    if (this.#outbox.remove(pending)) {
      this.#fail(pending, givenUp("before it was sent", isMutation, false));
      return;
    }
    this.#cancelled.push(BigInt(id));
    this.#outbox.touch();
    this.#fail(pending, givenUp("while it was under way", isMutation, true));
  }

  async #read(): Promise<void> {
    const { transport, onMessage, onEnd } = this.#deps;
    const { exchange } = EncodedStorageService.method;
    const { signal } = this.#abort;
    try {
      const responses = await transport.stream(exchange, signal, undefined, undefined, this.#requests());
      for await (const { status, answers } of responses.message) {
        onMessage(status === undefined ? undefined : fromStatusMessage(status));
        // All of them first: none of a message that is none counts.
        for (const { id, answer } of answers.map(decodeAnswer)) this.#answered(id, answer);
      }
      onEnd(undefined);
    } catch (error) {
      onEnd(error);
    }
  }

  async *#requests(): AsyncGenerator<EncodedExchangeRequest> {
    yield create(EncodedExchangeRequestSchema, { hello: this.#deps.hello });
    for (let calls = await this.#outbox.next(); calls !== undefined; calls = await this.#outbox.next()) {
      // Their callers have been told that they were not sent.
      if (this.#ended !== undefined) return;
      const cancelled = this.#cancelled;
      this.#cancelled = [];
      yield create(EncodedExchangeRequestSchema, { calls: calls.map(sent), cancelled });
    }
  }
}

/** Notes that a call is sent. Returns its bytes. */
function sent(call: PendingCall): Uint8Array {
  const { bytes } = call;
  call.isSent = true;
  call.bytes = NO_BYTES;
  return bytes;
}

const NO_BYTES = new Uint8Array();
