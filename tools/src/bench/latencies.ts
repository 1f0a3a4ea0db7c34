/** Latencies of one scenario, in milliseconds, and their percentiles. */
export class Latencies {
  #samplesMs: number[] = [];
  #sorted = true;

  record(latencyMs: number): void {
    this.#samplesMs.push(latencyMs);
    this.#sorted = false;
  }

  get count(): number {
    return this.#samplesMs.length;
  }

  /** The smallest latency that at least `fraction` of the samples do not exceed; 0 without samples. */
  percentile(fraction: number): number {
    if (!this.#sorted) {
      this.#samplesMs = this.#samplesMs.toSorted((a, b) => a - b);
      this.#sorted = true;
    }
    return this.#samplesMs[Math.max(0, Math.ceil(this.#samplesMs.length * fraction) - 1)] ?? 0;
  }
}
