import { AsyncLocalStorage } from "node:async_hooks";

import type { Compression } from "@connectrpc/connect/protocol";

import type { HeldBody } from "./held-bytes.ts";

const ENCODINGS = ["content-encoding", "connect-content-encoding", "grpc-encoding"];

/** The request that is being served: the protocol layers decompress without saying for whom. */
const served = new AsyncLocalStorage<HeldBody>();

/** Serves a request; what {@link counted} decompresses meanwhile counts as its. Requests that cannot be compressed cost nothing. */
export function servedWith<T>(headers: Headers, held: HeldBody, serve: () => T): T {
  return ENCODINGS.some((name) => headers.has(name)) ? served.run(held, serve) : serve();
}

/** The compression with what it decompresses counted: a kilobyte may become a megabyte. Throws `LIMIT_REACHED` where that is too much. */
export function counted(compression: Compression): Compression {
  return {
    ...compression,
    async decompress(bytes, readMaxBytes) {
      const plain = await compression.decompress(bytes, readMaxBytes);
      served.getStore()?.take(plain.byteLength);
      return plain;
    },
  };
}
