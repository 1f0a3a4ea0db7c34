import { readFileSync, statSync } from "node:fs";

/** Which process has locked a file, by its number: as far as the system tells, which Linux does in `/proc/locks`. */
export function lockHolder(path: string): number | undefined {
  try {
    const { dev, ino } = statSync(path);
    const found = readFileSync("/proc/locks", "utf8")
      .split("\n")
      // As `1: POSIX  ADVISORY  WRITE 4711 fe:00:10651587 1073741824 1073742335`; a line of who waits has an arrow more.
      .map((line) => /^\d+: \w+ +\w+ +WRITE +(\d+) ([\da-f]+):([\da-f]+):(\d+) /.exec(line))
      .find((fields) => fields?.[4] === String(ino) && isDevice(fields, dev));
    return found === undefined || found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}

/** Linux packs a device's major and minor number into one: makedev(3). */
function isDevice([, , major = "", minor = ""]: RegExpExecArray, device: number): boolean {
  const [high, low] = [Number.parseInt(major, 16), Number.parseInt(minor, 16)];
  return device === (((high & 0xfff) << 8) | (low & 0xff) | ((low & 0xfff00) << 12));
}
