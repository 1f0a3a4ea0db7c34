import type { ServerHttp2Session } from "node:http2";

import type { Clock } from "@trellis/resource";

import type { ServerLimits } from "./limits.ts";

/** The open HTTP/2 connections of a listener. */
export interface Sessions {
  /** Watches over a new connection until it closes. */
  add(session: ServerHttp2Session): void;
  /** Tells every peer to open no more streams; each connection closes with its last stream. */
  close(): void;
  /** Cuts every connection but those that are closing and have no stream any more: what they still have to send leaves first. */
  destroy(): void;
}

/**
 * Keeps the HTTP/2 connections of a listener: asks each now and then whether its peer is still there, since a long watch may be
 * silent for hours and nothing else would notice, and closes those that have been without a stream for long.
 */
export function createSessions(
  clock: Clock,
  limits: Pick<ServerLimits, "pingIntervalMs" | "pingTimeoutMs" | "idleSessionMs">,
): Sessions {
  /** With how many streams each has. */
  const open = new Map<ServerHttp2Session, () => number>();
  let closing = false;

  function add(session: ServerHttp2Session): void {
    let streams = 0;
    open.set(session, () => streams);
    let idleSince = clock.monotonic();
    let cancelTimer = clock.after(limits.pingIntervalMs, check);

    function check(): void {
      if (session.destroyed) return;
      if (streams === 0 && clock.monotonic() - idleSince >= limits.idleSessionMs) {
        session.close();
        return;
      }
      ping(session, clock, limits.pingTimeoutMs);
      cancelTimer = clock.after(limits.pingIntervalMs, check);
    }

    const onClosed = (): void => {
      streams -= 1;
      idleSince = clock.monotonic();
    };
    session.on("stream", (stream) => {
      streams += 1;
      stream.on("close", onClosed);
    });
    // A peer that breaks the protocol ends its own connection; nobody else is concerned.
    session.on("error", () => session.destroy());
    session.once("close", () => {
      cancelTimer();
      open.delete(session);
    });
    if (closing) session.close();
  }

  return {
    add,
    close() {
      closing = true;
      for (const session of open.keys()) session.close();
    },
    destroy() {
      for (const [session, streams] of open) if (!session.closed || streams() > 0) session.destroy();
    },
  };
}

function ping(session: ServerHttp2Session, clock: Clock, timeoutMs: number): void {
  const cancel = clock.after(timeoutMs, () => session.destroy());
  session.once("close", cancel);
  try {
    session.ping(() => {
      cancel();
      session.off("close", cancel);
    });
  } catch {
    // The session is on its way out: its "close" frees the timer.
  }
}
