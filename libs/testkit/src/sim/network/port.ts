import type { NodeId } from "@trellis/raft";
import type { PeerReceiver } from "@trellis/raft-node";

import type { SimulatedProcess } from "../world/simulated-process.ts";

/** A replica's end of the network, for as long as its process has it open. */
export interface Port {
  readonly id: NodeId;
  /** Its machine. */
  readonly host: string;
  readonly clusterId: string;
  readonly process: SimulatedProcess;
  receiver: PeerReceiver | undefined;
  /** Whom it has been told of, and who has called it: others it cannot reach. */
  known: Set<NodeId>;
  /** Called when it is closed, or its process gone. */
  readonly atClose: Set<() => void>;
}
