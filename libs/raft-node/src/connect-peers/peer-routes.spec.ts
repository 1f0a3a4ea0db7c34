import { create } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import {
  type ExchangeRequest,
  ExchangeRequestSchema,
  Lane,
  type Opening,
  OpeningSchema,
  type PeerMessageType,
  PeerService,
  type SendSnapshotRequest,
  SendSnapshotRequestSchema,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import { message } from "@trellis/raft";

import type { PeerReceiver } from "../peers.ts";
import { EncodedPeerService } from "./encoded-service.ts";
import { toBatch, toPeerMessage } from "./message-codec.ts";
import { peerRoutes } from "./peer-routes.ts";

const said = { featureLevel: 1, hasSpace: true, applied: 4 };

function opening(fields: Partial<Opening> = {}): Opening {
  return create(OpeningSchema, {
    protocolVersion: 1,
    clusterId: "c",
    from: 7n,
    to: 9n,
    address: "seven:1",
    lane: Lane.CONTROL,
    ...fields,
  });
}

const opens = (value: Opening): ExchangeRequest =>
  create(ExchangeRequestSchema, { content: { case: "opening", value } });
const brings = (term: number): ExchangeRequest =>
  create(ExchangeRequestSchema, {
    content: { case: "batch", value: toBatch([message({ type: "MsgHeartbeat", term })], said) },
  });

/** Requests that are sent when the test says so. */
class Requests<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = [];
  #wake: () => void = () => undefined;
  #isOver = false;

  push(...requests: readonly T[]): this {
    this.#waiting.push(...requests);
    this.#wake();
    return this;
  }

  end(): this {
    this.#isOver = true;
    this.#wake();
    return this;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#isOver) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

function member(isRunning = true) {
  const received: [from: number, term: number][] = [];
  const snapshots: string[] = [];
  const addresses: string[] = [];
  const receiver: PeerReceiver = {
    receive: (from, messages) => received.push(...messages.map(({ term }): [number, number] => [from, term])),
    receiveSnapshot: async (from, { message: of, chunks }) => {
      let text = `${from} ${of.type} `;
      for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
      if (text.includes("bad")) throw new Error("it is damaged");
      snapshots.push(text);
    },
    lost: () => undefined,
  };
  const routes = peerRoutes({
    nodeId: 9,
    clusterId: "c",
    receiver: () => (isRunning ? receiver : undefined),
    onAddress: (id, address) => addresses.push(`${id} ${address}`),
  });
  const transport = createRouterTransport((router) => {
    router.service(EncodedPeerService, routes);
  });
  return { received, snapshots, addresses, client: createClient(PeerService, transport) };
}

async function exchange(
  peer: ReturnType<typeof member>,
  requests: AsyncIterable<ExchangeRequest>,
): Promise<number> {
  let responses = 0;
  for await (const _ of peer.client.exchange(requests)) responses++;
  return responses;
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe("a stream between members", () => {
  it("is accepted once, and brings what was sent in its order", async () => {
    const peer = member();
    const requests = new Requests<ExchangeRequest>().push(opens(opening()), brings(1), brings(2)).end();
    expect(await exchange(peer, requests)).toBe(1);
    expect(peer.received).toEqual([
      [7, 1],
      [7, 2],
    ]);
    expect(peer.addresses).toEqual(["7 seven:1"]);
  });

  it.each([
    ["another version", { protocolVersion: 2 }, "speaks version 1"],
    [
      "another cluster, or a former incarnation",
      { clusterId: "former" },
      "belongs to cluster c, the sender to former",
    ],
    ["another node", { to: 8n }, "this is node 9, the sender wants 8"],
    ["itself", { from: 9n }, "an id of its own"],
    ["nobody", { from: 0n }, "an id of its own"],
    ["a number beyond all", { from: 2n ** 60n }, "an id of its own"],
  ])("is refused when it is of or for %s", async (_, fields, expected) => {
    const peer = member();
    const requests = new Requests<ExchangeRequest>().push(opens(opening(fields)), brings(1)).end();
    await expect(exchange(peer, requests)).rejects.toThrow(expected);
    expect(peer.received).toEqual([]);
    expect(peer.addresses).toEqual([]);
    const file = new Requests<SendSnapshotRequest>()
      .push(create(SendSnapshotRequestSchema, { content: { case: "opening", value: opening(fields) } }))
      .end();
    await expect(peer.client.sendSnapshot(file)).rejects.toThrow(expected);
  });

  it("is refused when it does not begin with its opening, or opens twice", async () => {
    const peer = member();
    const none = new Requests<ExchangeRequest>().push(brings(1)).end();
    await expect(exchange(peer, none)).rejects.toThrow("begin with its opening");
    const twice = new Requests<ExchangeRequest>().push(opens(opening()), opens(opening())).end();
    await expect(exchange(peer, twice)).rejects.toThrow("nothing but batches");
    expect(peer.received).toEqual([]);
  });

  it("takes the place of the one before on its lane: that one brings nothing more", async () => {
    const peer = member();
    const [old, other, fresh] = [
      new Requests<ExchangeRequest>(),
      new Requests<ExchangeRequest>(),
      new Requests<ExchangeRequest>(),
    ];
    const streams = [old, other, fresh].map((requests) => exchange(peer, requests));
    old.push(opens(opening()), brings(1));
    other.push(opens(opening({ lane: Lane.APPENDS })));
    await settled();
    fresh.push(opens(opening()), brings(2));
    await settled();
    old.push(brings(3)).end();
    other.push(brings(4)).end();
    await settled();
    fresh.push(brings(5)).end();
    await Promise.all(streams);
    expect(peer.received.map(([, term]) => term)).toEqual([1, 2, 4, 5]);
  });

  it("ends when the node does not run, and with what this version does not know", async () => {
    const stopped = member(false);
    const requests = () => new Requests<ExchangeRequest>().push(opens(opening()));
    await expect(exchange(stopped, requests().push(brings(1)).end())).rejects.toThrow("not running");
    const unknown = brings(1);
    if (unknown.content.case === "batch")
      for (const sent of unknown.content.value.messages) sent.type = 99 as PeerMessageType;
    await expect(exchange(member(), requests().push(unknown).end())).rejects.toThrow("unknown type 99");
  });
});

describe("a snapshot between members", () => {
  const start = create(SendSnapshotRequestSchema, {
    content: {
      case: "start",
      value: {
        $typeName: "trellis.raft.v1.SnapshotStart",
        message: toPeerMessage(message({ type: "MsgSnap" })),
        bytes: 5n,
      },
    },
  });
  const opened = create(SendSnapshotRequestSchema, { content: { case: "opening", value: opening() } });
  const piece = (text: string) =>
    create(SendSnapshotRequestSchema, { content: { case: "piece", value: new TextEncoder().encode(text) } });

  it("is answered when it was taken in, piece by piece", async () => {
    const peer = member();
    const file = new Requests<SendSnapshotRequest>().push(opened, start, piece("he"), piece("llo")).end();
    await peer.client.sendSnapshot(file);
    expect(peer.snapshots).toEqual(["7 MsgSnap hello"]);
  });

  it("is refused without its message, with anything but pieces, and when the node cannot take it", async () => {
    const peer = member();
    const send = (...requests: readonly SendSnapshotRequest[]) =>
      peer.client.sendSnapshot(new Requests<SendSnapshotRequest>().push(...requests).end());
    await expect(send(opened, piece("hello"))).rejects.toThrow("the message of the snapshot");
    await expect(send(opened, start, opened)).rejects.toThrow("nothing but pieces");
    await expect(send(opened, start, piece("bad"))).rejects.toThrow("it is damaged");
    expect(peer.snapshots).toEqual([]);
  });
});
