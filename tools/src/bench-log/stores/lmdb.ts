import type { LogStoreKind } from "./log-store.ts";

/** Room for the data of the longest run, in bytes: address space, not memory. */
const MAP_BYTES = 4 * 1024 ** 3;

/** LMDB through the package `lmdb`: entries by index, each batch one transaction whose commit returns after the sync. */
export const lmdb: LogStoreKind = {
  name: "lmdb, transactionSync",
  async open(directory) {
    const { open } = await import("lmdb");
    const database = open<Uint8Array, number>({
      path: directory,
      encoding: "binary",
      keyEncoding: "uint32",
      mapSize: MAP_BYTES,
      compression: false,
      // Otherwise a commit returns before its sync.
      overlappingSync: false,
    });
    let first = 1;
    return {
      async append(firstIndex, entries) {
        database.transactionSync(() => {
          for (const [position, bytes] of entries.entries()) {
            void database.put(
              firstIndex + position,
              Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
            );
          }
        });
      },
      async dropBefore(index) {
        database.transactionSync(() => {
          for (; first < index; first++) void database.remove(first);
        });
      },
      close: async () => await database.close(),
    };
  },
};
