import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import {
  ClusterService,
  type GetStatusResponse,
  type MemberStatus,
  MemberStatus_Role as Role,
  MemberStatus_State as State,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb";

import type { RunningCluster } from "./running-cluster.ts";

/** How long one call may take, unless its caller has more patience. */
const CALL_MS = 10_000;
/** A connection without calls is closed after this: whoever counts connections is not to find those of an operator. */
const IDLE_MS = 5_000;
const LOOK_EVERY_MS = 100;
/** A member so near to the others has caught up. */
const CAUGHT_UP = 1_000n;

/** What an operator asks of a cluster, at whichever of its servers answers. */
export class Operator {
  readonly #servers: readonly {
    readonly client: Client<typeof ClusterService>;
    readonly close: () => void;
  }[];

  constructor(urls: readonly string[]) {
    this.#servers = urls.map((baseUrl) => {
      const sessionManager = new Http2SessionManager(baseUrl, { idleConnectionTimeoutMs: IDLE_MS });
      const transport = createConnectTransport({ baseUrl, httpVersion: "2", sessionManager });
      return { client: createClient(ClusterService, transport), close: () => sessionManager.abort() };
    });
  }

  /** Asks the servers one after the other; the last error when none answers. */
  async ask<Answer>(
    call: (client: Client<typeof ClusterService>, options: { readonly timeoutMs: number }) => Promise<Answer>,
    timeoutMs = CALL_MS,
  ): Promise<Answer> {
    let failure: unknown = new Error("there is no server to ask");
    for (const { client } of this.#servers) {
      try {
        return await call(client, { timeoutMs });
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async status(): Promise<GetStatusResponse> {
    return await this.ask((client, options) => client.getStatus({}, options));
  }

  /** Who leads now. Throws when nobody does. */
  async leader(): Promise<MemberStatus> {
    const { leaderId, members } = await this.status();
    const leader = members.find(({ id }) => id === leaderId);
    if (leader === undefined) throw new Error("nobody leads");
    return leader;
  }

  /** Resolves with the status once there are so many voters, and all members are well and have caught up. */
  async healthy(voters: number, limitMs: number): Promise<GetStatusResponse> {
    let last = "";
    for (const untilMs = performance.now() + limitMs; performance.now() < untilMs;) {
      try {
        const status = await this.status();
        if (isHealthy(status, voters)) return status;
        last = `${status.members.map(describeMember).join(", ")}; ${status.problems.join("; ")}`;
      } catch (error) {
        last = (error as Error).message;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    throw new Error(`the cluster has no ${voters} voters that are well within ${limitMs} ms: ${last}`);
  }

  close(): void {
    for (const { close } of this.#servers) close();
  }
}

/** An operator who can ask every server of a cluster. */
export function operatorOf({ processes }: Pick<RunningCluster, "processes">): Operator {
  return new Operator(processes.filter(({ kind }) => kind !== "manager").map(({ url }) => url));
}

function isHealthy({ healthy, members }: GetStatusResponse, voters: number): boolean {
  const voting = members.filter(({ role }) => role === Role.VOTER);
  return healthy && voting.length === voters && members.every(isWell);
}

function isWell({ state, lag, appliedIndex }: MemberStatus): boolean {
  return state !== State.UNREACHABLE && appliedIndex > 0n && lag <= CAUGHT_UP;
}

function describeMember({ name, state, lag, role }: MemberStatus): string {
  return `${name} ${wordOf(State, state)} ${wordOf(Role, role)}, behind by ${lag}`;
}

function wordOf(words: Readonly<Record<string, number>>, value: number): string {
  return (
    Object.keys(words)
      .find((word) => words[word] === value)
      ?.toLowerCase() ?? String(value)
  );
}
