import { Code } from "@connectrpc/connect";
import { WriteRequest_Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason, errorViolations, isConnectError } from "@trellis/resource";

import { type Applied, outcomeOf } from "../applying.ts";
import { CliError, errorText } from "../errors.ts";
import type { Fault } from "../manifest/load.ts";
import { wantedText } from "../manifest/print.ts";
import { serverFaults } from "../manifest/server-faults.ts";
import type { Session } from "../session.ts";
import { bodyOf, draftText } from "./draft-text.ts";
import type { Editor } from "./editor.ts";
import { type EditContext, readEdited } from "./read-edited.ts";

/** What to edit, and with what. */
export interface Editing extends EditContext {
  readonly editor: Editor;
  /** How the resource is named in what is printed. */
  readonly label: string;
  readonly fileName: string;
}

/** How often the editor is opened for one resource. */
const MAX_ROUNDS = 50;

/**
 * Lets a person edit a resource and writes the result over the version that was shown. Errors of the manifest open the editor again, once for each
 * time that it was saved. Throws when it cannot be written, and says where the edit is kept.
 */
export async function editResource(session: Session, editing: Editing): Promise<Applied["outcome"]> {
  const { editor, label, fileName, original, registry } = editing;
  const about = `${label} of ${session.connection.server}`;
  const before = wantedText(original, registry);
  let body = before;
  let faults: readonly Fault[] = [];
  let file: string | undefined;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const text = draftText(about, body, faults);
    const edited = await editor.edit({ text, name: fileName, file });
    file = edited.file;
    session.environment.signal.throwIfAborted();
    body = bodyOf(edited.text);
    if (body.trim() === "" || body === before) {
      await editor.discard(file);
      return "unchanged";
    }
    // Who closes it without a change does not want to go on.
    if (edited.text === text) break;
    const result = await submit(session, body, editing, file);
    if ("outcome" in result) {
      await editor.discard(file);
      return result.outcome;
    }
    faults = result.faults;
  }
  throw new CliError(`${label} was not written: ${faults[0]?.message ?? "it has errors"}`, {
    hint: keptText(file ?? ""),
  });
}

type Submitted = { readonly outcome: Applied["outcome"] } | { readonly faults: readonly Fault[] };

/** Writes an edited manifest, or tells what is wrong with it. Throws what another edit would not mend. */
async function submit(session: Session, body: string, editing: Editing, file: string): Promise<Submitted> {
  const read = readEdited(body, editing);
  if ("faults" in read) return read;
  const { client, server } = session.connection;
  const request = { resource: read.resource, mode: WriteRequest_Mode.UPDATE };
  try {
    const { outcome } = await client.resources.write(request, session.callOptions);
    return { outcome: outcomeOf(outcome) };
  } catch (error) {
    const lost = LOST[errorReason(error) ?? ""];
    if (lost !== undefined)
      throw new CliError(`${editing.label} ${lost} while you edited it`, { hint: conflictHint(file) });
    if (isAboutManifest(error)) return { faults: serverFaults(error, read.manifest, server) };
    throw new CliError(`${editing.label} was not written: ${errorText(error, server).message}`, {
      hint: keptText(file),
    });
  }
}

/** Reasons for which the version that was edited is no longer the one that is there. */
const LOST: Readonly<Record<string, string>> = {
  VERSION_MISMATCH: "was changed by somebody else",
  UID_MISMATCH: "was deleted and made anew",
  RESOURCE_NOT_FOUND: "was deleted",
};

const MENDABLE: ReadonlySet<Code> = new Set([Code.InvalidArgument, Code.FailedPrecondition]);

function isAboutManifest(error: unknown): boolean {
  return errorViolations(error).length > 0 || (isConnectError(error) && MENDABLE.has(error.code));
}

function conflictHint(file: string): string {
  return `${keptText(file)} See how it differs now with "trellis diff -f ${file}".`;
}

function keptText(file: string): string {
  return `Your edit is kept in ${file}.`;
}
