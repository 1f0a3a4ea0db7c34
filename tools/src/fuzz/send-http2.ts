import { type ClientHttp2Session, connect, constants } from "node:http2";

import { type Answer, readAnswer } from "./answer.ts";
import { firstHalf, leaveLater } from "./leave.ts";
import type { RawRequest } from "./protocols.ts";
import type { StartedRequest } from "./sender.ts";

/**
 * Requests on one connection. Node's HTTP/2 ends a connection whose peer resets a thousand streams and 33 a second besides: clients that come
 * and go as these do would be stopped by that alone.
 */
const REQUESTS_PER_CONNECTION = 500;
/** Megabytes that unsent bodies may take here; the default would have this side refuse what the server should. */
const MAX_SESSION_MEMORY = 1_000;

/** HTTP/2 connections to one server, one after the other. */
export interface Sessions {
  /** The connection for the next request. */
  next(): ClientHttp2Session;
  close(): void;
}

/** Makes an empty set of connections; the first is opened when it is needed. */
export function createSessions(origin: string): Sessions {
  const open = new Set<ClientHttp2Session>();
  let current: ClientHttp2Session | undefined;
  let requests = 0;
  return {
    next() {
      requests += 1;
      if (
        current !== undefined &&
        !current.closed &&
        !current.destroyed &&
        requests <= REQUESTS_PER_CONNECTION
      )
        return current;
      // The one before stays open for what is still under way on it.
      const session = connect(origin, { maxSessionMemory: MAX_SESSION_MEMORY });
      session.on("error", () => undefined);
      session.on("close", () => open.delete(session));
      open.add(session);
      requests = 1;
      current = session;
      return session;
    },
    close() {
      for (const session of open) session.destroy();
    },
  };
}

/** Sends a request over HTTP/2. */
export function startHttp2(session: ClientHttp2Session, raw: RawRequest): StartedRequest {
  const stream = session.request(
    { ":method": raw.method, ":path": raw.path, ...raw.headers },
    { endStream: raw.body === undefined && raw.leaves !== "midway" },
  );
  let left = false;
  const answer = new Promise<Answer>((resolve) => {
    let status: number | undefined;
    const headers: Record<string, string | string[] | undefined> = {};
    const chunks: Buffer[] = [];
    const finish = (): void => {
      if (left) resolve({ kind: "left" });
      else if (status === undefined) resolve({ kind: "cut" });
      else resolve(readAnswer(status, headers, Buffer.concat(chunks)));
    };
    stream.on("response", (head) => {
      status = head[":status"];
      Object.assign(headers, head);
    });
    stream.on("trailers", (trailers) => Object.assign(headers, trailers));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    // A reset after the whole answer ends a request that the server did not want to read, and is no fault.
    stream.on("error", () => undefined);
    stream.on("end", finish);
    stream.on("close", finish);
  });
  const closed = new Promise<void>((resolve) => stream.on("close", () => resolve()));
  const leave = (): void => {
    left = true;
    stream.close(constants.NGHTTP2_CANCEL);
  };
  if (raw.leaves === "midway") stream.write(firstHalf(raw.body));
  else if (raw.body !== undefined) stream.end(raw.body);
  leaveLater(raw, answer, leave);
  return { answer, closed, cancel: () => stream.close(constants.NGHTTP2_CANCEL) };
}
