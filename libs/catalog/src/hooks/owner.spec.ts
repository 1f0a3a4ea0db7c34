import { create } from "@bufbuild/protobuf";
import { IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { describe, expect, it } from "@jest/globals";

import { resourceOf } from "../test-support/resources.ts";
import { HealthStatus, Node, NodeHealthStatus, Service, ServiceEndpoints, Workload } from "../types.ts";
import { completeOwner, idBeside, ownerViolations } from "./owner.ts";

const api = resourceOf(Workload, "api");

describe("the rule that a check is owned by a workload of its tenancy", () => {
  it("holds for one", () => {
    expect(ownerViolations(resourceOf(HealthStatus, "api-http", { owner: api.id }), Workload)).toEqual([]);
  });

  it("is broken without an owner", () => {
    expect(ownerViolations(resourceOf(HealthStatus, "api-http"), Workload)).toEqual([
      { field: "owner", description: "is required: a Workload in the same tenancy" },
    ]);
  });

  it("is broken by an owner of another type", () => {
    const [violation] = ownerViolations(
      resourceOf(HealthStatus, "api-http", { owner: resourceOf(Service, "api").id }),
      Workload,
    );
    expect(violation?.description).toBe(
      "must be a catalog.v1.Workload in the same tenancy, found catalog.v1.Service default/default/api",
    );
  });

  it.each([{ partition: "other" }, { namespace: "other" }])(
    "is broken by an owner in another tenancy: %j",
    (tenancy) => {
      expect(
        ownerViolations(
          resourceOf(HealthStatus, "api-http", { owner: resourceOf(Workload, "api", tenancy).id }),
          Workload,
        ),
      ).toHaveLength(1);
    },
  );

  it("compares the partition only where the owner has no namespace", () => {
    const node = resourceOf(Node, "n1", { partition: "east" });
    expect(
      ownerViolations(resourceOf(NodeHealthStatus, "n1-disk", { owner: node.id, partition: "east" }), Node),
    ).toEqual([]);
    expect(ownerViolations(resourceOf(NodeHealthStatus, "n1-disk", { owner: node.id }), Node)).toHaveLength(
      1,
    );
  });
});

describe("the rule that endpoints are owned by the service of their name", () => {
  it("is broken by the service of another name", () => {
    const owner = resourceOf(Service, "web").id;
    expect(ownerViolations(resourceOf(ServiceEndpoints, "web", { owner }), Service, "web")).toEqual([]);
    expect(
      ownerViolations(resourceOf(ServiceEndpoints, "api", { owner }), Service, "api")[0]?.description,
    ).toContain('Service "api"');
  });
});

describe("an owner that was given by its name only", () => {
  const given = (tenancy: { partition?: string; namespace?: string } | undefined) =>
    create(IDSchema, {
      type: { group: "catalog", groupVersion: "v1", kind: "Workload" },
      name: "api",
      uid: "u",
      ...(tenancy && { tenancy }),
    });

  it.each([undefined, {}, { partition: "east" }, { namespace: "shop" }])(
    "is looked for beside the resource: %j",
    (tenancy) => {
      const next = resourceOf(HealthStatus, "api-http", {
        owner: given(tenancy),
        partition: "east",
        namespace: "shop",
      });
      expect(completeOwner(next, Workload)?.owner).toMatchObject({
        name: "api",
        uid: "u",
        tenancy: { partition: "east", namespace: "shop" },
      });
    },
  );

  it("stays where its tenancy says", () => {
    expect(
      completeOwner(
        resourceOf(HealthStatus, "x", { owner: given({ partition: "a", namespace: "b" }) }),
        Workload,
      ),
    ).toBeUndefined();
  });

  it("is left alone when it is of another type, for the rule to refuse", () => {
    expect(completeOwner(resourceOf(NodeHealthStatus, "x", { owner: given({}) }), Node)).toBeUndefined();
    expect(completeOwner(resourceOf(HealthStatus, "x"), Workload)).toBeUndefined();
  });

  it("has no namespace where its type has none", () => {
    expect(idBeside(resourceOf(NodeHealthStatus, "x"), Node, "n1").tenancy).toMatchObject({
      partition: "default",
      namespace: "",
    });
  });
});
