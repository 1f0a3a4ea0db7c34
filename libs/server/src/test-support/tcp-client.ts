import { connect, type Socket } from "node:net";

/** A connection that is spoken by hand. */
export interface TcpClient {
  readonly socket: Socket;
  send(text: string): void;
  /** What has come so far. */
  received(): string;
  /** Resolves once what came contains the text. Rejects when the connection ends without it. */
  until(text: string): Promise<void>;
  /** Everything that came, once the connection is closed. */
  readonly closed: Promise<string>;
}

/** Connects to a port of the loopback. */
export async function connectTcp(port: number): Promise<TcpClient> {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  const waiting = new Set<{
    readonly text: string;
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }>();
  socket.setEncoding("latin1").on("data", (text: string) => {
    received += text;
    for (const one of waiting) if (received.includes(one.text)) one.resolve();
  });
  socket.on("error", () => undefined);
  const closed = new Promise<string>((resolve) =>
    socket.on("close", () => {
      for (const one of waiting)
        one.reject(new Error(`the connection ended without "${one.text}": ${received}`));
      resolve(received);
    }),
  );
  await new Promise((resolve) => socket.once("connect", resolve));
  return {
    socket,
    send: (text) => void socket.write(text, "latin1"),
    received: () => received,
    until: (text) =>
      new Promise((resolve, reject) => {
        if (received.includes(text)) resolve();
        else waiting.add({ text, resolve, reject });
      }),
    closed,
  };
}
