import type { ReadyLoad } from "../loads.ts";
import type { RawClient } from "../raw/raw-client.ts";

/** Opens a load on a client's connections, which are closed with it, or when it cannot be opened. */
export async function withClient(client: RawClient, open: () => Promise<ReadyLoad>): Promise<ReadyLoad> {
  try {
    const load = await open();
    return {
      ...load,
      close() {
        load.close?.();
        client.close();
      },
    };
  } catch (error) {
    client.close();
    throw error;
  }
}
