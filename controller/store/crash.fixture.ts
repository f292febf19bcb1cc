import { openStore } from "./open.ts";

/** Appends events until it is killed, and says on stdout which are acknowledged. */
const [path = "", round = "0"] = process.argv.slice(2);
const store = openStore(path),
  at = "2026-11-20T10:00:00Z",
  run = `run-${round}`;
await store.runs.begin(run, "d", { type: "started", at, by: "test" });
for (let n = 1; ; n += 1) {
  await store.together(() => [
    store.runs.append(run, n, [{ type: "step-sent", at, step: `s${n}` }]),
    store.facts.putReport({
      agent: `a${round}`,
      host: `h${round}`,
      seq: n,
      receivedAt: n,
      facts: [{ host: `h${round}`, key: "k", at: n, digest: "d", value: n }],
    }),
    store.audit.append({ at: n, who: "test", what: "step", about: `s${n}` }),
  ]);
  process.stdout.write(`${n}\n`);
}
