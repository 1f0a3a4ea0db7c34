import type { ControllerLog } from "../log.ts";

/** A log whose every line has some fields more. A log that throws is no reason to stop: what it throws is dropped. */
export function namedLog(log: ControllerLog, names: object): ControllerLog {
  const line =
    (level: keyof ControllerLog) =>
    (fields: object, message: string): void => {
      try {
        log[level]({ ...names, ...fields }, message);
      } catch {
        // Nowhere to tell it.
      }
    };
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

/** An error in words, whatever it is that was thrown. */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error
      ? error.message
      : String((error as { message?: unknown } | null)?.message ?? error);
  } catch {
    return "something that has no words";
  }
}
