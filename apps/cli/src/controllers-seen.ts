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
  /** How long ago that is by the server's clock, in milliseconds: this machine's own may be wrong. */
  readonly silentMs: number;
}

const NEVER: ControllersSeen = {
  running: false,
  lastSeenMs: undefined,
  silentMs: Number.POSITIVE_INFINITY,
};

/** Reads when the system's controllers were last heard of; undefined on servers that do not have their types, or do not show them. */
export async function askControllers(session: Session): Promise<ControllersSeen | undefined> {
  const { group, groupVersion, kind, name } = HEARTBEAT;
  const type = { group, groupVersion, kind };
  if ((await session.catalog()).find(type) === undefined) return undefined;
  const { resources } = session.connection.client;
  // A server that does not tell its time (in this process, or behind a proxy that drops it) has this machine's.
  let nowMs = session.environment.clock.now();
  const onHeader = (headers: Headers): void => {
    const toldMs = Date.parse(headers.get("date") ?? "");
    if (!Number.isNaN(toldMs)) nowMs = toldMs;
  };
  try {
    const { resource } = await resources.read({ id: { type, name } }, { ...session.callOptions, onHeader });
    const updatedAt = resource?.status[HEARTBEAT_KEY]?.updatedAt;
    if (updatedAt === undefined) return NEVER;
    const lastSeenMs = timestampMs(updatedAt);
    const silentMs = nowMs - lastSeenMs;
    return { running: silentMs <= SILENCE_MS, lastSeenMs, silentMs };
  } catch (error) {
    const reason = errorReason(error);
    if (reason === "RESOURCE_NOT_FOUND") return NEVER;
    if (reason === "PERMISSION_DENIED") return undefined;
    throw error;
  }
}
