import type { ClusterProcess } from "./cluster-shape.ts";

const LOOK_EVERY_MS = 200;
const PROBE_MS = 2_000;

/** Waits until all say that they are ready; false when the signal comes first. */
export async function awaitReady(
  processes: readonly Pick<ClusterProcess, "url">[],
  signal: AbortSignal,
): Promise<boolean> {
  let waiting = [...processes];
  while (!signal.aborted) {
    const answers = await Promise.all(waiting.map(isReady));
    waiting = waiting.filter((_, at) => answers[at] !== true);
    if (waiting.length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return false;
}

/** Whether a process answers that it is ready. */
export async function isReady({ url }: Pick<ClusterProcess, "url">): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PROBE_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
