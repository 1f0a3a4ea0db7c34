import { parseClusterSecret } from "@trellis/authz";
import { optional, readOptionFile, repeated, text } from "@trellis/server";

/** What every gateway is told by its flags. */
export const gatewayOptions = {
  domain: repeated(text("MODULE"), {
    help: "A domain whose types to serve: a package, or a path",
    group: "Resources",
  }),
  clusterSecret: optional(text("FILE"), {
    help: "A file with the cluster's secret, by which controller managers act as the system",
    group: "Security",
  }),
};

/** The secret in the file that `--cluster-secret` names; undefined without one. Throws a ConfigError that says what is wrong with it. */
export function clusterSecretIn(
  file: string | undefined,
  readFile: (path: string) => string,
): string | undefined {
  return file === undefined
    ? undefined
    : readOptionFile("cluster-secret", file, readFile, parseClusterSecret);
}
