import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Stands between clients and a server of the loopback. */
export interface TcpRelay {
  readonly url: string;
  /** Takes no more of what the server sends to who connected last, until it is to go on. */
  rest(): void;
  goOn(): void;
}

const running = new Set<Server>();

/** Starts a relay before a server; {@link stopRelays} stops it after the test. `onPiece` is given what the server sends, in the pieces in which it comes. */
export async function relayTo(
  url: string,
  onPiece: (bytes: Buffer) => void = () => undefined,
): Promise<TcpRelay> {
  let upstream: Socket | undefined;
  const server = createServer((client) => {
    const opened = connect(Number(new URL(url).port), "127.0.0.1").setNoDelay();
    upstream = opened;
    client.setNoDelay().on("data", (bytes) => opened.write(bytes));
    client.on("close", () => opened.destroy()).on("error", () => undefined);
    opened.on("data", (bytes: Buffer) => {
      onPiece(bytes);
      client.write(bytes);
    });
    opened.on("close", () => client.end()).on("error", () => undefined);
  });
  running.add(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rest: () => void upstream?.pause(),
    goOn: () => void upstream?.resume(),
  };
}

/** Stops every relay that a test has started. */
export function stopRelays(): void {
  for (const server of running) server.close();
  running.clear();
}
