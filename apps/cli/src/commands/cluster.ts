import type { Command } from "commander";

import { EXIT } from "../errors.ts";
import type { Session } from "../session.ts";
import { parseDuration } from "../waiting/duration.ts";
import { addCommand, type CommandContext, outputOption } from "./command-context.ts";

/** `trellis cluster`: who belongs to a cluster of storage nodes, and how it is. What it needs besides is loaded by the commands themselves. */
export function addClusterCommand(program: Command, context: CommandContext): void {
  const cluster = addCommand(program, "cluster", {
    description: "show and change the members of a cluster of storage nodes",
    examples: ["status", "add n4=10.0.0.4:7511", "remove n2"],
  });
  cluster.helpCommand(false);
  addStatus(cluster, context);
  addAdd(cluster, context);
  addRemove(cluster, context);
  addPromote(cluster, context);
  addTransfer(cluster, context);
  addCheck(cluster, context);
  addRecover(cluster, context);
}

function addStatus(cluster: Command, context: CommandContext): void {
  const status = addCommand(cluster, "status", {
    description: "show the members of the cluster, who leads, and how each of them is",
    examples: ["", "-o json", "--server http://127.0.0.1:7511"],
  });
  status.addOption(outputOption(["table", "json"])).action(({ output }: { output: string }) =>
    context.run(status, async (session) => {
      const { clusterStatus } = await import("../cluster/ask-cluster.ts");
      const { statusJson, statusText } = await import("../cluster/status-report.ts");
      const found = await clusterStatus(session);
      const { stdout, colour } = session.environment;
      stdout(output === "json" ? statusJson(found) : statusText(found, colour));
      return found.healthy ? EXIT.ok : EXIT.failed;
    }),
  );
}

interface AddOptions {
  readonly promote?: boolean;
  readonly wait: boolean;
  readonly timeout: string;
}

function addAdd(cluster: Command, context: CommandContext): void {
  const add = addCommand(cluster, "add", {
    description: "add a node that runs with --join, as a learner, and wait until it has caught up",
    examples: ["n4=10.0.0.4:7511", "n4=10.0.0.4:7511 --promote"],
  });
  add
    .argument("<name=host:port>", "what it is called, and where it is reached by the others")
    .option("--promote", "let it vote once it has caught up")
    .option("--no-wait", "do not wait until it has caught up")
    .option("--timeout <time>", "how long to wait: 30s, 10m, 1h", "10m")
    .action((text: string, { promote = false, wait, timeout }: AddOptions) =>
      context.run(add, async (session) => {
        const timeoutMs = parseDuration(timeout);
        const { addMember } = await import("../cluster/add-member.ts");
        await addMember(session, text, { promote, wait: wait || promote, timeoutMs });
        return EXIT.ok;
      }),
    );
}

function addRemove(cluster: Command, context: CommandContext): void {
  const remove = addCommand(cluster, "remove", {
    description: "make a member none; its node waits then to be stopped, or added again",
    examples: ["n2", "4503599627370495"],
  });
  remove.argument("<member>", "its name or id").action((word: string) =>
    onMember(context, remove, word, async (session, { id, name }) => {
      const { askCluster } = await import("../cluster/ask-cluster.ts");
      await askCluster(session, (service, options) => service.removeMember({ id }, options));
      return `Removed ${name} (${id}). Stop its node, or take it back: trellis cluster add.\n`;
    }),
  );
}

function addPromote(cluster: Command, context: CommandContext): void {
  const promote = addCommand(cluster, "promote", {
    description: "let a learner vote, once it has caught up",
    examples: ["n4"],
  });
  promote.argument("<member>", "its name or id").action((word: string) =>
    onMember(context, promote, word, async (session, { id, name }) => {
      const { askCluster } = await import("../cluster/ask-cluster.ts");
      await askCluster(session, (service, options) => service.promoteMember({ id }, options));
      return `${name} (${id}) votes now.\n`;
    }),
  );
}

function addTransfer(cluster: Command, context: CommandContext): void {
  const transfer = addCommand(cluster, "transfer-leadership", {
    description: "have another voter lead: the one named, or the one that is furthest",
    examples: ["", "n2"],
  });
  transfer.argument("[member]", "its name or id").action((word: string | undefined) =>
    context.run(transfer, async (session) => {
      const { askCluster, findMember } = await import("../cluster/ask-cluster.ts");
      const to = word === undefined ? undefined : await findMember(session, word);
      await askCluster(session, (service, options) =>
        service.transferLeadership({ to: to?.id ?? 0n }, options),
      );
      session.environment.stdout(
        to === undefined ? "The leader has handed over.\n" : `The leader has handed over to ${to.name}.\n`,
      );
      return EXIT.ok;
    }),
  );
}

function addCheck(cluster: Command, context: CommandContext): void {
  const check = addCommand(cluster, "check", {
    description: "compare what the members hold, all at one version",
    examples: ["", "-o json"],
  });
  check.addOption(outputOption(["table", "json"])).action(({ output }: { output: string }) =>
    context.run(check, async (session) => {
      const { askCluster } = await import("../cluster/ask-cluster.ts");
      const { checkJson, checkText } = await import("../cluster/check-report.ts");
      // Large states take their time: the members themselves have a limit.
      const found = await askCluster(session, (service, { signal }) => service.checkReplicas({}, { signal }));
      const { stdout, colour } = session.environment;
      stdout(output === "json" ? checkJson(found) : checkText(found, colour));
      return found.equal ? EXIT.ok : EXIT.failed;
    }),
  );
}

interface RecoverOptions {
  readonly dataDir: string;
  readonly yes?: boolean;
  readonly name?: string;
  readonly address?: string;
}

function addRecover(cluster: Command, { environment }: CommandContext): void {
  addCommand(cluster, "recover", {
    description: "make a member's directory a new cluster of one, when a majority is gone for good",
    examples: ["--data-dir data/n1", "--data-dir data/n1 --yes"],
  })
    .requiredOption("--data-dir <dir>", "the directory, of a node that does not run; no server is asked")
    .option("--yes", "do not ask")
    .option("--name <name>", "what the member is called from now on")
    .option("--address <host:port>", "where it is reached from now on")
    .action(async ({ dataDir, yes = false, name, address }: RecoverOptions) => {
      const { recoverDirectory } = await import("../cluster/recover-directory.ts");
      await recoverDirectory(environment, { directory: dataDir, yes, name, address });
    });
}

/** Does something to the member that a word means, and says what was done. */
function onMember(
  context: CommandContext,
  command: Command,
  word: string,
  work: (session: Session, member: { readonly id: bigint; readonly name: string }) => Promise<string>,
): Promise<void> {
  return context.run(command, async (session) => {
    const { findMember } = await import("../cluster/ask-cluster.ts");
    session.environment.stdout(await work(session, await findMember(session, word)));
    return EXIT.ok;
  });
}
