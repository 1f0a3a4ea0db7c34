/** The bench itself cannot go on, or finds that an answer is not the one that it must be. */
export class BenchError extends Error {
  override readonly name = "BenchError";
}
