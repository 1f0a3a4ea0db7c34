import type { ConnectRouter } from "@connectrpc/connect";
import demo from "@trellis/demo";
import { createRegistry } from "@trellis/registry";
import { createResourceService } from "@trellis/resource-service";
import { createRoutedBackend, type RoutedBackend, type RoutingDeps } from "@trellis/routing";
import type { Operation, TypeQuery } from "@trellis/storage";

import { observedLinks } from "./observed-link.ts";
import type { RunningRouter } from "./router-machine.ts";
import type { Submissions } from "./submissions.ts";

/** What clients of a gateway are served with. */
export interface Gateway {
  readonly backend: RoutedBackend;
  /** Whether a commit was refused earlier than its answer says: what it shows was read again. */
  readonly wasRemembered: (operations: readonly Operation[]) => boolean;
}

export interface GatewayParts {
  readonly deps: RoutingDeps;
  readonly servers: readonly string[];
  readonly submissions: Submissions;
  /** Told when a watch goes on at another server than the one it was at. */
  readonly onReplicaChanged: () => void;
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
  submissions,
  onReplicaChanged,
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
  });
  const backend = createRoutedBackend({ ...deps, openLink }, { servers, watchCommits: WATCH_COMMITS });
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

function scopeOf({ group, kind, partition, namespace }: TypeQuery): string {
  return [group, kind, partition, namespace].join("\0");
}
