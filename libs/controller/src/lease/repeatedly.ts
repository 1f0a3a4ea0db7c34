import type { Clock, Random } from "@trellis/resource";

/** How much longer an interval may be than it says, so that processes that started together do not do the same at the same time. */
const SPREAD = 0.25;

/** Performs something again and again, each time an interval after the last was through, and up to a quarter of it later at random; until the answer is called. It must not fail. */
export function repeatedly({
  clock,
  random,
  everyMs,
  perform,
}: {
  readonly clock: Clock;
  readonly random: Random;
  readonly everyMs: number;
  readonly perform: () => Promise<void>;
}): () => void {
  let stopped = false;
  let cancel = (): void => undefined;
  const schedule = (): void => {
    if (stopped) return;
    cancel = clock.after(everyMs * (1 + random() * SPREAD), () => void perform().then(schedule));
  };
  schedule();
  return () => {
    stopped = true;
    cancel();
  };
}
