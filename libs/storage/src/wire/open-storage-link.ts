import type { Clock } from "@trellis/resource";

import { StorageError } from "../errors.ts";
import { ConnectedLink } from "./connected-link.ts";
import { connectStorage, type StorageConnection } from "./connect-storage.ts";
import type { NextTurn } from "./outbox.ts";
import { PROTOCOL_VERSION } from "./protocol.ts";
import type { OpenStorageLink } from "./storage-link.ts";

/** What links are opened with. */
export interface StorageLinksDeps {
  readonly clock: Clock;
  readonly nextTurn: NextTurn;
  /** Opens a connection to `host:port`; HTTP/2 without TLS by default. */
  readonly connect?: ((address: string) => StorageConnection) | undefined;
}

/** Who opens them. */
export interface StorageLinksConfig {
  /** The caller's name, for the servers' logs. */
  readonly client: string;
  /** How long a server may take to say who it is. */
  readonly helloMs?: number | undefined;
}

const HELLO_MS = 3_000;

/** Opens links to servers of the storage service over the network. */
export function storageLinks(
  { clock, nextTurn, connect = connectStorage }: StorageLinksDeps,
  { client, helloMs = HELLO_MS }: StorageLinksConfig,
): OpenStorageLink {
  const open = (address: string): StorageConnection => {
    try {
      return connect(address);
    } catch (cause) {
      const found = JSON.stringify(address);
      throw new StorageError("unavailable", `expected an address host:port, found ${found}`, { cause });
    }
  };
  return async (address, signal) => {
    const hello = { protocolVersion: PROTOCOL_VERSION, client };
    const link = new ConnectedLink({ clock, nextTurn, connection: open(address), hello, address });
    const lose = (why: string): void => link.lose(new StorageError("unavailable", `${address} ${why}`));
    const giveUp = (): void => lose("was not waited for any longer: the caller ended it by its signal");
    const cancel = clock.after(helloMs, () =>
      lose(`did not say within ${helloMs} ms who it is; see whether it runs, and serves storage there`),
    );
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      if (signal?.aborted === true) giveUp();
      return await link.ready;
    } finally {
      cancel();
      signal?.removeEventListener("abort", giveUp);
    }
  };
}
