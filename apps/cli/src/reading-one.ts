import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { errorReason } from "@trellis/resource";

import { CliError } from "./errors.ts";
import type { Session } from "./session.ts";
import { tenancyOfName, type TenancyOptions, whereText } from "./target.ts";
import type { KnownType } from "./types/known-type.ts";

/** Reads the resource that somebody named. Throws an error that says where was looked when it is not there. */
export async function readNamed(
  session: Session,
  type: KnownType,
  name: string,
  options: TenancyOptions,
): Promise<Resource> {
  const { group, groupVersion, kind } = type;
  const id = { type: { group, groupVersion, kind }, name, tenancy: tenancyOfName(type, options) };
  const { resource } = await session.connection.client.resources
    .read({ id }, session.callOptions)
    .catch(async (error: unknown) => {
      throw errorReason(error) === "RESOURCE_NOT_FOUND"
        ? await notThere(session, type, name, options)
        : error;
    });
  if (resource === undefined)
    throw new CliError(`${session.connection.server} answered without the resource`);
  return resource;
}

async function notThere(
  session: Session,
  type: KnownType,
  name: string,
  options: TenancyOptions,
): Promise<CliError> {
  const word = (await session.catalog()).word(type);
  const elsewhere = type.scope === Scope.NAMESPACE ? `, or "trellis get ${word} -A"` : "";
  return new CliError(`${word}/${name} is not there${whereText(type, options)}`, {
    hint: `See "trellis get ${word}"${elsewhere}.`,
  });
}
