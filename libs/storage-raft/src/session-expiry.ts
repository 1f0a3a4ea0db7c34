import { type RaftNode, RaftNodeError } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";

import { encodeCommand } from "./command-codec.ts";
import type { StorageMachine } from "./storage-machine.ts";

/** Silence after which a session is ended. Its origin has to use it, or to send a sign of life, more often. */
export const SESSION_SILENCE_MS = 10 * 60_000;
/** How often the leader looks: a session ends so much later at most, if no leader changes. */
export const EXPIRY_CHECK_MS = 30_000;
/** Sessions that one command ends; the others wait for the next look. */
const MAX_ENDED = 1_000;

/** What the expiry of sessions works with. */
export interface SessionExpiryDeps {
  readonly node: Pick<RaftNode, "status" | "propose">;
  readonly machine: Pick<StorageMachine, "silentSince">;
  /** Only its monotonic side: what leads judges silence by its own patience, and the log decides. */
  readonly clock: Clock;
}

/**
 * Ends sessions that were silent while this node led: it notes where the log was at each look, and names the sessions that nothing after a note of
 * ten minutes ago has used. Whoever uses one before the command is applied keeps it. A new leader begins to count anew. The answer ends it.
 */
export function startSessionExpiry({ node, machine, clock }: SessionExpiryDeps): () => void {
  let notes: { readonly atMs: number; readonly index: number }[] = [];
  let term = 0;
  let isUnderWay = false;
  let cancel: () => void;

  const look = (): void => {
    cancel = clock.after(EXPIRY_CHECK_MS, look);
    const status = node.status();
    if (status.role !== "leader" || status.term !== term) notes = [];
    term = status.term;
    if (status.role !== "leader") return;
    const nowMs = clock.monotonic();
    notes.push({ atMs: nowMs, index: status.applied });
    const isOld = ({ atMs }: { readonly atMs: number }) => nowMs - atMs >= SESSION_SILENCE_MS;
    const since = notes.findLast(isOld);
    if (since === undefined) return;
    notes = notes.filter((note) => note === since || !isOld(note));
    const sessions = machine.silentSince(since.index, MAX_ENDED);
    if (sessions.length === 0 || isUnderWay) return;
    isUnderWay = true;
    node
      .propose(encodeCommand({ kind: "close-sessions", sessions }))
      .catch((error: unknown) => {
        // The next look tries again, here or on another leader.
        if (!RaftNodeError.is(error)) throw error;
      })
      .finally(() => {
        isUnderWay = false;
      });
  };

  cancel = clock.after(EXPIRY_CHECK_MS, look);
  return () => cancel();
}
