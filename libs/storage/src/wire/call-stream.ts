import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  type Answer,
  type Call,
  CallSchema,
  type ExchangeRequest,
  ExchangeRequestSchema,
  type HelloSchema,
  type StorageService,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { StorageError } from "../errors.ts";
import { fromErrorMessage } from "./call-codec.ts";
import { type NextTurn, Outbox } from "./outbox.ts";
import { BATCH_BYTES, MAX_MESSAGE_BYTES } from "./protocol.ts";
import type { ServerStatus } from "./server-status.ts";
import { fromStatusMessage } from "./status-codec.ts";
import { callWeight } from "./weights.ts";

/** What a call asks for. */
export type CallContent = NonNullable<MessageInitShape<typeof CallSchema>["call"]>;

/** What a stream works with. */
export interface CallStreamDeps {
  readonly nextTurn: NextTurn;
  readonly client: Client<typeof StorageService>;
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
  readonly signal: AbortSignal | undefined;
  /** What it does may have been done when no answer comes. */
  readonly isMutation: boolean;
}

interface PendingCall {
  readonly message: Call;
  readonly isMutation: boolean;
  isSent: boolean;
  resolve(answer: Answer["answer"]): void;
  reject(error: StorageError): void;
}

/** One stream of calls to one server: sends them in batches, and knows which answer is whose. */
export class CallStream {
  readonly #deps: CallStreamDeps;
  readonly #outbox: Outbox<PendingCall>;
  readonly #pending = new Map<bigint, PendingCall>();
  readonly #abort = new AbortController();
  #cancelled: bigint[] = [];
  #lastId = 0n;
  #ended: StorageError | undefined;

  constructor(deps: CallStreamDeps) {
    this.#deps = deps;
    this.#outbox = new Outbox({
      nextTurn: deps.nextTurn,
      weigh: ({ message }) => callWeight(message),
      batchBytes: BATCH_BYTES,
    });
    void this.#read();
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Makes a call. Resolves with its answer; rejects with the error in it, and as a link does when it is lost. */
  call(content: CallContent, { signal, isMutation }: CallOptions): Promise<Answer["answer"]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (signal?.aborted === true)
      return Promise.reject(given("was given up before it was sent", isMutation, false));
    const { queueBytes } = this.#deps;
    if (this.#outbox.bytes > queueBytes) {
      const reason = `more than ${queueBytes} bytes of calls wait to be sent; try again in a second`;
      return Promise.reject(new StorageError("resource-exhausted", reason));
    }
    const message = create(CallSchema, { id: this.#lastId + 1n, call: content });
    const bytes = callWeight(message);
    if (bytes > MAX_MESSAGE_BYTES) {
      const reason = `a call has at most ${MAX_MESSAGE_BYTES} bytes, found ${bytes}; split it`;
      return Promise.reject(new StorageError("invalid", reason));
    }
    this.#lastId = message.id;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#giveUp(pending);
      const end = (): void => {
        signal?.removeEventListener("abort", giveUp);
        this.#pending.delete(message.id);
      };
      const pending: PendingCall = {
        message,
        isMutation,
        isSent: false,
        resolve(answer) {
          end();
          if (answer.case === "error") reject(fromErrorMessage(answer.value, { isMutation }));
          else resolve(answer);
        },
        reject(error) {
          end();
          reject(error);
        },
      };
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#pending.set(message.id, pending);
      this.#outbox.add(pending);
    });
  }

  /** Ends the stream: what was sent may have been done. */
  end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = new StorageError("unavailable", reason);
    this.#outbox.close();
    this.#abort.abort();
    for (const call of this.#pending.values()) call.reject(lost(reason, call.isMutation && call.isSent));
  }

  #giveUp(pending: PendingCall): void {
    const { isMutation, message } = pending;
    if (this.#outbox.remove(pending)) {
      pending.reject(given("was given up before it was sent", isMutation, false));
      return;
    }
    this.#cancelled.push(message.id);
    this.#outbox.touch();
    pending.reject(given("was given up while it was under way", isMutation, true));
  }

  async #read(): Promise<void> {
    const { client, onMessage, onEnd } = this.#deps;
    try {
      for await (const { status, answers } of client.exchange(this.#requests(), {
        signal: this.#abort.signal,
      })) {
        onMessage(status === undefined ? undefined : fromStatusMessage(status));
        for (const { id, answer } of answers) this.#pending.get(id)?.resolve(answer);
      }
      onEnd(undefined);
    } catch (error) {
      onEnd(error);
    }
  }

  async *#requests(): AsyncGenerator<ExchangeRequest> {
    yield create(ExchangeRequestSchema, { hello: this.#deps.hello });
    for (let calls = await this.#outbox.next(); calls !== undefined; calls = await this.#outbox.next()) {
      // Their callers have been told that they were not sent.
      if (this.#ended !== undefined) return;
      const cancelled = this.#cancelled;
      this.#cancelled = [];
      for (const call of calls) call.isSent = true;
      yield create(ExchangeRequestSchema, { calls: calls.map(({ message }) => message), cancelled });
    }
  }
}

function given(up: string, isMutation: boolean, isSent: boolean): StorageError {
  if (!isMutation) return new StorageError("aborted", `the call ${up}`);
  return new StorageError(isSent ? "outcome-unknown" : "unavailable", `the commit ${up}`);
}

function lost(reason: string, mayBeDone: boolean): StorageError {
  return mayBeDone
    ? new StorageError("outcome-unknown", `${reason}, with the commit under way`)
    : new StorageError("unavailable", reason);
}
