import { connect, constants } from "node:http2";
import { text } from "node:stream/consumers";

/** How a server refuses what it was asked. */
export interface RefusedCall {
  readonly code: string;
  readonly reason: string | undefined;
  /** Whether what was asked for may have been done. */
  readonly applied: string | undefined;
}

/** A write of an album that is not answered as yet. */
export interface HeldWrite {
  /** Resolves once the server has all of it. */
  readonly received: Promise<void>;
  /** Rejects when the connection ends without it. */
  readonly refused: Promise<RefusedCall>;
}

/** Asks for a write that cannot be done, and hears what the server says: a client of ours would end the call by itself at its deadline. */
export function holdWrite(url: string, name: string, timeoutMs: number): HeldWrite {
  const session = connect(url);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: "/trellis.resource.v1.ResourceService/Write",
    "content-type": "application/json",
    "connect-timeout-ms": String(timeoutMs),
  });
  const resource = {
    id: { type: { group: "demo", groupVersion: "v2", kind: "Album" }, name },
    data: { "@type": "type.googleapis.com/trellis.demo.v2.Album", title: name },
  };
  stream.end(JSON.stringify({ resource }));
  // Frames are taken in the order in which they were sent (RFC 9113 §5.1): who answers a ping has what came before it.
  const received = new Promise<void>((resolve, reject) => {
    const ping = (): void => void session.ping((error) => (error === null ? resolve() : reject(error)));
    stream.on("finish", ping);
  });
  const refused = new Promise<string>((resolve, reject) => {
    session.on("error", reject);
    text(stream).then(resolve, reject);
  });
  return { received, refused: refused.then(refusedCall).finally(() => session.destroy()) };
}

function refusedCall(body: string): RefusedCall {
  const { code, details = [] } = JSON.parse(body) as ErrorAnswer;
  const info = details.find(({ type }) => type === "google.rpc.ErrorInfo")?.debug;
  return { code, reason: info?.reason, applied: info?.metadata?.["applied"] };
}

/** What is read of an error in Connect's JSON. */
interface ErrorAnswer {
  readonly code: string;
  readonly details?: readonly {
    readonly type: string;
    readonly debug?: { readonly reason?: string; readonly metadata?: Readonly<Record<string, string>> };
  }[];
}
