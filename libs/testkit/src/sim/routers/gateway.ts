import type { ConnectRouter } from "@connectrpc/connect";
import demo from "@trellis/demo";
import { createRegistry } from "@trellis/registry";
import { createResourceService } from "@trellis/resource-service";
import { createRoutedBackend, type RoutedBackend, type RoutingDeps } from "@trellis/routing";
import type { Backend, Operation, TypeQuery } from "@trellis/storage";

import { observedLinks } from "./observed-link.ts";
import type { RunningRouter } from "./router-machine.ts";
import type { Submissions } from "./submissions.ts";

/** What clients of a gateway are served with. */
export interface Gateway {
  readonly backend: Backend;
  /** Whether a commit was refused earlier than its answer says: what it shows was read again. */
  readonly wasRemembered: (operations: readonly Operation[]) => boolean;
}

export interface GatewayParts {
  readonly deps: RoutingDeps;
  readonly servers: readonly string[];
  /** Whether it is in the process of a storage node: only then it may read at once. */
  readonly isMember: boolean;
  readonly submissions: Submissions;
  /** Told when a watch goes on at another server than the one it was at. */
  readonly onReplicaChanged: () => void;
  /** Told when the replica of its own process answers a read at once. */
  readonly onReadAtOnce: () => void;
  /** Serves the resource service. */
  readonly listen: (routes: (router: ConnectRouter) => void) => void;
}

const registry = createRegistry([demo]);

/** So few that a watch which is not read falls behind. */
const WATCH_COMMITS = 12;

/** A gateway: the backend as its clients see it, and the resource service on it for those who use the SDK. */
export function runGateway({
  deps,
  servers,
  isMember,
  submissions,
  onReplicaChanged,
  onReadAtOnce,
  listen,
}: GatewayParts): RunningRouter<Gateway> & { readonly service: Gateway } {
  const remembered = new WeakSet<readonly Operation[]>();
  const watchedAt = new Map<string, string>();
  const openLink = observedLinks(deps.openLink, {
    submits(request, operations) {
      submissions.originSends(request);
      return (outcome) => {
        if (outcome.status === "rejected") return;
        if (outcome.value.outcome === "refused" && outcome.value.isRemembered) remembered.add(operations);
      };
    },
    watches(address, query) {
      const scope = scopeOf(query);
      const before = watchedAt.get(scope);
      watchedAt.set(scope, address);
      if (before !== undefined && before !== address) onReplicaChanged();
    },
    readsAtOnce: onReadAtOnce,
  });
  const routed = createRoutedBackend({ ...deps, openLink }, { servers, watchCommits: WATCH_COMMITS });
  const backend = isMember ? routed : waiting(routed);
  const service = {
    backend,
    wasRemembered: (operations: readonly Operation[]) => remembered.has(operations),
  };
  const resources = createResourceService({ registry, backend, clock: deps.clock, random: deps.random });
  listen(resources.routes.connect);
  const stop = async (): Promise<void> => {
    await resources.stop();
    await backend.close();
  };
  return { service, stop };
}

/** A backend that is asked for nothing at once, as that of a cluster elsewhere is given to a gateway. */
function waiting(backend: RoutedBackend): Backend {
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (key, options) => backend.read(key, options),
    list: (query, options) => backend.list(query, options),
    commit: (operations, options) => backend.commit(operations, options),
    watch: (query, options) => backend.watch(query, options),
    close: () => backend.close(),
  };
}

function scopeOf({ group, kind, partition, namespace }: TypeQuery): string {
  return [group, kind, partition, namespace].join("\0");
}
