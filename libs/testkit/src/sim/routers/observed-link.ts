import type { Operation, SessionRequest, Submitted, TypeQuery, Watch, WatchOptions } from "@trellis/storage";
import type { OpenStorageLink, StorageLink } from "@trellis/storage/wire";

/** What is looked at on the links of one process. */
export interface LinkObserver {
  /** A commit is sent; the answer looks at what becomes of it. */
  submits(
    request: SessionRequest,
    operations: readonly Operation[],
  ): (outcome: PromiseSettledResult<Submitted>) => void;
  /** A watch is opened at a server. */
  watches(address: string, query: TypeQuery, options: WatchOptions): void;
  /** A read was answered at once. */
  readsAtOnce(): void;
}

/** Links that somebody looks at; they do what they did. */
export function observedLinks(open: OpenStorageLink, observer: LinkObserver): OpenStorageLink {
  return async (address, signal) => observed(await open(address, signal), address, observer);
}

function observed(link: StorageLink, address: string, observer: LinkObserver): StorageLink {
  return {
    capabilities: link.capabilities,
    ended: link.ended,
    get status() {
      return link.status;
    },
    get pendingCalls() {
      return link.pendingCalls;
    },
    onStatus: (listener) => link.onStatus(listener),
    position: () => link.position(),
    readNow(key, options) {
      const found = link.readNow?.(key, options);
      if (found !== undefined) observer.readsAtOnce();
      return found;
    },
    read: (key, options) => link.read(key, options),
    list: (query, options) => link.list(query, options),
    commit: (operations, options) => link.commit(operations, options),
    openSession: (id, options) => link.openSession(id, options),
    keepAlive: (session, options) => link.keepAlive(session, options),
    close: () => link.close(),
    watch(query: TypeQuery, options: WatchOptions = {}): Watch {
      const watch = link.watch(query, options);
      observer.watches(address, query, options);
      return watch;
    },
    async submit(request, operations, options) {
      const look = observer.submits(request, operations);
      try {
        const value = await link.submit(request, operations, options);
        look({ status: "fulfilled", value });
        return value;
      } catch (reason) {
        look({ status: "rejected", reason });
        throw reason;
      }
    },
  };
}
