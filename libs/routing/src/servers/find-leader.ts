import type { ServerStatus } from "@trellis/storage/wire";

/** A server with its status. */
interface Stated {
  readonly status: ServerStatus | undefined;
}

/**
 * Who takes commits, of servers in the order in which they are wanted. A forwarder that is wanted most, while it knows a leader; else, of nodes, who leads in
 * the highest term that anybody has heard of a leader in; without such a node, any forwarder, sooner one that is not about to stop. Undefined when
 * nobody does.
 */
export function findLeader<S extends Stated>(servers: Iterable<S>): S | undefined {
  const linked = [...servers].flatMap((server) =>
    server.status === undefined ? [] : [{ server, status: server.status }],
  );
  const forwarders = linked.filter(({ status }) => status.role === "forwarder" && status.takesCommits);
  const staying = forwarders.find(({ status }) => !status.isStopping);
  if (staying !== undefined && staying === linked.find(({ status }) => !status.isStopping))
    return staying.server;
  return (leadingNode(linked) ?? staying ?? forwarders[0])?.server;
}

/** The node that leads, as far as anybody has heard. */
function leadingNode<L extends { readonly status: ServerStatus }>(linked: readonly L[]): L | undefined {
  let leading: L | undefined;
  let known: ServerStatus | undefined;
  for (const one of linked) {
    const { status } = one;
    if (status.role === "forwarder") continue;
    if (status.leaderId !== undefined && status.term > (known?.term ?? -1)) known = status;
    if (status.takesCommits && status.term > (leading?.status.term ?? -1)) leading = one;
  }
  return leading !== undefined && !isDeposed(leading.status, known) ? leading : undefined;
}

/** Whether somebody has heard of another leader since. */
function isDeposed(claims: ServerStatus, known: ServerStatus | undefined): boolean {
  return known !== undefined && known.term > claims.term && known.leaderId !== claims.nodeId;
}
