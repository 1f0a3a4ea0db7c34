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
  return async (address, signal) => {
    const hello = { protocolVersion: PROTOCOL_VERSION, client };
    const link = new ConnectedLink({ clock, nextTurn, connection: connect(address), hello, address });
    const giveUp = (): void => void link.close();
    const cancel = clock.after(helloMs, giveUp);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      if (signal?.aborted === true) giveUp();
      return await link.ready;
    } catch (error) {
      throw StorageError.is(error) ? error : new StorageError("unavailable", String(error), { cause: error });
    } finally {
      cancel();
      signal?.removeEventListener("abort", giveUp);
    }
  };
}
