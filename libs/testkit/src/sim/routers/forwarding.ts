import type { ConnectRouter } from "@connectrpc/connect";
import { createForwardingPart, type RoutingDeps } from "@trellis/routing";
import { StorageError } from "@trellis/storage";
import type { NextTurn } from "@trellis/storage/wire";

import { observedLinks } from "./observed-link.ts";
import type { RunningRouter } from "./router-machine.ts";
import type { Submissions } from "./submissions.ts";

export interface ForwardingParts {
  readonly deps: RoutingDeps & { readonly nextTurn: NextTurn };
  readonly name: string;
  readonly servers: readonly string[];
  readonly submissions: Submissions;
  /** Serves what the part serves. */
  readonly listen: (routes: (router: ConnectRouter) => void) => void;
}

/** A forwarder, as its clients call it. */
export function runForwarding({
  deps,
  name,
  servers,
  submissions,
  listen,
}: ForwardingParts): RunningRouter<never> {
  const openLink = observedLinks(deps.openLink, {
    submits(request) {
      const takeBack = submissions.forwarderSends(name, request);
      return (outcome) => {
        if (outcome.status === "rejected" && isNotApplied(outcome.reason)) takeBack();
      };
    },
    watches: () => undefined,
    readsAtOnce: () => undefined,
  });
  const part = createForwardingPart({ ...deps, openLink }, { name, servers });
  listen(part.routes.connect);
  return { service: undefined, stop: () => part.stop() };
}

function isNotApplied(error: unknown): boolean {
  return StorageError.is(error) && error.code === "unavailable";
}
