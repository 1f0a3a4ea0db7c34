/** Asks a Node process that was started with `--inspect` for its heap. */
export interface HeapProbe {
  /** Bytes in use after a forced collection. */
  usedAfterCollection(): Promise<number>;
  close(): void;
}

interface Reply {
  readonly id?: number;
  readonly result?: { readonly usedSize?: number };
}

/** Connects to the inspector at a `ws://` URL. */
export async function openHeapProbe(url: string): Promise<HeapProbe> {
  const socket = new WebSocket(url);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`no inspector answers at ${url}`));
  });
  const waiting = new Map<number, (reply: Reply) => void>();
  socket.onmessage = ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply;
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  };
  let lastId = 0;
  const call = (method: string): Promise<Reply> => {
    lastId += 1;
    const id = lastId;
    return new Promise((resolve) => {
      waiting.set(id, (reply) => {
        waiting.delete(id);
        resolve(reply);
      });
      socket.send(JSON.stringify({ id, method }));
    });
  };
  await call("HeapProfiler.enable");
  return {
    async usedAfterCollection() {
      // The second collection frees what finalizers of the first let go.
      await call("HeapProfiler.collectGarbage");
      await call("HeapProfiler.collectGarbage");
      const { result } = await call("Runtime.getHeapUsage");
      return result?.usedSize ?? 0;
    },
    close: () => socket.close(),
  };
}
