import type { Transport } from "@connectrpc/connect";
import type { StorageConnection } from "@trellis/storage/wire";

import { type Caller, Connection, type ConnectionParts } from "./connection.ts";
import { rpcTransport } from "./rpc-transport.ts";

/** Opens connections from a process: to servers of the storage service, or of any other. */
export function dialer(parts: ConnectionParts, caller: Caller): (address: string) => StorageConnection {
  return (address) => {
    const connection = new Connection(parts, caller, address);
    return { transport: rpcTransport(connection), close: () => connection.close() };
  };
}

/** A transport that opens a connection when it needs one, and another, to the next address, when that is lost. */
export function dialingTransport(
  parts: ConnectionParts,
  caller: Caller,
  addresses: readonly string[],
): Transport {
  let dialled = 0;
  let open: Transport | undefined;
  const transport = (): Transport => {
    if (open !== undefined) return open;
    const connection = new Connection(parts, caller, addresses[dialled++ % addresses.length] ?? "");
    const opened = rpcTransport(connection);
    connection.onLost("client", () => {
      if (open === opened) open = undefined;
    });
    open = opened;
    return opened;
  };
  return {
    unary: (...call) => transport().unary(...call),
    stream: (...call) => transport().stream(...call),
  };
}
