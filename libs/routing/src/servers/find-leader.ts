import type { ServerStatus } from "@trellis/storage/wire";

/** A server with its status. */
interface Stated {
  readonly status: ServerStatus | undefined;
}

/**
 * Who takes commits: of nodes, who leads in the highest term that anybody has heard of a leader in; without such a node, the first forwarder that
 * takes them, sooner one that is not about to stop. Undefined when nobody does.
 */
export function findLeader<S extends Stated>(servers: Iterable<S>): S | undefined {
  let leading: { readonly server: S; readonly status: ServerStatus } | undefined;
  let forwarder: { readonly server: S; readonly status: ServerStatus } | undefined;
  let known: ServerStatus | undefined;
  for (const server of servers) {
    const { status } = server;
    if (status === undefined) continue;
    if (status.role === "forwarder") {
      if (!status.takesCommits) continue;
      if (forwarder === undefined || (forwarder.status.isStopping && !status.isStopping))
        forwarder = { server, status };
      continue;
    }
    if (status.leaderId !== undefined && status.term > (known?.term ?? -1)) known = status;
    if (status.takesCommits && status.term > (leading?.status.term ?? -1)) leading = { server, status };
  }
  if (leading !== undefined && !isDeposed(leading.status, known)) return leading.server;
  return forwarder?.server;
}

/** Whether somebody has heard of another leader since. */
function isDeposed(claims: ServerStatus, known: ServerStatus | undefined): boolean {
  return known !== undefined && known.term > claims.term && known.leaderId !== claims.nodeId;
}
