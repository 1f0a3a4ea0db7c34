import { type Address, addressText, ConfigError } from "@trellis/server";
import type { StorageNodeConfig } from "@trellis/storage-raft";

import { isReachable, parseInitialCluster } from "./initial-cluster.ts";

/** What an operator says of a node's place in a cluster. */
export interface PlaceOptions {
  readonly name: string | undefined;
  readonly listen: Address;
  readonly advertise: Address | undefined;
  readonly initialCluster: readonly string[];
  readonly join: readonly Address[];
}

/** What a node is called, where others reach it, and how it comes to its cluster. Throws a ConfigError. */
export function nodePlace(options: PlaceOptions): Pick<StorageNodeConfig, "name" | "address" | "entry"> {
  const { listen, advertise = listen, join } = options;
  if (!isReachable(advertise)) {
    const flag = options.advertise === undefined ? "--listen" : "--advertise";
    throw new ConfigError([
      `${flag}: expected an address at which others reach this node, found ${addressText(advertise)}: say it with --advertise HOST:PORT`,
    ]);
  }
  const address = addressText(advertise);
  const members = parseInitialCluster(options.initialCluster);
  if (members.length > 0 && join.length > 0)
    throw new ConfigError([
      "--join: expected it alone, found --initial-cluster too: a node forms a cluster, or joins one",
    ]);
  if (join.length > 0) {
    const addresses = join.map(addressText).filter((other) => other !== address);
    if (addresses.length === 0)
      throw new ConfigError([
        `--join: expected the address of another node, found this node's own, ${address}`,
      ]);
    return { name: options.name ?? address, address, entry: { kind: "join", addresses } };
  }
  if (members.length === 0) return { name: options.name ?? address, address };
  return { ...placeIn(members, address, options.name), address, entry: { kind: "form", members } };
}

function placeIn(
  members: ReturnType<typeof parseInitialCluster>,
  address: string,
  given: string | undefined,
): { readonly name: string } {
  const names = members.map(({ name, address: at }) => `${name}=${at}`).join(",");
  const self = members.find((member) => member.address === address);
  if (self === undefined) {
    throw new ConfigError([
      `--initial-cluster: expected this node's address ${address} in the list, found ${names}: add it, or say with --advertise where this node is`,
    ]);
  }
  if (given !== undefined && given !== self.name) {
    throw new ConfigError([
      `--name: expected the name that --initial-cluster gives to ${address}, ${self.name}; found ${given}`,
    ]);
  }
  return { name: self.name };
}
