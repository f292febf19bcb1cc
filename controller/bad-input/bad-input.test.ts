import { afterAll, beforeAll, expect, test } from "vitest";
import { agents } from "./agents.fixture.ts";
import { manifests } from "./manifests.fixture.ts";
import { dataDisk, repositories } from "./repositories.fixture.ts";
import { type BadThing, type Standing, standing } from "./standing.fixture.ts";

/** Everything bad that can come in. A name without a thing that is fed does not compile; each thing is a test of its own, with all that is said in it. */
type BadInput =
  | "YAML that does not parse"
  | "duplicate keys"
  | "unknown kind"
  | "unknown field"
  | "wrong types"
  | "unknown unit"
  | "unknown host"
  | "unknown reference"
  | "cycle"
  | "empty selector match"
  | "selector syntax error"
  | "file of 2 MiB"
  | "alias bomb"
  | "path traversal in source"
  | "non-UTF-8"
  | "secret missing"
  | "two resources that own the same path"
  | "two resources that own the same unit"
  | "a manifest that would delete more than the blast radius"
  | "workspace not a git repository"
  | "dirty repository"
  | "detached repository"
  | "merging repository"
  | "unreadable folder"
  | "disk full while journaling"
  | "port in use"
  | "clock jump"
  | "wrong join token"
  | "expired join token"
  | "used-up join token"
  | "forged join token"
  | "wrong CA"
  | "revoked agent"
  | "replayed step"
  | "message over size"
  | "malformed JSON"
  | "agent of an older protocol version"
  | "JWT expired"
  | "JWT with alg: none";

const bad: Readonly<Record<BadInput, BadThing>> = { ...manifests, ...repositories, ...agents };

let to: Standing, disk: Awaited<ReturnType<typeof dataDisk>>;
beforeAll(async () => {
  disk = await dataDisk();
  to = await standing(disk.path);
}, 60_000);
afterAll(async () => {
  try {
    await (to as Standing | undefined)?.close();
  } finally {
    await disk.gone();
  }
});

for (const [what, { feed, says, takesEffect, skipped = false }] of Object.entries(bad))
  test.skipIf(skipped !== false)(
    `${what}: it is said, and nothing stops, is lost or changed${skipped === false ? "" : ` (skipped: ${skipped})`}`,
    async () => {
      expect(await feed(to)).toEqual(says);
      await to.stands(what, takesEffect === true ? "another one" : "the good commit");
      await to.back();
      await to.stands(`${what}, and what is good again`);
    },
    30_000,
  );
