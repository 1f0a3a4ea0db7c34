import { eventually } from "./program.ts";

/** Who signed a greeting, as a watch tells it. */
export interface Signatures {
  /** The names of all who signed, in order, each as often as it did. */
  readonly by: readonly string[];
  /** When, by this process's clock, somebody was first seen to sign after `fromMs`. */
  firstMs(name: string, fromMs: number): Promise<number>;
  close(): void;
}

/** Watches who signs. */
export async function watchSignatures(server: string): Promise<Signatures> {
  const left = new AbortController();
  const by: string[] = [];
  const atMs: number[] = [];
  const { body } = await fetch(`${server}/api/hello/v1/greeting?watch`, { signal: left.signal });
  if (body === null) throw new Error("a watch has a body");
  void (async () => {
    let text = "";
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const name = /"message": ?"by (\S+) \d+"/.exec(line)?.[1];
        if (name === undefined) continue;
        by.push(name);
        atMs.push(performance.now());
      }
    }
  })().catch(() => undefined);
  return {
    by,
    async firstMs(name, fromMs) {
      const at = await eventually(() => {
        const index = by.findIndex((one, position) => one === name && (atMs[position] ?? 0) > fromMs);
        return index === -1 ? undefined : atMs[index];
      });
      if (at === undefined) throw new Error(`expected ${name} to sign, found ${[...new Set(by)].join(", ")}`);
      return at;
    },
    close: () => left.abort(),
  };
}
