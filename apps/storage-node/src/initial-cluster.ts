import { addressText, type Address, ConfigError, parseAddress } from "@trellis/server";

/** One of the nodes that form a cluster. */
export interface FirstNode {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
}

const NAME = /^[^\s,=]{1,63}$/;

/** Reads `NAME=HOST:PORT`, several in one value between commas. Throws a ConfigError that names what is wrong. */
export function parseInitialCluster(values: readonly string[]): readonly FirstNode[] {
  return values
    .flatMap((value) => value.split(","))
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(parseNode);
}

function parseNode(part: string): FirstNode {
  const cut = part.indexOf("=");
  const [name, at] = [part.slice(0, Math.max(0, cut)), part.slice(cut + 1)];
  const address = reachable(at);
  if (cut < 0 || !NAME.test(name) || address === undefined) {
    throw new ConfigError([
      `--initial-cluster: expected NAME=HOST:PORT of each node, as in node-1=10.0.0.1:7511,node-2=10.0.0.2:7511; found "${part}"`,
    ]);
  }
  return { name, address };
}

/** An address that others can use: with a host, and a port that is known. */
function reachable(text: string): string | undefined {
  try {
    const address = parseAddress(text);
    return isReachable(address) ? addressText(address) : undefined;
  } catch {
    return undefined;
  }
}

const EVERYWHERE = ["::", "0.0.0.0", ""];

/** Whether an address says where somebody is, and not only where to listen. */
export function isReachable({ host, port }: Address): boolean {
  return port !== 0 && !EVERYWHERE.includes(host);
}
