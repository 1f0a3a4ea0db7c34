/** `npm run bench:floor`: what a server of Node's HTTP/2 takes that does next to nothing, and what the targets beside etcd leave above it. See `--help`. */
import { helpText, runTool } from "../../flags.ts";
import { tellWithTime } from "../../tell-with-time.ts";
import { findEtcd } from "../etcd/start-etcd.ts";
import { inDirectory } from "../in-directory.ts";
import { describeMachine, thisMachine } from "../machine.ts";
import { startEtcdSubjects } from "./etcd-subjects.ts";
import { startFloorSubject } from "./floor-subject.ts";
import { type FloorOptions, flags, readOptions } from "./options.ts";
import { floorTable, remarks, roomTable } from "./report.ts";
import { roomOf, scenariosAbove } from "./room.ts";
import { isRow, ROWS } from "./rows.ts";
import { runRounds } from "./run-rounds.ts";
import type { Stop, Subject } from "./subject.ts";

type Etcd = ReturnType<typeof findEtcd>;

const tell = tellWithTime();

await runTool("bench:floor", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    const rows = Object.entries(ROWS).map(([name, what]) => `  ${name.padEnd(9)}  ${what}\n`);
    const text = helpText("npm run bench:floor -- [flags]", flags);
    process.stdout.write(`${text}\nRows, each with what is done for an operation:\n${rows.join("")}`);
    return 0;
  }
  const options = readOptions(args);
  const etcd = options.withEtcd ? findEtcd() : undefined;
  return await inDirectory(options.directory, (directory) => bench({ ...options, directory }, etcd));
});

async function bench(options: FloorOptions, etcd: Etcd | undefined): Promise<number> {
  const { rounds, seconds, warmUpSeconds } = options;
  const peer = etcd === undefined ? "" : `, etcd ${etcd.version}`;
  console.log(`${describeMachine(thisMachine())}${peer}, ${new Date().toISOString().slice(0, 10)}`);
  console.log(`${rounds} rounds of ${seconds} s a row, ${warmUpSeconds} s to warm up\n`);
  const stops: Stop[] = [];
  try {
    const subjects = await startSubjects(options, etcd, (stop) => stops.push(stop));
    const figures = await runRounds(subjects, { rounds, seconds, warmUpSeconds }, tell);
    console.log(floorTable(figures.filter(({ name }) => isRow(name))));
    const rooms = roomOf(figures);
    if (rooms.length > 0) console.log(`\n${roomTable(rooms)}`);
    for (const remark of remarks(figures)) console.error(remark);
    return figures.every(({ failures }) => failures === 0) ? 0 : 1;
  } finally {
    await Promise.all(stops.map((stop) => stop()));
  }
}

async function startSubjects(
  { rows, directory }: FloorOptions,
  etcd: Etcd | undefined,
  onStarted: (stop: Stop) => void,
): Promise<readonly Subject[]> {
  const subjects: Subject[] = [];
  for (const row of rows) {
    tell(`starting ${row}`);
    subjects.push(await startFloorSubject(row, directory, onStarted));
  }
  if (etcd === undefined) return subjects;
  tell("starting and filling etcd");
  const { program } = etcd;
  return [...subjects, ...(await startEtcdSubjects(scenariosAbove(rows), { program, directory, onStarted }))];
}
