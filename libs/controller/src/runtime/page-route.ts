import { apiError } from "@trellis/resource";

/** A plain request, as far as a page looks at it. */
export interface PageRequest {
  readonly method: string;
  readonly url: URL;
}

/** A plain answer. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A route outside Connect, in the shape that servers take. */
export interface PageRoute {
  readonly prefix: string;
  handle(request: PageRequest): Promise<PageAnswer>;
}

/** The parameters that a page takes: the values that each may have, or any. */
type Parameters<Name extends string> = Readonly<Record<Name, readonly string[] | "any">>;

/** A route that is one path, for GET only. Anything else that is asked of it is refused with what it takes. */
export function pageRoute<Name extends string = never>(
  path: string,
  answer: (given: Readonly<Partial<Record<Name, string>>>) => PageAnswer,
  parameters = {} as Parameters<Name>,
): PageRoute {
  return {
    prefix: path,
    async handle({ method, url }) {
      if (url.pathname !== path)
        throw apiError({ reason: "ROUTE_NOT_FOUND", message: `no route ${url.pathname}; there is ${path}` });
      if (method !== "GET")
        throw apiError({ reason: "METHOD_NOT_ALLOWED", message: `${path} takes GET, found ${method}` });
      for (const [name, value] of url.searchParams) refuseUnknown(path, { name, value }, parameters);
      return answer(Object.fromEntries(url.searchParams) as Partial<Record<Name, string>>);
    },
  };
}

function refuseUnknown(
  path: string,
  { name, value }: { readonly name: string; readonly value: string },
  parameters: Readonly<Record<string, readonly string[] | "any">>,
): void {
  const names = Object.keys(parameters);
  const values = names.includes(name) ? parameters[name] : undefined;
  if (values === "any" || values?.includes(value) === true) return;
  const expected =
    values === undefined
      ? names.length === 0
        ? "no parameters"
        : `the parameters ${names.join(", ")}`
      : `${name}=${values.join(" or ")}`;
  throw apiError({
    reason: "INVALID_REQUEST",
    message: `${path} takes ${expected}; found ${name}=${value}`,
  });
}

/** An answer for people as for programs: JSON, indented. */
export function jsonAnswer(value: object): PageAnswer {
  return answerOf("application/json", `${JSON.stringify(value, undefined, 2)}\n`);
}

/** An answer of plain text. */
export function textAnswer(text: string): PageAnswer {
  return answerOf("text/plain; charset=utf-8", `${text}\n`);
}

function answerOf(contentType: string, body: string): PageAnswer {
  return { status: 200, headers: { "content-type": contentType, "cache-control": "no-store" }, body };
}
