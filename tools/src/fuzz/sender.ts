import { Agent } from "node:http";
import { setTimeout } from "node:timers/promises";

import type { Answer } from "./answer.ts";
import type { RawRequest } from "./protocols.ts";
import { startHttp1 } from "./send-http1.ts";
import { createSessions, startHttp2 } from "./send-http2.ts";

/** How long an answer may take, from the request's first byte to the answer's last, before it counts as a hang. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long a stream may stay open after its answer: what it holds is not free before. */
const CLOSE_TIMEOUT_MS = 3_000;
const MAX_SOCKETS = 16;

/** A request under way. */
export interface StartedRequest {
  readonly answer: Promise<Answer>;
  /** Resolves once nothing of it is left; of HTTP/2 only. */
  readonly closed: Promise<void> | undefined;
  /** Gives it up. */
  readonly cancel: () => void;
}

/** Sends raw requests to one server over both versions of HTTP. */
export interface Sender {
  send(request: RawRequest): Promise<Answer>;
  close(): void;
}

/** Opens a sender for an origin (`http://127.0.0.1:7500`). */
export function createSender(origin: string): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const sessions = createSessions(origin);
  return {
    send: (request) =>
      finish(
        request.httpVersion === 1 ? startHttp1(origin, agent, request) : startHttp2(sessions.next(), request),
      ),
    close() {
      agent.destroy();
      sessions.close();
    },
  };
}

async function finish({ answer, closed, cancel }: StartedRequest): Promise<Answer> {
  const first = await within(answer, ANSWER_TIMEOUT_MS);
  if (first === undefined) {
    cancel();
    return { kind: "hung" };
  }
  if (
    closed === undefined ||
    (await within(
      closed.then(() => true),
      CLOSE_TIMEOUT_MS,
    )) === true
  )
    return first;
  cancel();
  return { kind: "kept" };
}

/** What a promise resolves with, or undefined when it takes longer. */
async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const stop = new AbortController();
  const late = setTimeout(timeoutMs, undefined, { signal: stop.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}
