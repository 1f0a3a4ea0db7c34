import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  type EncodedExchangeRequest,
  EncodedExchangeRequestSchema,
  Lane,
  type Opening,
  PeerService,
  type SendSnapshotRequest,
  SendSnapshotRequestSchema,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import type { Message, MessageType } from "@trellis/raft";

import type { Announcement, OutgoingSnapshot } from "../peers.ts";
import type { NodeClock, Random } from "../ports.ts";
import { encodeBatch } from "./batch-bytes.ts";
import { EncodedPeerService } from "./encoded-service.ts";
import { LaneQueue } from "./lane.ts";
import { toPeerMessage } from "./message-codec.ts";

/** The first wait before a connection is tried again, and the longest. */
const RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** Messages that carry entries, or answer those that do. */
const appendTypes: ReadonlySet<MessageType> = new Set<MessageType>(["MsgApp", "MsgAppResp"]);

/** A connection to one address: requests, and how to end it. */
export interface PeerConnection {
  readonly transport: Transport;
  /** Ends it at once. */
  close(): void;
}

/** What a link works with. */
export interface PeerLinkDeps {
  readonly clock: NodeClock;
  readonly random: Random;
  /** A connection for messages, and another for snapshots, so that those never wait behind these. */
  readonly connect: () => PeerConnection;
  readonly opening: (lane: Lane) => Opening;
  /** What was on its way is lost. */
  readonly onLost: () => void;
  /** Why the member does not take what it is sent: told once per reason. */
  readonly onRefused: (reason: string) => void;
}

/** All that goes from this node to one member: a stream for votes and heartbeats, one for entries, and one for each snapshot. */
export class PeerLink {
  readonly #deps: PeerLinkDeps;
  readonly #messages: PeerConnection;
  readonly #snapshots: PeerConnection;
  readonly #lanes: readonly [MessageLane, MessageLane];
  #isClosed = false;

  constructor(deps: PeerLinkDeps) {
    this.#deps = deps;
    this.#messages = deps.connect();
    this.#snapshots = deps.connect();
    this.#lanes = [this.#openLane(Lane.CONTROL), this.#openLane(Lane.APPENDS)];
  }

  /** Sends messages, or reports them as lost. */
  send(messages: readonly Message[], announcement: Announcement): void {
    const [control, appends] = this.#lanes;
    const entries = messages.filter(({ type }) => appendTypes.has(type));
    const others = entries.length === 0 ? messages : messages.filter(({ type }) => !appendTypes.has(type));
    const isTaken =
      (others.length === 0 || control.add(others, announcement)) &&
      (entries.length === 0 || appends.add(entries, announcement));
    if (!isTaken) this.#deps.onLost();
  }

  /** Sends a snapshot. Resolves when it is durable at the member. */
  async sendSnapshot(snapshot: OutgoingSnapshot, signal: AbortSignal): Promise<void> {
    const opening = this.#deps.opening(Lane.SNAPSHOTS);
    const requests = async function* (): AsyncGenerator<SendSnapshotRequest> {
      yield create(SendSnapshotRequestSchema, { content: { case: "opening", value: opening } });
      const start = {
        $typeName: "trellis.raft.v1.SnapshotStart" as const,
        message: toPeerMessage(snapshot.message),
        bytes: BigInt(snapshot.bytes),
      };
      yield create(SendSnapshotRequestSchema, { content: { case: "start", value: start } });
      for await (const piece of snapshot.chunks()) {
        yield create(SendSnapshotRequestSchema, {
          content: { case: "piece", value: piece as Uint8Array<ArrayBuffer> },
        });
      }
    };
    await createClient(PeerService, this.#snapshots.transport).sendSnapshot(requests(), { signal });
  }

  /** Ends all streams. */
  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes) lane.close();
    this.#messages.close();
    this.#snapshots.close();
  }

  #openLane(lane: Lane): MessageLane {
    return new MessageLane({
      ...this.#deps,
      transport: this.#messages.transport,
      opening: () => this.#deps.opening(lane),
      isClosed: () => this.#isClosed,
    });
  }
}

interface MessageLaneDeps {
  readonly clock: NodeClock;
  readonly random: Random;
  readonly transport: Transport;
  readonly opening: () => Opening;
  readonly onLost: () => void;
  readonly onRefused: (reason: string) => void;
  readonly isClosed: () => boolean;
}

/** One stream, opened when there is something to send, and again, ever more rarely, when it broke. What it cannot send meanwhile is lost. */
class MessageLane {
  readonly #deps: MessageLaneDeps;
  #queue: LaneQueue | undefined;
  #failures = 0;
  #isWaiting = false;
  #cancelWait: (() => void) | undefined;
  #lastRefusal: string | undefined;

  constructor(deps: MessageLaneDeps) {
    this.#deps = deps;
  }

  add(messages: readonly Message[], announcement: Announcement): boolean {
    if (this.#isWaiting || this.#deps.isClosed()) return false;
    if (this.#queue === undefined) {
      this.#queue = new LaneQueue();
      void this.#run(this.#queue);
    }
    return this.#queue.add(messages, announcement);
  }

  close(): void {
    this.#cancelWait?.();
    this.#queue?.close();
  }

  async #run(queue: LaneQueue): Promise<void> {
    const opening = this.#deps.opening();
    const requests = async function* (): AsyncGenerator<EncodedExchangeRequest> {
      yield create(EncodedExchangeRequestSchema, { content: { case: "opening", value: opening } });
      for (let batch = await queue.next(); batch !== undefined; batch = await queue.next()) {
        const content = { case: "batch", value: encodeBatch(batch) } as const;
        yield { $typeName: "trellis.raft.v1.EncodedExchangeRequest", content };
      }
    };
    const { transport } = this.#deps;
    const { exchange } = EncodedPeerService.method;
    try {
      const responses = await transport.stream(exchange, undefined, undefined, undefined, requests());
      for await (const _ of responses.message) {
        this.#failures = 0;
        this.#lastRefusal = undefined;
      }
    } catch (error) {
      this.#refused(error);
    }
    queue.close();
    this.#queue = undefined;
    if (this.#deps.isClosed()) return;
    this.#failures++;
    this.#deps.onLost();
    this.#wait();
  }

  #wait(): void {
    const { clock, random } = this.#deps;
    const longest = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(this.#failures, 10));
    this.#isWaiting = true;
    this.#cancelWait = clock.after(longest * (0.5 + random() / 2), () => {
      this.#isWaiting = false;
    });
  }

  #refused(error: unknown): void {
    if (!(error instanceof ConnectError) || error.code !== Code.FailedPrecondition) return;
    if (this.#lastRefusal === error.rawMessage) return;
    this.#lastRefusal = error.rawMessage;
    this.#deps.onRefused(error.rawMessage);
  }
}
