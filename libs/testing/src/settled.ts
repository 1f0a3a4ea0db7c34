import type { ControllerRuntime } from "@trellis/controller/runtime";
import { type Backend, WILDCARD } from "@trellis/storage";

/** Turns of the event loop that controllers may take to come to rest. */
const MAX_TURNS = 20_000;
/** Consecutive looks that must find everything at rest: a change on its way shows in between. */
const CALM_LOOKS = 3;

/** Resolves once every cache shows what is stored, and no controller has anything to do. */
export async function untilSettled(runtime: ControllerRuntime, backend: Backend): Promise<void> {
  let calm = 0;
  let version: number | undefined;
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const present = backend.position().version;
    const unmoved = version === present;
    version = present;
    calm = unmoved && runtime.status().idle && (await cachesAreCurrent(runtime, backend)) ? calm + 1 : 0;
    if (calm === CALM_LOOKS) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const busy = runtime.status().controllers.filter(({ idle }) => !idle);
  throw new Error(`the controllers did not settle: ${JSON.stringify(busy)}`);
}

async function cachesAreCurrent(runtime: ControllerRuntime, backend: Backend): Promise<boolean> {
  for (const { type, size, get } of [...runtime.caches.values()].map((cache) => ({
    type: cache.type,
    size: cache.size,
    get: cache.get.bind(cache),
  }))) {
    const { group, kind, groupVersion } = type;
    const { records } = await backend.list({ group, kind, partition: WILDCARD, namespace: WILDCARD });
    const shown = records.filter((record) => record.groupVersion === groupVersion);
    if (shown.length > size) return false;
    const current = shown.every(
      ({ key, version }) =>
        get(`${key.partition}\0${key.namespace}\0${key.name}`)?.version === String(version),
    );
    if (!current) return false;
  }
  return true;
}
