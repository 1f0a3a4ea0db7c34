import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport, type Transport } from "@connectrpc/connect";
import {
  ClusterService,
  GetStatusResponseSchema,
  MemberStatus_Role as Role,
  MemberStatus_State as State,
  type MemberStatusSchema,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb";

type Init = MessageInitShape<typeof MemberStatusSchema>;

/** A cluster that says what a test tells it to, and notes what it is asked for. */
export class StubCluster {
  readonly asked: string[] = [];
  members: Init[] = [
    member(1n, { state: State.LEADER }),
    member(2n, { loopDelayMs: 12.34, oldestWriteMs: 1.26 }),
    member(3n, {}),
  ];
  leaderId = 1n;
  problems: string[] = [];
  /** How far a learner lags at one look after the other. */
  lags: bigint[] = [];
  readonly transport: Transport;

  constructor() {
    this.transport = createRouterTransport((router) => {
      router.service(ClusterService, {
        getStatus: () => this.#status(),
        addMember: ({ name, address }) => {
          this.asked.push(`add ${name} ${address}`);
          const there = this.members.find((one) => one.name === name)?.id;
          if (there !== undefined) return { id: there };
          this.members.push(member(4n, { role: Role.LEARNER, state: State.LEARNER }));
          return { id: 4n };
        },
        removeMember: ({ id }) => this.#note(`remove ${id}`),
        promoteMember: ({ id }) => {
          if (id !== 4n) throw new ConnectError(`member ${id} votes already`, Code.FailedPrecondition);
          return this.#note(`promote ${id}`);
        },
        transferLeadership: ({ to }) => this.#note(`transfer ${to}`),
      });
    });
  }

  #note(what: string): object {
    this.asked.push(what);
    return {};
  }

  #status() {
    const lag = (this.members.some(({ id }) => id === 4n) ? this.lags.shift() : undefined) ?? 0n;
    const members = this.members.map((one) =>
      one.id === 4n ? { ...one, lag, appliedIndex: 5_000n - lag } : one,
    );
    return create(GetStatusResponseSchema, {
      clusterId: "c".repeat(32),
      leaderId: this.leaderId,
      term: 7n,
      healthy: this.problems.length === 0,
      problems: this.problems,
      members,
      committedIndex: 5_000n,
    });
  }
}

/** A member of the stub. */
export function member(id: bigint, init: Init): Init {
  return {
    id,
    name: `n${id}`,
    address: `127.0.0.1:${7510n + id}`,
    role: Role.VOTER,
    state: State.FOLLOWER,
    term: 7n,
    appliedIndex: 5_000n,
    pid: 1000 + Number(id),
    hasSpace: true,
    loopDelayMs: 1,
    ...init,
  };
}
