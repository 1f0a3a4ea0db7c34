/** Milliseconds of the units of `grpc-timeout` (gRPC over HTTP/2, "Timeout"). */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The headers by which a caller says how long it waits. */
export type TimeoutHeader = "connect-timeout-ms" | "grpc-timeout";

/** What a header of that name means, in milliseconds. Undefined for what is no timeout. */
export function timeoutMsOf(name: TimeoutHeader, value: string | readonly string[]): number | undefined {
  const text = String(value);
  if (name === "connect-timeout-ms") return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  const [, count, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNIT_MS[unit] ?? 0);
}

/**
 * Cuts a longer deadline than the server keeps to the longest one: clients that mean "no deadline" send centuries. Anything that is no timeout
 * is left for the protocol to refuse.
 */
export function limitTimeouts(headers: Headers, maxTimeoutMs: number): void {
  const isLonger = (name: TimeoutHeader): boolean =>
    (timeoutMsOf(name, headers.get(name) ?? "") ?? 0) > maxTimeoutMs;
  if (isLonger("grpc-timeout")) headers.set("grpc-timeout", `${Math.floor(maxTimeoutMs / 1_000)}S`);
  if (isLonger("connect-timeout-ms")) headers.set("connect-timeout-ms", String(maxTimeoutMs));
}
