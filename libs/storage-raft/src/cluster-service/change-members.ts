import { createClient, type ServiceImpl } from "@connectrpc/connect";
import type { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { PeerService } from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import { isMajority, type Member, type NodeStatus, votersWithout } from "@trellis/raft-node";

import { onLeader } from "./on-leader.ts";
import type { ClusterServiceDeps } from "./operated-node.ts";
import { forOperator, preconditionFailed, unavailable } from "./operator-errors.ts";
import { withinTime } from "./within-time.ts";

/** How long a node may take to say who it is. */
const IDENTIFY_MS = 3_000;
const ADDRESS = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/[\]]+):\d{1,5}$/;
const NAME = /^\S{1,63}$/;

type MemberMethods = "addMember" | "removeMember" | "promoteMember" | "transferLeadership";

/** The methods that change who belongs to the cluster, and who leads it. */
export function changeMembers(
  deps: ClusterServiceDeps,
): Pick<ServiceImpl<typeof ClusterService>, MemberMethods> {
  return {
    addMember: ({ name, address, passedOn }, { signal }) =>
      onLeader(deps, {
        passedOn,
        signal,
        there: (client, options) => client.addMember({ name, address, passedOn: true }, options),
        here: async ({ node }) => {
          const status = node.status();
          const member = await identify(deps, status, { name, address }, signal);
          if (!isThere(status, member)) {
            // A member that is there already has moved, or has another name now.
            const isMember = status.members.some(({ id }) => id === member.id);
            const kind = isMember ? "update" : "add-learner";
            await forOperator(node.changeMembership({ kind, member }, { signal }));
          }
          return { id: BigInt(member.id) };
        },
      }),
    removeMember: ({ id, passedOn }, { signal }) =>
      onLeader(deps, {
        passedOn,
        signal,
        there: (client, options) => client.removeMember({ id, passedOn: true }, options),
        here: async ({ node }) => {
          checkQuorum(node.status(), Number(id));
          await forOperator(node.changeMembership({ kind: "remove", id: Number(id) }, { signal }));
          return {};
        },
      }),
    promoteMember: ({ id, passedOn }, { signal }) =>
      onLeader(deps, {
        passedOn,
        signal,
        there: (client, options) => client.promoteMember({ id, passedOn: true }, options),
        here: async ({ node }) => {
          await forOperator(node.changeMembership({ kind: "promote", id: Number(id) }, { signal }));
          return {};
        },
      }),
    transferLeadership: ({ to, passedOn }, { signal }) =>
      onLeader(deps, {
        passedOn,
        signal,
        there: (client, options) => client.transferLeadership({ to, passedOn: true }, options),
        here: async ({ node }) => {
          await forOperator(node.transferLeadership(to === 0n ? undefined : Number(to), { signal }));
          return {};
        },
      }),
  };
}

/** Asks who is at an address, and whether it may become a member. */
async function identify(
  deps: ClusterServiceDeps,
  { clusterId, members }: NodeStatus,
  { name, address }: Omit<Member, "id">,
  signal: AbortSignal,
): Promise<Member> {
  if (!NAME.test(name))
    throw preconditionFailed(
      `expected a name of at most 63 letters without spaces, found ${JSON.stringify(name)}`,
    );
  if (!ADDRESS.test(address))
    throw preconditionFailed(`expected an address HOST:PORT, found ${JSON.stringify(address)}`);
  const known = members.find((member) => member.name === name && member.address === address);
  const found = await ask(deps, address, signal);
  const id = Number(found.nodeId);
  if (found.clusterId === clusterId && (known === undefined || known.id === id)) return { id, name, address };
  if (found.clusterId === "") {
    throw preconditionFailed(
      `the node at ${address} waits for no cluster; start it with --join and the address of a member, then add it`,
    );
  }
  throw preconditionFailed(
    found.clusterId === clusterId
      ? `member ${known?.id} has the name ${name} and the address ${address}, and node ${id} answers there now; remove member ${known?.id} first`
      : `the node at ${address} belongs to cluster ${found.clusterId}, this is ${clusterId}; give it an empty directory, and start it with --join`,
  );
}

async function ask({ clock, connect }: ClusterServiceDeps, address: string, signal: AbortSignal) {
  const connection = connect(address);
  try {
    return await withinTime({ clock, ms: IDENTIFY_MS, signal }, (ending) =>
      createClient(PeerService, connection.transport).identify({}, { signal: ending }),
    );
  } catch (error) {
    throw unavailable(
      `no storage node answers at ${address}; nothing was changed. Start it with --join and the address of a member, then add it`,
      error,
    );
  } finally {
    connection.close();
  }
}

/** A request that is repeated finds that it was carried out. */
function isThere({ members }: NodeStatus, { id, name, address }: Member): boolean {
  return members.some((member) => member.id === id && member.name === name && member.address === address);
}

/** Whoever is left has to be able to decide. What is wrong with the member itself, the node says. */
function checkQuorum(status: NodeStatus, id: number): void {
  const removed = status.members.find((member) => member.id === id);
  if (removed?.voter !== true) return;
  const left = votersWithout(status, id);
  if (left.voters === 0 || isMajority(left)) return;
  throw preconditionFailed(
    `without ${removed.name} there are ${left.voters} voters, of which ${left.live} can be reached: no majority, and the cluster would stop; ` +
      "start the others again, or remove those that are gone first",
  );
}
