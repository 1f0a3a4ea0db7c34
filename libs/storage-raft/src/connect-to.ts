import { connectTo as connectPeer, type PeerConnection } from "@trellis/raft-node";
import { WideSessionManager } from "@trellis/resource/node";

/** A connection between two members, at `host:port`, that takes much ahead of what is read: entries and snapshots come in megabytes. */
export function connectTo(address: string): PeerConnection {
  return connectPeer(address, WideSessionManager);
}
