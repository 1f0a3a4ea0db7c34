import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Call,
  type EncodedExchangeRequest,
  type EncodedExchangeResponse,
  EncodedExchangeResponseSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { StorageError } from "../errors.ts";
import { type AnswerContent, encodeAnswer } from "./answer-bytes.ts";
import { answerCall } from "./answer-call.ts";
import { type CallId, decodeCall, type ReceivedCall, toCallId } from "./call-bytes.ts";
import { toErrorMessage } from "./call-codec.ts";
import { CallTable } from "./call-table.ts";
import { CallUnderWay } from "./call-under-way.ts";
import { Outbox } from "./outbox.ts";
import { BATCH_BYTES, checkHello, STATUS_EVERY_MS } from "./protocol.ts";
import { toStatusMessage } from "./status-codec.ts";
import type { StorageRoutesDeps } from "./storage-routes.ts";
import { encodedWeight } from "./weights.ts";

/** Messages that may have done what they ask for when they fail. */
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
  readonly #outbox: Outbox<Uint8Array>;
  readonly #underWay = new CallTable<CallId, CallUnderWay>();
  #isStatusDue = true;
  #isOver = false;
  #failure: unknown;

  constructor(deps: StorageRoutesDeps, bounds: Bounds) {
    this.#deps = deps;
    this.#bounds = bounds;
    this.#outbox = new Outbox({ nextTurn: deps.nextTurn, weigh: encodedWeight, batchBytes: BATCH_BYTES });
  }

  async *run(
    requests: AsyncIterable<EncodedExchangeRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<EncodedExchangeResponse> {
    const source = requests[Symbol.asyncIterator]();
    const first = (await source.next()) as IteratorResult<EncodedExchangeRequest, undefined>;
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
  #open(source: AsyncIterator<EncodedExchangeRequest>, signal: AbortSignal): () => void {
    const endStatus = this.#deps.status.onChange(() => this.#sayStatus());
    const endTimer = this.#repeatStatus();
    const end = (): void => {
      signal.removeEventListener("abort", end);
      this.#isOver = true;
      endStatus();
      endTimer();
      this.#outbox.close();
      for (const call of this.#underWay.all()) call.abort();
      // How a stream ends that nobody reads any more is nobody's business.
      source.return?.().catch(() => undefined);
    };
    signal.addEventListener("abort", end, { once: true });
    this.#outbox.touch();
    if (signal.aborted) end();
    return end;
  }

  /** Takes in what comes, as answers are taken away. */
  async #read(source: AsyncIterator<EncodedExchangeRequest, undefined>): Promise<void> {
    try {
      for (let next = await source.next(); next.done !== true; next = await source.next()) {
        // What came before its end is begun by nobody then: no one is left to end it.
        if (this.#isOver) break;
        this.#take(next.value);
        await this.#outbox.drainedTo(this.#bounds.answerBytes);
      }
      // The client has nothing more to ask, and waits for nothing.
    } catch (error) {
      this.#failure = error;
    }
    this.#outbox.close();
  }

  #take({ hello, calls, cancelled }: EncodedExchangeRequest): void {
    if (hello !== undefined) checkHello(hello, this.#deps.status.status());
    // All of them first: none of a message that is none is begun.
    for (const call of calls.map(decodeCall)) this.#begin(call);
    for (const id of cancelled) this.#underWay.get(toCallId(id))?.abort();
  }

  #begin(call: ReceivedCall): void {
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
        encodeAnswer(id, { case: "error", value: toErrorMessage(error, { isMutation: false }) }),
      );
      return;
    }
    const underWay = new CallUnderWay();
    this.#underWay.set(id, underWay);
    this.#answer(call, underWay);
  }

  #answer(call: ReceivedCall, underWay: CallUnderWay): void {
    // Not the call itself: what came is let go when the endpoint has taken it.
    const { id } = call;
    const kind = { isMutation: isMutation(call) };
    const answered = (content: AnswerContent): void => this.#say(id, content, underWay);
    const failed = (error: unknown): void => answered({ case: "error", value: toErrorMessage(error, kind) });
    try {
      const endpoint = this.#deps.endpoint();
      if (endpoint === undefined)
        throw new StorageError("unavailable", "this server has no store to serve yet; ask another");
      const answer = answerCall(endpoint, call, underWay);
      if (answer instanceof Promise) answer.then(answered).catch(failed);
      else answered(answer);
    } catch (error) {
      failed(error);
    }
  }

  #say(id: CallId, content: AnswerContent, { aborted }: CallUnderWay): void {
    this.#underWay.delete(id);
    if (!aborted) this.#outbox.add(encodeAnswer(id, content));
  }

  #message(answers: readonly Uint8Array[]): EncodedExchangeResponse {
    const isDue = this.#isStatusDue;
    this.#isStatusDue = false;
    return create(EncodedExchangeResponseSchema, {
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

/** Whether a call may have done what it asks for when it fails. */
function isMutation(call: ReceivedCall): boolean {
  return call.case === "commit" || (call.case === "message" && MUTATIONS.has(call.message.call.case));
}
