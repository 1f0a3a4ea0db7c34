import { Code, ConnectError } from "@connectrpc/connect";
import type { Hello } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import type { ServerStatus } from "./server-status.ts";

/** The version of the storage service that this program speaks. */
export const PROTOCOL_VERSION = 1;
/** How often a server says where it stands, at least. */
export const STATUS_EVERY_MS = 500;
/** Bytes of one message; a single larger call, answer or batch still goes, alone. */
export const BATCH_BYTES = 1024 * 1024;
/** Bytes of one message on the wire at most: two versions of a commit's 4 MiB of records, with room to spare. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/**
 * Megabytes of memory that a server gives an HTTP/2 session (`maxSessionMemory`): a message for each watch whose client is slow. Of Node's default, 10, a dozen
 * of those take so much that every other stream is refused, that of calls too.
 */
export const SESSION_MEGABYTES = 1_000;

/** Characters of what a client says of itself that go into a refusal. */
const SHOWN_CHARACTERS = 64;

/** Whether a stream is meant for this server. Throws FAILED_PRECONDITION: what was expected, what was found, what to do. */
export function checkHello(hello: Hello | undefined, { clusterId, nodeId, name }: ServerStatus): void {
  if (hello === undefined) {
    throw new ConnectError("expected the stream to begin with a hello", Code.InvalidArgument);
  }
  const client = shown(hello.client);
  const refuse = (what: string): never => {
    throw new ConnectError(what, Code.FailedPrecondition);
  };
  if (hello.protocolVersion !== PROTOCOL_VERSION) {
    refuse(
      `${name} speaks version ${PROTOCOL_VERSION} of the storage service, ${client} version ${hello.protocolVersion}; ` +
        "upgrade one version at a time",
    );
  }
  if (hello.clusterId !== "" && clusterId !== "" && hello.clusterId !== clusterId) {
    refuse(
      `${name} belongs to cluster ${clusterId}, ${client} wants ${shown(hello.clusterId)}; after a restore or a forced recovery clients begin anew`,
    );
  }
  if (hello.nodeId !== 0n && hello.nodeId !== BigInt(nodeId)) {
    refuse(`this is node ${nodeId}, ${client} wants ${hello.nodeId}: another node has its address now`);
  }
}

function shown(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
