const BETWEEN_TRIES_MS = 5;

/** Tries again until a check holds, for what happens in real time: sockets close, a server learns that a client went. Answers what it gives; throws the last failure at the end. */
export async function eventually<T>(check: () => T | Promise<T>, timeoutMs: number): Promise<T> {
  for (const endsMs = performance.now() + timeoutMs; ;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > endsMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
    }
  }
}
