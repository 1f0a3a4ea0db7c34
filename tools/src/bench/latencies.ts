/** Latencies of one scenario, in milliseconds, and their percentiles. */
export class Latencies {
  readonly #samplesMs: number[] = [];

  record(latencyMs: number): void {
    this.#samplesMs.push(latencyMs);
  }

  get count(): number {
    return this.#samplesMs.length;
  }

  /** The smallest latency that at least `fraction` of the samples do not exceed; 0 without samples. */
  percentile(fraction: number): number {
    const sorted = this.#samplesMs.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? 0;
  }
}
