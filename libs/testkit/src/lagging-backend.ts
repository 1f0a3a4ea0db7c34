import type {
  Backend,
  Key,
  ListOptions,
  OwnerQuery,
  ReadOptions,
  ReadResult,
  TypeQuery,
  Version,
} from "@trellis/storage";

/** A backend whose eventual reads and lists lag behind, as those of a follower do. */
export interface LaggingBackend extends Backend {
  /**
   * Chooses the version that the next eventual read or list shows, between the oldest that this reader may see and the present. By default, and for
   * strong reads always, the present.
   */
  lag: (oldest: Version, present: Version) => Version;
}

/**
 * Wraps a backend that can show older versions. Eventual reads show what `lag` says; never less than the caller's minimum. What a real follower may
 * not do either, it does not: commits, strong reads and pages of one version are those of the backend.
 */
export function laggingBackend(backend: Backend): LaggingBackend {
  const oldest = backend.position().version;
  const shownVersion = ({ consistency, minimum }: ReadOptions): Version => {
    const present = backend.position().version;
    const least = minimum !== undefined && minimum.version > oldest ? minimum.version : oldest;
    return consistency === "strong" || least >= present ? present : lagging.lag(least, present);
  };
  const list = (query: TypeQuery | OwnerQuery, options: ListOptions = {}) =>
    backend.list(query, { ...options, atVersion: options.atVersion ?? shownVersion(options) });
  const lagging: LaggingBackend = {
    capabilities: backend.capabilities,
    lag: (_, present) => present,
    position: () => backend.position(),
    async read({ group, kind, partition, namespace, name }: Key, options = {}): Promise<ReadResult> {
      const { records, position } = await list({ group, kind, partition, namespace, name }, options);
      return { record: records[0], position };
    },
    list,
    commit: (operations, options) => backend.commit(operations, options),
    watch: (query, options) => backend.watch(query, options),
    close: () => backend.close(),
  };
  return lagging;
}
