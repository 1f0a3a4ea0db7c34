import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { compressedFlag } from "@connectrpc/connect/protocol";
import { ENVELOPE_BYTES, envelopeInPlace } from "@trellis/resource/node";

import { tooSlow } from "../body-meter.ts";
import type { Entered, Exchanges } from "../exchanges.ts";
import type { HeldBody } from "../held-bytes.ts";
import { tooLarge } from "../request-body.ts";
import { ABORT_GRACE_MS, failureOf, type InterceptorOptions } from "../interceptors.ts";
import { clientGone } from "../node-exchange.ts";
import type { PassedRequest } from "../passed-requests.ts";
import { COMPRESS_MIN_BYTES } from "../rpc-options.ts";
import { type BodyMemory, kept } from "./body-memory.ts";
import type { EqualTimeouts, Timing } from "./equal-timeouts.ts";
import { encodeBehind } from "./encode-binary.ts";
import { enveloped, onlyMessage } from "./envelope.ts";
import { type LaneCallEnd, LaneContext } from "./lane-context.ts";
import type { LaneHead } from "./lane-head.ts";
import type { LaneMethod } from "./lane-methods.ts";
import type { HeaderValues } from "./plain-headers.ts";
import type { Wire, WireListener } from "./wire.ts";

const NO_BYTES = Buffer.alloc(0);

/** What all calls of a lane share. */
export interface CallSupport extends InterceptorOptions {
  readonly exchanges: Exchanges;
  readonly bodies: BodyMemory;
  readonly bodyTimeouts: EqualTimeouts<LaneCall>;
  readonly bodyTimeoutMs: number;
  readonly writeTimeouts: EqualTimeouts<LaneCall>;
  /** Headers of every answer, unless its method set them. */
  readonly commonHeaders: () => Readonly<Record<string, string>>;
  /** Headers of every answer to whom no other origin stands behind. */
  readonly plainHeaders: Readonly<Record<string, string>>;
  /** Lets the protocol library serve the request. */
  pass(wire: Wire, passed: PassedRequest): void;
}

/** One unary call. */
export interface CallOptions {
  readonly support: CallSupport;
  readonly method: LaneMethod;
  readonly head: LaneHead;
  readonly wire: Wire;
  readonly held: HeldBody;
}

/**
 * A unary call from its head to its answer. It answers what goes well; everything else, a body that breaks a rule or a method that fails, it passes on with
 * what it knows, so that an error has one form, whoever met it.
 */
export class LaneCall implements WireListener, LaneCallEnd {
  readonly #options: CallOptions;
  readonly #context: HandlerContext;
  /** The headers and trailers of the answer, to which the method adds its own. */
  readonly #header: HeaderValues;
  readonly #trailer: HeaderValues;
  readonly #entered: Entered;
  #bodyTiming: Timing<LaneCall> | undefined;
  #writeTiming: Timing<LaneCall> | undefined;
  #chunks: Uint8Array[] = [];
  /** The body where it is in memory that others may have once it is answered, and how its message lets go of it. */
  #lent: { readonly body: Buffer; readonly release: () => void } | undefined;
  #bytes = 0;
  #state: "reading" | "running" | "answered" | "passed" | "gone" = "reading";
  /** Why the method is to stop. */
  #ended: { readonly reason: Error } | undefined;
  #controller: AbortController | undefined;
  #endDeadline: (() => void) | undefined;
  #endGrace: (() => void) | undefined;

