import { RaftNodeError } from "./errors.ts";

/** Keeps a node out of a cluster whose log may hold commands that it does not know. Throws `unsupported`. */
export function checkFeatureLevel({
  cluster,
  supported,
}: {
  readonly cluster: number;
  readonly supported: number;
}): void {
  if (cluster <= supported) return;
  throw new RaftNodeError(
    "unsupported",
    `the cluster is at feature level ${cluster}, this version supports ${supported}; start a newer version`,
  );
}
