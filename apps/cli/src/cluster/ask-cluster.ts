import { Code } from "@connectrpc/connect";
import type { GetStatusResponse, MemberStatus } from "@trellis/protos/trellis/cluster/v1/cluster_pb";
import { isConnectError } from "@trellis/resource";

import { CliError, isUnreachable } from "../errors.ts";
import type { Session } from "../session.ts";

/** Asks the cluster service that the server is, or stands before. Throws a CliError for a server that has none. */
export async function askCluster<T>(
  { connection, callOptions }: Session,
  call: (cluster: Session["connection"]["cluster"], options: Session["callOptions"]) => Promise<T>,
): Promise<T> {
  try {
    return await call(connection.cluster, callOptions);
  } catch (error) {
    if (isUnreachable(error) || !isConnectError(error) || error.code !== Code.Unimplemented) throw error;
    throw new CliError(
      `${connection.server} keeps its resources in memory or elsewhere, and has no cluster`,
      {
        hint: "Name a storage node, a forwarder or a gateway of a cluster with --server.",
      },
    );
  }
}

/** The status of the cluster, as of now. */
export async function clusterStatus(session: Session): Promise<GetStatusResponse> {
  return await askCluster(session, (cluster, options) => cluster.getStatus({}, options));
}

/** The member that a name or an id means. Throws a CliError that lists those that there are. */
export async function findMember(session: Session, word: string): Promise<MemberStatus> {
  const { members } = await clusterStatus(session);
  const found = members.find(({ name }) => name === word) ?? members.find(({ id }) => id.toString() === word);
  if (found !== undefined) return found;
  throw new CliError(`the cluster has no member "${word}"`, {
    hint: `Name one of ${members.map(({ name, id }) => `${name} (${id})`).join(", ")}.`,
  });
}
