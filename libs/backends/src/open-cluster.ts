import { createOperators, createRoutedBackend, type RoutedBackend } from "@trellis/routing";
import { type OpenStorageLink, type StorageLink, storageLinks } from "@trellis/storage/wire";

import type { BackendDeps, OpenedBackend } from "./open-backend.ts";

/** Opens the storage of a cluster elsewhere, which need not be there yet; the servers as `host:port`, the nearest first. */
export function openCluster(
  deps: BackendDeps,
  { servers }: { readonly servers: readonly string[] },
): OpenedBackend {
  return opened(routed(deps, servers, linksOf(deps)));
}

/** A storage node in this process. */
export interface OwnNode {
  /** Where the others reach it: `host:port`. */
  readonly address: string;
  readonly openLink: () => StorageLink;
  /** Why it cannot serve the store yet, in words that follow "it is so, since"; undefined while it can. */
  readonly notReady: () => string | undefined;
}

/**
 * Opens the storage of a cluster of which a node runs in this process: that one is asked without a wire, first of all replicas, and the other members, which it names, over the network:
 * what is for the leader, and all else while this one cannot answer.
 */
export function openMember(deps: BackendDeps, node: OwnNode): OpenedBackend {
  const { address, openLink } = node;
  const others = linksOf(deps);
  const links: OpenStorageLink = async (server, signal) =>
    server === address ? openLink() : await others(server, signal);
  const backend = routed(deps, [address], links);
  return {
    ...opened(backend, () => backend.reached() ?? address),
    readNow: (key, options) => backend.readNow?.(key, options),
    waitsFor() {
      const reason = backend.waitsFor();
      const why = reason === undefined ? undefined : node.notReady();
      return why === undefined ? reason : `${reason}, since ${why}`;
    },
  };
}

function linksOf({ clock, nextTurn = (callback) => setImmediate(callback) }: BackendDeps): OpenStorageLink {
  return storageLinks({ clock, nextTurn }, { client: `gateway of process ${process.pid}` });
}

function routed(
  { clock, random, onEvent }: BackendDeps,
  servers: readonly string[],
  openLink: OpenStorageLink,
): RoutedBackend {
  return createRoutedBackend({ openLink, clock, random, onEvent }, { servers });
}

function opened(
  backend: RoutedBackend,
  reached: () => string | undefined = () => backend.reached(),
): OpenedBackend {
  const operators = createOperators(reached);
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (key, options) => backend.read(key, options),
    list: (query, options) => backend.list(query, options),
    commit: (operations, options) => backend.commit(operations, options),
    watch: (query, options) => backend.watch(query, options),
    waitsFor: () => backend.waitsFor(),
    operatorRoutes: operators.routes,
    async close() {
      operators.close();
      await backend.close();
    },
  };
}
