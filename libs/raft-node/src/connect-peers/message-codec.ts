import { create } from "@bufbuild/protobuf";
import {
  type Batch,
  BatchSchema,
  type PeerEntry,
  PeerEntryType,
  type PeerMessage,
  PeerMessageSchema,
  PeerMessageType,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import { type Entry, type EntryType, type Message, message, type MessageType } from "@trellis/raft";

import { fromConfiguration, toConfiguration, toNumber } from "../configuration-codec.ts";
import type { Announcement } from "../peers.ts";

/** Those messages that leave a node, by their number on the wire. */
export const typesOnTheWire = new Map<MessageType, PeerMessageType>([
  ["MsgApp", PeerMessageType.APP],
  ["MsgAppResp", PeerMessageType.APP_RESP],
  ["MsgVote", PeerMessageType.VOTE],
  ["MsgVoteResp", PeerMessageType.VOTE_RESP],
  ["MsgSnap", PeerMessageType.SNAP],
  ["MsgHeartbeat", PeerMessageType.HEARTBEAT],
  ["MsgHeartbeatResp", PeerMessageType.HEARTBEAT_RESP],
  ["MsgTransferLeader", PeerMessageType.TRANSFER_LEADER],
  ["MsgTimeoutNow", PeerMessageType.TIMEOUT_NOW],
  ["MsgReadIndex", PeerMessageType.READ_INDEX],
  ["MsgReadIndexResp", PeerMessageType.READ_INDEX_RESP],
  ["MsgPreVote", PeerMessageType.PRE_VOTE],
  ["MsgPreVoteResp", PeerMessageType.PRE_VOTE_RESP],
]);
export const typesByNumber: ReadonlyMap<number, MessageType> = new Map(
  [...typesOnTheWire].map(([type, number]) => [number, type]),
);

/** What entries are, by their number on the wire. */
export const entryTypes = new Map<EntryType, PeerEntryType>([
  ["EntryNormal", PeerEntryType.UNSPECIFIED],
  ["EntryConfChange", PeerEntryType.CONF_CHANGE],
  ["EntryConfChangeV2", PeerEntryType.CONF_CHANGE_V2],
]);
export const entryTypesByNumber: ReadonlyMap<number, EntryType> = new Map(
  [...entryTypes].map(([type, number]) => [number, type]),
);

/** Messages of one turn, as the wire carries them. */
export function toBatch(
  messages: readonly Message[],
  { featureLevel, hasSpace, applied }: Announcement,
): Batch {
  return create(BatchSchema, {
    messages: messages.map(toPeerMessage),
    announcement: { featureLevel, hasSpace, applied: BigInt(applied) },
  });
}

/** The messages of a batch, from a member to this node. Throws a RangeError for one that no version of this protocol sends. */
export function fromBatch(
  { messages, announcement }: Batch,
  ends: { readonly from: number; readonly to: number },
): { readonly messages: readonly Message[]; readonly announcement: Announcement } {
  return {
    messages: messages.map((found) => fromPeerMessage(found, ends)),
    announcement: {
      featureLevel: announcement?.featureLevel ?? 0,
      hasSpace: announcement?.hasSpace ?? true,
      applied: Number(announcement?.applied ?? 0),
    },
  };
}

/** One message, as the wire carries it. Who sends it to whom is said once, when the stream opens. */
export function toPeerMessage(sent: Message): PeerMessage {
  const type = typesOnTheWire.get(sent.type);
  if (type === undefined) throw new RangeError(`${sent.type} never leaves a node`);
  const metadata = sent.snapshot?.metadata;
  return create(PeerMessageSchema, {
    type,
    term: BigInt(sent.term),
    logTerm: BigInt(sent.logTerm),
    index: BigInt(sent.index),
    entries: sent.entries.map(toPeerEntry),
    commit: BigInt(sent.commit),
    ...(metadata !== undefined && {
      snapshot: {
        index: BigInt(metadata.index),
        term: BigInt(metadata.term),
        configuration: toConfiguration(metadata.confState),
      },
    }),
    reject: sent.reject,
    rejectHint: BigInt(sent.rejectHint),
    context: sent.context,
  });
}

/** The message that the wire carries. Throws a RangeError for one that no version of this protocol sends. */
export function fromPeerMessage(
  found: PeerMessage,
  { from, to }: { readonly from: number; readonly to: number },
): Message {
  const type = typesByNumber.get(found.type);
  if (type === undefined) throw new RangeError(`a message of the unknown type ${found.type}`);
  const { snapshot } = found;
  return message({
    type,
    from,
    to,
    term: toNumber(found.term),
    logTerm: toNumber(found.logTerm),
    index: toNumber(found.index),
    entries: found.entries.map(fromPeerEntry),
    commit: toNumber(found.commit),
    snapshot:
      snapshot === undefined
        ? undefined
        : {
            data: new Uint8Array(),
            metadata: {
              index: toNumber(snapshot.index),
              term: toNumber(snapshot.term),
              confState: fromConfiguration(snapshot.configuration),
            },
          },
    reject: found.reject,
    rejectHint: toNumber(found.rejectHint),
    context: found.context,
  });
}

function toPeerEntry({ term, index, type, data }: Entry) {
  return {
    $typeName: "trellis.raft.v1.PeerEntry" as const,
    term: BigInt(term),
    index: BigInt(index),
    type: entryTypes.get(type) ?? PeerEntryType.UNSPECIFIED,
    data: data as Uint8Array<ArrayBuffer>,
  };
}

function fromPeerEntry({ term, index, type, data }: PeerEntry): Entry {
  const known = entryTypesByNumber.get(type);
  if (known === undefined) throw new RangeError(`an entry of the unknown type ${type}`);
  return { term: toNumber(term), index: toNumber(index), type: known, data };
}
