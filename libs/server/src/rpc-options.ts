import type { DescMethod, Registry as SchemaRegistry } from "@bufbuild/protobuf";
import type { ConnectRouterOptions } from "@connectrpc/connect";
import {
  type Compression,
  createMethodSerializationLookup,
  validateReadWriteMaxBytes,
} from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

import { counted } from "./counted-compression.ts";
import type { ServerLimits } from "./limits.ts";

/** What the messages of a server are read with. */
export interface RpcLimits {
  /** The types that may stand in an `Any`. */
  readonly schemas: SchemaRegistry;
  readonly limits: Pick<ServerLimits, "maxRequestBytes">;
}

/** What requests may be compressed with, and answers are for those who ask for it. */
export const COMPRESSIONS: readonly Compression[] = [counted(compressionGzip), counted(compressionBrotli)];

/** Answers of fewer bytes are not compressed: it costs more than it saves. */
export const COMPRESS_MIN_BYTES = 1_024;

/** How JSON is read and written. */
export function jsonOptions(schemas: SchemaRegistry): ConnectRouterOptions["jsonOptions"] & object {
  return {
    registry: schemas,
    ignoreUnknownFields: false,
    // Broken UTF-8 is an error of the caller, not a replacement character in somebody's data.
    textDecoder: new TextDecoder("utf-8", { fatal: true }),
  } as ConnectRouterOptions["jsonOptions"] & object;
}

/** Reads and writes the messages of a method as the protocol library does, errors and limits included. */
export function rpcSerialization<M extends DescMethod>(
  method: M,
  { schemas, limits }: RpcLimits,
): ReturnType<typeof createMethodSerializationLookup<M["input"], M["output"]>> {
  const bounds = validateReadWriteMaxBytes(limits.maxRequestBytes, undefined, COMPRESS_MIN_BYTES);
  return createMethodSerializationLookup(method, undefined, jsonOptions(schemas), bounds);
}
