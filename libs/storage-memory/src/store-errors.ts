import { StorageError, type Version } from "@trellis/storage";

import type { Store } from "./store.ts";

/** Another store's version was named. */
export function storeChanged(expected: string, found: string): StorageError {
  return new StorageError(
    "store-changed",
    `this is store ${expected}, found a version of store ${found}; versions of one mean nothing to another, begin again`,
  );
}

/** A list of a version that is neither in the history nor pinned. */
export function versionGone(store: Store, version: Version): StorageError {
  return new StorageError(
    "version-gone",
    `the store keeps versions from ${store.history.startVersion}, found ${version}; list again from the start`,
  );
}

/** A watch cannot resume so far back. */
export function historyGone(store: Store, since: Version): StorageError {
  return new StorageError(
    "history-gone",
    `the history reaches back to version ${store.history.startVersion}, cannot resume after ${since}; watch from a new snapshot`,
  );
}

/** The history went past a watch. `resumeVersion` is absent while its snapshot is not whole. */
export function slowWatcher(resumeVersion: Version | undefined): StorageError {
  const advice = resumeVersion === undefined ? "begin again" : `resume after version ${resumeVersion}`;
  return new StorageError(
    "slow-watcher",
    `the watch read so slowly that the history went past it; ${advice} and read faster`,
    resumeVersion === undefined ? undefined : { resumeVersion },
  );
}

/** A watch read its snapshot so slowly that the version is no longer kept. */
export function snapshotGone(version: Version, cause: StorageError): StorageError {
  return new StorageError(
    "slow-watcher",
    `the watch read its snapshot of version ${version} so slowly that the store no longer keeps it; begin again and read faster`,
    { cause },
  );
}

/** The backend was closed. */
export function closedError(): StorageError {
  return new StorageError("unavailable", "the backend is closed; open it again");
}

/** A read was ended by its caller. */
export function aborted(): StorageError {
  return new StorageError("aborted", "the caller ended the read by its signal");
}
