import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Everything bad that can come in, and a text of the test that shows what is said and that nothing is lost, stopped or changed. */
const covered: readonly (readonly [what: string, file: string, text: string])[] = [
  ["YAML that does not parse", "controller/bad-input/manifests.test.ts", "YAML that does not parse"],
  ["duplicate keys", "controller/bad-input/manifests.test.ts", "duplicate keys"],
  ["unknown kind", "controller/bad-input/manifests.test.ts", "an unknown kind"],
  ["unknown field", "controller/bad-input/manifests.test.ts", "an unknown field"],
  ["wrong types", "controller/bad-input/manifests.test.ts", "a wrong type"],
  ["unknown unit", "controller/bad-input/manifests.test.ts", "a unit that no host has"],
  ["unknown host", "controller/bad-input/manifests.test.ts", "an unknown host in one"],
  ["unknown reference", "controller/bad-input/manifests.test.ts", "an unknown reference"],
  ["cycle", "controller/bad-input/manifests.test.ts", "a cycle"],
  ["selector that matches nothing", "controller/bad-input/manifests.test.ts", "a selector that matches no host"],
  ["selector syntax", "controller/bad-input/manifests.test.ts", "a selector that cannot be read"],
  ["file of 2 MiB", "controller/bad-input/manifests.test.ts", "a file of 2 MiB"],
  ["alias bomb", "controller/bad-input/manifests.test.ts", "an alias bomb"],
  ["path traversal in source", "controller/bad-input/manifests.test.ts", "a path out of the workspace in source"],
  ["non-UTF-8", "controller/bad-input/manifests.test.ts", "text that is no UTF-8"],
  ["secret missing", "controller/bad-input/manifests.test.ts", "a secret that is missing"],
  ["two resources that own a path", "controller/bad-input/manifests.test.ts", "two resources that own a path"],
  ["two resources that own a unit", "controller/bad-input/manifests.test.ts", "two resources that own a unit"],
  ["more deletions than the blast radius", "controller/loop/policies.test.ts", "it removes 2 things, and 1 are allowed"],
  ["workspace not a git repository", "controller/bad-input/start.test.ts", "it is not a git repository"],
  ["dirty, detached, merging repository", "controller/repo/open.test.ts", "dirty, detached, another branch, a merge at work"],
  ["commit under a merge or rebase", "controller/repo/commit.test.ts", "under an unfinished merge or rebase"],
  ["unreadable folder", "controller/repo/open.test.ts", "an unreadable folder is named"],
  ["disk full while journaling", "controller/loop/journal.test.ts", "a full disk while journaling"],
  ["disk full in the store", "controller/store/open.test.ts", "a full disk fails everything of that transaction"],
  ["port of the API in use", "controller/bad-input/start.test.ts", "another program uses this port"],
  ["port of the agents in use", "controller/hub/server.test.ts", "says who has the port"],
  ["clock jump", "controller/loop/hosts.test.ts", "a clock that jumps back or ahead stops nothing"],
  ["wrong, expired, used-up and forged join tokens", "controller/hub/enrol.test.ts", "test.each(["],
  ["wrong CA", "controller/hub/enrol.test.ts", "a machine that pins another CA"],
  ["revoked agent", "controller/hub/identity.test.ts", "a revoked agent is cut off at once"],
  ["revoked agent in the loop", "controller/loop/hosts.test.ts", "a revoked host takes its instances"],
  ["replayed step", "agent/runtime/perform.test.ts", "the same step is done once"],
  ["forged step", "agent/runtime/perform.test.ts", "a forged step changes nothing"],
  ["forged result", "controller/loop/hosts.test.ts", "the answer of a host for a step of another is dropped"],
  ["facts of another form", "controller/bad-input/facts.test.ts", "its answer to service has another form"],
  ["message over size", "controller/hub/session.test.ts", "a message over size ends the connection"],
  ["malformed JSON", "controller/hub/session.test.ts", "broken messages are answered with a problem"],
  ["older protocol version", "controller/hub/session.test.ts", "an agent of another protocol version"],
  ["JWT expired", "controller/hub/identity.test.ts", "an expired JWT is refused"],
  ["JWT with alg none", "controller/hub/identity.test.ts", "without signature"],
];

test.each(covered)("%s: %s", (_, file, text) => {
  expect(readFileSync(join(import.meta.dirname, "../..", file), "utf8")).toContain(text);
});
