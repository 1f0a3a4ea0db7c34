import { type Agent, request as httpRequest } from "node:http";

import { type Answer, readAnswer } from "./answer.ts";
import { firstHalf, leaveLater } from "./leave.ts";
import type { RawRequest } from "./protocols.ts";
import type { StartedRequest } from "./sender.ts";

/** Sends a request over HTTP/1.1. */
export function startHttp1(origin: string, agent: Agent, raw: RawRequest): StartedRequest {
  const url = new URL(origin);
  const length = raw.body === undefined ? {} : { "content-length": String(raw.body.byteLength) };
  const outgoing = httpRequest({
    host: url.hostname,
    port: url.port,
    path: raw.path,
    method: raw.method,
    headers: { ...raw.headers, ...length },
    agent,
  });
  const answer = new Promise<Answer>((resolve) => {
    const end = (): void => resolve({ kind: raw.leaves === undefined ? "cut" : "left" });
    outgoing.on("error", end);
    outgoing.on("close", end);
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", end);
      incoming.on("end", () =>
        resolve(readAnswer(incoming.statusCode, incoming.headers, Buffer.concat(chunks))),
      );
    });
  });
  if (raw.leaves === "midway") {
    outgoing.flushHeaders();
    outgoing.write(firstHalf(raw.body));
  } else {
    outgoing.end(raw.body);
  }
  leaveLater(raw, answer, () => outgoing.destroy());
  return { answer, closed: undefined, cancel: () => outgoing.destroy() };
}
