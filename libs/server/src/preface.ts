import type { Socket } from "node:net";

import type { Clock } from "@trellis/resource";

/** What every HTTP/2 connection begins with (RFC 9113 §3.4). No HTTP/1.1 request does: its method would be `PRI`. */
const HTTP2_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** What a connection turned out to speak; `none` when it closed or stayed silent. */
export type Protocol = "http1" | "http2" | "none";

/**
 * Waits for as many bytes as it takes to know what a new connection speaks, then puts them back and calls back once. A socket that
 * does not say within `timeoutMs` is destroyed.
 */
export function sniffProtocol(
  socket: Socket,
  options: { readonly clock: Clock; readonly timeoutMs: number },
  decided: (protocol: Protocol) => void,
): void {
  let seen: Buffer = Buffer.alloc(0);

  const finish = (protocol: Protocol): void => {
    isDecided = true;
    cancel();
    socket.off("data", onData);
    socket.off("end", onEnd);
    socket.off("close", onEnd);
    socket.pause();
    if (seen.byteLength > 0 && protocol !== "none") socket.unshift(seen);
    decided(protocol);
  };
  const onData = (chunk: Buffer): void => {
    seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.byteLength, HTTP2_PREFACE.byteLength);
    if (seen.compare(HTTP2_PREFACE, 0, compared, 0, compared) !== 0) finish("http1");
    else if (compared === HTTP2_PREFACE.byteLength) finish("http2");
  };
  const onEnd = (): void => {
    socket.destroy();
    finish("none");
  };
  let isDecided = false;
  // After a stall of the process the time is up before what came meanwhile is read: that has one more turn of the event loop.
  const cancel = options.clock.after(options.timeoutMs, () => {
    setImmediate(() => {
      if (!isDecided) onEnd();
    });
  });
  socket.on("data", onData);
  socket.once("end", onEnd);
  socket.once("close", onEnd);
}
