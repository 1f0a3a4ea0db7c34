import { runProgram } from "@trellis/testkit";

import { inRepository } from "../repository.ts";

/** The command line as npm links it. */
const TRELLIS = inRepository("node_modules/.bin/trellis");

/** Somebody who works with the catalog of the examples, with the command line at one server. Every command must do what it says, and say nothing else. */
export class CatalogUser {
  readonly #server: string;

  constructor(server: string) {
    this.#server = server;
  }

  /** Runs `trellis COMMAND`; what it printed. Throws when it fails, or has something to complain about. */
  async trellis(command: string, input = ""): Promise<string> {
    const env = { TRELLIS_SERVER: this.#server };
    const { exitCode, stdout, stderr } = await runProgram(TRELLIS, command.split(" "), { input, env });
    if (exitCode !== 0 || stderr !== "")
      throw new Error(`trellis ${command}: exit code ${exitCode}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Applies the examples; the last line of what that says. */
  async apply(): Promise<string | undefined> {
    return (await this.trellis("apply -f examples/catalog")).trimEnd().split("\n").at(-1);
  }

  /** The health of each workload behind a service. */
  async endpoints(service: string): Promise<ReadonlyMap<string, string>> {
    const { data } = JSON.parse(await this.trellis(`get serviceendpoints ${service} -o json`)) as {
      readonly data: {
        readonly endpoints: readonly {
          readonly targetRef: { readonly name: string };
          readonly healthStatus: string;
        }[];
      };
    };
    return new Map(data.endpoints.map(({ targetRef, healthStatus }) => [targetRef.name, healthStatus]));
  }
}
