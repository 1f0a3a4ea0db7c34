import { cpus, release, totalmem, type } from "node:os";

/** What the figures were measured on. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown CPU",
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${/^\d+\.\d+/.exec(release())?.[0] ?? release()}`,
    node: process.versions.node,
  };
}

/** A machine in one line. */
export function describeMachine({ cores, cpu, memoryGiB, system, node }: Machine): string {
  return `${cores} x ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}`;
}
