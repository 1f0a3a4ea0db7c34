import { describe, expect, it } from "@jest/globals";

import { createCors } from "./cors.ts";

const page = (origin: string): Headers => new Headers({ origin, "access-control-request-method": "POST" });

function answerTo(origins: readonly string[], request: Headers): Headers {
  const cors = createCors({ origins });
  const headers = cors.preflight("OPTIONS", request)?.headers ?? new Headers();
  cors.apply(request, headers);
  return headers;
}

describe("CORS", () => {
  it("allows every page under *, without depending on which", () => {
    const headers = answerTo(["*"], page("https://a.example"));
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.get("vary")).toBeNull();
  });

  it("allows the pages that are listed, and no other", () => {
    const origins = ["https://a.example", "https://b.example"];
    expect(answerTo(origins, page("https://b.example")).get("access-control-allow-origin")).toBe(
      "https://b.example",
    );
    const refused = answerTo(origins, page("https://a.example.evil"));
    expect(refused.get("access-control-allow-origin")).toBeNull();
    expect(refused.get("access-control-allow-methods")).toBeNull();
    expect(refused.get("vary")).toBe("Origin");
  });

  it("allows nobody when nobody is listed", () => {
    expect([...answerTo([], page("https://a.example")).keys()]).toEqual([]);
  });

  it("never lets the browser send its own credentials", () => {
    expect(answerTo(["*"], page("https://a.example")).has("access-control-allow-credentials")).toBe(false);
  });

  it("leaves other requests alone", () => {
    const cors = createCors({ origins: ["*"] });
    expect(cors.preflight("OPTIONS", new Headers())).toBeUndefined();
    expect(cors.preflight("OPTIONS", new Headers({ origin: "https://a.example" }))).toBeUndefined();
    expect(cors.preflight("POST", page("https://a.example"))).toBeUndefined();
    const response = new Headers();
    cors.apply(new Headers(), response);
    expect([...response.keys()]).toEqual([]);
  });
});
