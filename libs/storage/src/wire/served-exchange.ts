import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Answer,
  AnswerSchema,
  type Call,
  type ExchangeRequest,
  type ExchangeResponse,
  ExchangeResponseSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { StorageError } from "../errors.ts";
import { answerCall } from "./answer-call.ts";
import { toErrorMessage } from "./call-codec.ts";
import { Outbox } from "./outbox.ts";
import { BATCH_BYTES, checkHello, STATUS_EVERY_MS } from "./protocol.ts";
import { toStatusMessage } from "./status-codec.ts";
import type { StorageRoutesDeps } from "./storage-routes.ts";
import { answerWeight } from "./weights.ts";

/** Calls that may have done what they ask for when they fail. */
const MUTATIONS: ReadonlySet<Call["call"]["case"]> = new Set(["commit", "openSession", "keepAlive"]);

/** What one stream may have under way. */
interface Bounds {
  readonly callsPerStream: number;
  readonly answerBytes: number;
}

/** One stream of calls: takes them in, answers each when it can, and says where the server stands. */
export class ServedExchange {
  readonly #deps: StorageRoutesDeps;
  readonly #bounds: Bounds;
  readonly #outbox: Outbox<Answer>;
  readonly #underWay = new Map<bigint, AbortController>();
  #isStatusDue = true;
  #failure: unknown;

  constructor(deps: StorageRoutesDeps, bounds: Bounds) {
    this.#deps = deps;
    this.#bounds = bounds;
    this.#outbox = new Outbox({ nextTurn: deps.nextTurn, weigh: answerWeight, batchBytes: BATCH_BYTES });
  }

  async *run(
    requests: AsyncIterable<ExchangeRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<ExchangeResponse> {
    const source = requests[Symbol.asyncIterator]();
    const first = (await source.next()) as IteratorResult<ExchangeRequest, undefined>;
    checkHello(first.value?.hello, this.#deps.status.status());
    const end = this.#open(source, signal);
    try {
      if (first.value !== undefined) this.#take(first.value);
      void this.#read(source);
      for (
        let answers = await this.#outbox.next();
        answers !== undefined;
        answers = await this.#outbox.next()
      ) {
        yield this.#message(answers);
      }
      if (this.#failure !== undefined) throw this.#failure;
    } finally {
      end();
    }
  }

  /** Begins to say where the server stands. The answer ends the stream; so does the signal, as one whose client is gone may never be asked for more. */
  #open(source: AsyncIterator<ExchangeRequest>, signal: AbortSignal): () => void {
    const endStatus = this.#deps.status.onChange(() => this.#sayStatus());
    const endTimer = this.#repeatStatus();
    const end = (): void => {
      signal.removeEventListener("abort", end);
      endStatus();
      endTimer();
      this.#outbox.close();
      for (const call of this.#underWay.values()) call.abort();
      // How a stream ends that nobody reads any more is nobody's business.
      source.return?.().catch(() => undefined);
    };
    signal.addEventListener("abort", end, { once: true });
    this.#outbox.touch();
    if (signal.aborted) end();
    return end;
  }

  /** Takes in what comes, as answers are taken away. */
  async #read(source: AsyncIterator<ExchangeRequest, undefined>): Promise<void> {
    try {
      for (let next = await source.next(); next.done !== true; next = await source.next()) {
        this.#take(next.value);
        await this.#outbox.drainedTo(this.#bounds.answerBytes);
      }
      // The client has nothing more to ask, and waits for nothing.
    } catch (error) {
      this.#failure = error;
    }
    this.#outbox.close();
  }

  #take({ hello, calls, cancelled }: ExchangeRequest): void {
    if (hello !== undefined) checkHello(hello, this.#deps.status.status());
    for (const call of calls) this.#begin(call);
    for (const id of cancelled) this.#underWay.get(id)?.abort();
  }

  #begin(call: Call): void {
    const { id } = call;
    if (this.#underWay.has(id)) {
      throw new ConnectError(`call ${id} is there twice; a stream counts its calls`, Code.InvalidArgument);
    }
    const { callsPerStream } = this.#bounds;
    if (this.#underWay.size >= callsPerStream) {
      const error = new StorageError(
        "resource-exhausted",
        `a stream has at most ${callsPerStream} calls under way; wait for answers`,
      );
      this.#outbox.add(
        create(AnswerSchema, {
          id,
          answer: { case: "error", value: toErrorMessage(error, { isMutation: false }) },
        }),
      );
      return;
    }
    const controller = new AbortController();
    this.#underWay.set(id, controller);
    void this.#answer(call, controller.signal);
  }

  async #answer(call: Call, signal: AbortSignal): Promise<void> {
    const { id } = call;
    let answer: Answer["answer"];
    try {
      const endpoint = this.#deps.endpoint();
      if (endpoint === undefined)
        throw new StorageError("unavailable", "this server has no store to serve yet; ask another");
      answer = await answerCall(endpoint, call, signal);
    } catch (error) {
      answer = { case: "error", value: toErrorMessage(error, { isMutation: MUTATIONS.has(call.call.case) }) };
    }
    this.#underWay.delete(id);
    if (!signal.aborted) this.#outbox.add(create(AnswerSchema, { id, answer }));
  }

  #message(answers: readonly Answer[]): ExchangeResponse {
    const isDue = this.#isStatusDue;
    this.#isStatusDue = false;
    return create(ExchangeResponseSchema, {
      answers: [...answers],
      ...(isDue && { status: toStatusMessage(this.#deps.status.status()) }),
    });
  }

  #sayStatus(): void {
    this.#isStatusDue = true;
    this.#outbox.touch();
  }

  #repeatStatus(): () => void {
    const { clock } = this.#deps;
    let cancel = (): void => undefined;
    const repeat = (): void => {
      cancel = clock.after(STATUS_EVERY_MS, () => {
        this.#sayStatus();
        repeat();
      });
    };
    repeat();
    return () => cancel();
  }
}
