import { timestampMs } from "@bufbuild/protobuf/wkt";
import { after, defineController } from "@trellis/controller";
import { Condition_State, type Status } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { type Clock, DEFAULT_PARTITION } from "@trellis/resource";

import { Partition } from "./types.ts";

/** The status key, on the partition `default`, under which the system's controllers say that they run. */
export const HEARTBEAT_KEY = "trellis.dev/system-controllers";
/** How often they say so, in milliseconds. Who has heard nothing for three times as long may take them for gone. */
export const HEARTBEAT_INTERVAL_MS = 20_000;

/**
 * Says now and then that the system's controllers run, so that people can be told when none does: without them nothing fails at once, and
 * deletions quietly stop to cascade. However many managers there are, one beat per interval is written.
 */
export function createHeartbeat(clock: Clock) {
  return defineController({
    name: "system-heartbeat",
    type: Partition,
    async reconcile({ resource: partition, client }) {
      if (partition.id.name !== DEFAULT_PARTITION) return undefined;
      const last = partition.status[HEARTBEAT_KEY];
      const dueMs = lastBeatMs(last) + HEARTBEAT_INTERVAL_MS - clock.now();
      if (dueMs > 0 && dueMs <= HEARTBEAT_INTERVAL_MS) return after(dueMs);
      const message = `seen at ${new Date(clock.now()).toISOString()}`;
      await client.writeStatus(Partition, partition, {
        key: HEARTBEAT_KEY,
        observedGeneration: partition.generation,
        conditions: [{ type: "Running", state: Condition_State.TRUE, message }],
      });
      return after(HEARTBEAT_INTERVAL_MS);
    },
  });
}

/** When the last beat was stored; long ago when there was none. */
function lastBeatMs(status: Status | undefined): number {
  return status?.updatedAt === undefined ? 0 : timestampMs(status.updatedAt);
}
