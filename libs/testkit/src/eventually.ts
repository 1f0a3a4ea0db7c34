const BETWEEN_TRIES_MS = 5;

/** Tries again until a check holds, for what happens in real time: sockets close, a server learns that a client went. Throws the last failure at the end. */
export async function eventually(check: () => void | Promise<void>, timeoutMs: number): Promise<void> {
  for (const endsMs = performance.now() + timeoutMs; ;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > endsMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
    }
  }
}
