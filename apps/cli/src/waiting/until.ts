import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import type { Session } from "../session.ts";
import { watchChanges, type Watching } from "../watching.ts";
import type { Verdict } from "./verdict.ts";

/** How to wait for one resource. */
export interface Patience {
  readonly timeoutMs: number;
  /** Judges the resource as it is now, undefined when it is not there. */
  readonly judge: (resource: Resource | undefined) => Verdict;
}

/** Watches one resource until a verdict is met, or the time is over: the last verdict then is not met. Throws when the session's signal ends it. */
export async function waitUntil(
  session: Session,
  watching: Watching,
  { timeoutMs, judge }: Patience,
): Promise<Verdict> {
  const { clock, signal } = session.environment;
  const expiry = new AbortController();
  const cancel = clock.after(timeoutMs, () => expiry.abort());
  const ended = AbortSignal.any([signal, expiry.signal]);
  let verdict: Verdict = { met: false, seen: "the server has not answered yet" };
  try {
    let present = false;
    for await (const change of watchChanges(session, watching, ended)) {
      // That something is not there is known only when everything that is there has come.
      if (change.event === "complete" && present) continue;
      present = change.event === "added" || change.event === "changed";
      verdict = judge(present && change.event !== "complete" ? change.resource : undefined);
      if (verdict.met) return verdict;
    }
  } finally {
    cancel();
    expiry.abort();
  }
  signal.throwIfAborted();
  return verdict;
}