  constructor(options: CallOptions) {
    this.#options = options;
    const { support, method, head, wire } = options;
    this.#entered = support.exchanges.enter(this);
    this.#header = { "content-type": head.protocol.contentType };
    this.#trailer = head.protocol.name === "grpc" ? { "grpc-status": "0" } : {};
    this.#context = new LaneContext({
      clock: support.clock,
      method: method.method,
      head,
      wire,
      header: this.#header,
      trailer: this.#trailer,
      call: this,
    });
    if (head.timeoutMs !== undefined)
      this.#endDeadline = support.clock.after(head.timeoutMs, () =>
        this.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded)),
      );
    this.#bodyTiming = support.bodyTimeouts.begin(this);
    wire.listen(this);
  }

  onChunk(chunk: Uint8Array): void {
    if (this.#state !== "reading") return;
    const { support, held } = this.#options;
    try {
      held.take(chunk.byteLength);
    } catch (error) {
      this.#pass({ cut: ConnectError.from(error) });
      return;
    }
    this.#chunks.push(kept(chunk));
    this.#bytes += chunk.byteLength;
    const { maxRequestBytes } = support;
    if (this.#bytes > maxRequestBytes + ENVELOPE_BYTES) this.#pass({ cut: tooLarge(maxRequestBytes) });
  }

  onEnd(): void {
    if (this.#state !== "reading") return;
    this.#options.support.bodyTimeouts.end(this.#bodyTiming);
    const request = this.#parse();
    if (request === undefined) this.#pass({});
    else {
      this.#state = "running";
      void this.#run(request);
    }
  }

  /** The body did not come in time. */
  onSlowBody(): void {
    this.#pass({ cut: tooSlow(this.#options.support.bodyTimeoutMs) });
  }

  /** The client leaves the answer unread. */
  onStalled(): void {
    this.#options.wire.destroy();
  }

  onClose(): void {
    const { support } = this.#options;
    support.writeTimeouts.end(this.#writeTiming);
    support.bodyTimeouts.end(this.#bodyTiming);
    const isRunning = this.#state === "running";
    if (this.#state !== "answered") {
      this.#state = "gone";
      this.#end(clientGone());
    }
    // A method that heeds its signal is waited for: what it works with is there until then.
    if (isRunning) this.#limitGrace();
    else this.#finish();
  }

  /** Tells the method to stop, and answers without it when it does not. */
  abort(reason: Error): void {
    this.#end(reason);
    if (this.#state === "running") this.#limitGrace();
  }

  async #run(request: Message): Promise<void> {
    const { method, head } = this.#options;
    if (this.#ended !== undefined) this.#limitGrace();
    try {
      const answer = method.whole(await method.call(request, this.#context));
      if (this.#state !== "running") return;
      const { protocol, compression } = head;
      const room = protocol.name === "grpc" ? ENVELOPE_BYTES : 0;
      const body = protocol.binary
        ? encodeBehind(room, method.answer, answer)
        : method.serialization.getO(false).serialize(answer);
      if (compression === null || body.byteLength - room < COMPRESS_MIN_BYTES) {
        if (room > 0) envelopeInPlace(body);
        this.#answer(body, false);
      } else {
        const compressed = await compression.compress(body.subarray(room));
        this.#answer(room === 0 ? compressed : enveloped(compressed, compressedFlag), true);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      if (this.#state === "gone") this.#finish();
    }
  }

  /** The request, unless something is wrong with it. */
  #parse(): Message | undefined {
    const { method, head } = this.#options;
    const { binary } = head.protocol;
    const read = binary ? method.read : undefined;
    const release = read?.release;
    const lent =
      release !== undefined && this.#chunks.length > 1
        ? this.#options.support.bodies.join(this.#chunks, this.#bytes)
        : undefined;
    const body =
      lent ?? (this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : this.#chunks[0]) ?? NO_BYTES;
    // What it was put together from is not kept beside it.
    this.#chunks = [body];
    const bytes = head.protocol.name === "grpc" ? onlyMessage(body) : body;
    if (bytes === undefined) return undefined;
    try {
      const request = read?.(bytes);
      // What the library reads has parts of the bytes.
      if (request !== undefined && lent !== undefined)
        this.#lent = { body: lent, release: () => release?.(request) };
      return request ?? method.serialization.getI(binary).parse(bytes);
    } catch {
      return undefined;
    }
  }

  /** `body` is what is sent, in its envelope where the protocol has them. */
  #answer(body: Uint8Array, isCompressed: boolean): void {
    if (this.#state !== "running") return;
    const { support, head, wire } = this.#options;
    const { protocol, compression } = head;
    const headers = { ...support.commonHeaders(), ...this.#header };
    for (const name in support.plainHeaders)
      headers[name] = [headers[name] ?? [], support.plainHeaders[name] ?? []].flat().join(", ");
    if (protocol.name === "grpc") {
      if (compression !== null) headers["grpc-encoding"] = compression.name;
      wire.answer(headers, body, this.#trailer);
    } else {
      if (isCompressed && compression !== null) headers["content-encoding"] = compression.name;
      for (const name in this.#trailer) headers[`trailer-${name}`] = this.#trailer[name];
      headers["content-length"] = String(body.byteLength);
      wire.answer(headers, body);
    }
    // Not before: where something threw nothing was sent, and the call fails as others do.
    this.#state = "answered";
    this.#writeTiming = support.writeTimeouts.begin(this);
    this.#release();
    // Only here: where a call ends in another way, its method may be at work still.
    if (this.#lent === undefined) return;
    this.#lent.release();
    support.bodies.give(this.#lent.body);
    this.#lent = undefined;
  }

  #fail(thrown: unknown): void {
    if (this.#state !== "running") return;
    const { support, method } = this.#options;
    const error = failureOf(thrown, { method: method.method, signal: this.signal }, support);
    const { responseHeader: header, responseTrailer: trailer } = this.#context;
    this.#pass({ failure: { error, header, trailer } });
  }

  #pass(passed: Omit<PassedRequest, "chunks">): void {
    if (this.#state !== "reading" && this.#state !== "running") return;
    this.#state = "passed";
    const { support, wire } = this.#options;
    support.bodyTimeouts.end(this.#bodyTiming);
    const chunks = this.#chunks;
    this.#finish();
    support.pass(wire, { ...passed, chunks });
  }

  #end(reason: Error): void {
    this.#ended ??= { reason };
    this.#controller?.abort(reason);
  }

  get isAborted(): boolean {
    return this.#ended !== undefined;
  }

  /** The signal that tells the method to stop; made for the first who asks. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  #limitGrace(): void {
    this.#endGrace ??= this.#options.support.clock.after(ABORT_GRACE_MS, () => {
      if (this.#state === "gone") this.#finish();
      else this.#fail(this.#ended?.reason);
    });
  }

  #finish(): void {
    this.#release();
    this.#options.support.exchanges.leave(this.#entered);
  }

  /** Gives back what a call has while it is served. */
  #release(): void {
    this.#chunks = [];
    this.#options.held.end();
    this.#endDeadline?.();
    this.#endGrace?.();
  }
}
