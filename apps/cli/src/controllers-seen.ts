import { timestampMs } from "@bufbuild/protobuf/wkt";
import { errorReason } from "@trellis/resource";

import type { Session } from "./session.ts";

/** Where the system's controllers say that they run: a status of the partition `default`, renewed every 20 seconds (libs/system, heartbeat). */
const HEARTBEAT = { group: "tenancy", groupVersion: "v1", kind: "Partition", name: "default" } as const;
const HEARTBEAT_KEY = "trellis.dev/system-controllers";
/** Controllers that have said nothing for longer are gone, in milliseconds: three of their intervals. */
const SILENCE_MS = 60_000;

/** What is known of the system's controllers. */
export interface ControllersSeen {
  readonly running: boolean;
  /** When they last said that they run, in milliseconds since 1970; undefined when they never did. */
  readonly lastSeenMs: number | undefined;
}

/** Reads when the system's controllers were last heard of; undefined on servers that do not have their types, or do not show them. */
export async function askControllers(session: Session): Promise<ControllersSeen | undefined> {
  const { group, groupVersion, kind, name } = HEARTBEAT;
  const type = { group, groupVersion, kind };
  if ((await session.catalog()).find(type) === undefined) return undefined;
  const { resources } = session.connection.client;
  try {
    const { resource } = await resources.read({ id: { type, name } }, session.callOptions);
    const updatedAt = resource?.status[HEARTBEAT_KEY]?.updatedAt;
    const lastSeenMs = updatedAt === undefined ? undefined : timestampMs(updatedAt);
    const silentMs = session.environment.clock.now() - (lastSeenMs ?? Number.NEGATIVE_INFINITY);
    return { running: silentMs <= SILENCE_MS, lastSeenMs };
  } catch (error) {
    const reason = errorReason(error);
    if (reason === "RESOURCE_NOT_FOUND") return { running: false, lastSeenMs: undefined };
    if (reason === "PERMISSION_DENIED") return undefined;
    throw error;
  }
}
