import { describe, expect, it } from "@jest/globals";

import { CommonTelling } from "./common-tellings.ts";

describe("what is told together", () => {
  it("is found out apart for a while after somebody had to be waited for, and together again then", async () => {
    const telling = new CommonTelling<string, string>();
    let asked = 0;
    const tell = (isWaitedFor: boolean): readonly string[] | undefined =>
      telling.together([asked], () => {
        asked += 1;
        return isWaitedFor ? Promise.resolve(["late"]) : ["at once"];
      });
    expect(tell(true)).toBeUndefined();
    for (let apart = 0; apart < 1_000; apart++) expect(tell(false)).toBeUndefined();
    expect(asked).toBe(1);
    expect(tell(false)).toEqual(["at once"]);
    await Promise.resolve();
    expect(tell(false)).toEqual(["at once"]);
    expect(asked).toBe(3);
  });
});
