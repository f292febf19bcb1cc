import { percentile, median, lines } from "../../examples/bench/figure.ts";
import { clusterName, stand, until } from "./stand.ts";

const report = lines((line) => void process.stdout.write(line));
const scale = Number(process.argv[2] ?? 1);
type Stand = Awaited<ReturnType<typeof stand>>;

/** Manifests for every guest of the cluster. */
async function importAll(one: Stand, least: number): Promise<void> {
  const view = await until(
    async () => {
      const found = await one.controller.importFrom({ on: `name=${clusterName}`, services: [], files: [], packages: [], guests: ["*"] });
      return found.edits.length >= least ? found : undefined;
    },
    () => one.controller.status(),
    240_000,
  );
  await one.commit({ "manifests/all.yaml": view.edits.map(({ text }) => `---\n${text ?? ""}`).join("") });
}

/** What a large cluster costs when nothing happens: calls a minute, and a plan. */
async function idle(): Promise<void> {
  const guests = Math.round(2000 * scale),
    nodes = Math.max(3, Math.round(50 * scale));
  const one = await stand({ nodes, guests, speed: 1, everyMs: 2000 });
  try {
    await importAll(one, guests * 0.9);
    await until(
      () => one.controller.status().instances.inSync >= guests * 0.9 && one.settled(),
      () => one.controller.status().instances,
      300_000,
    );
    const before = one.sent();
    const runs = Array.from({ length: 20 }, () => 0),
      sentBefore = one.sent();
    for (const at of runs.keys()) {
      const begun = performance.now();
      await one.controller.plan({});
      runs[at] = performance.now() - begun;
    }
    report(`plan of ${guests} guests on ${nodes} nodes, no change`, median(runs), "ms", { target: 50 });
    report(`plan of ${guests} guests, API calls for it`, one.sent() - sentBefore > 4 ? one.sent() - sentBefore : 0, "calls", {
      target: 0,
      note: "beside what is asked every two seconds",
    });
    await new Promise((done) => setTimeout(done, 60_000));
    report(`${guests} guests unchanged, API calls a minute`, one.sent() - before, "calls", { target: 100 });
  } finally {
    await one.close();
  }
}

/** From a guest that stops to the alert, by polling, at the pace of a real cluster. */
async function drift(samples: number): Promise<void> {
  const one = await stand({ guests: 40, speed: 1, everyMs: 2000 });
  try {
    await importAll(one, 35);
    await until(
      () => one.settled(),
      () => one.controller.status(),
      60_000,
    );
    const running = [...one.cluster.state.guests.values()].filter(
      (guest) => guest.running && guest.kind === "lxc" && !one.cluster.state.ha.resources.has(`ct:${guest.id}`),
    );
    const measure = async (stop: (id: number) => unknown, at: number): Promise<number> => {
      const guest = running[at]!,
        known = one.controller.status().drift;
      stop(guest.id);
      await until(
        () => !guest.running,
        () => guest.id,
        60_000,
      );
      const begun = performance.now();
      await until(
        () => one.controller.status().drift > known,
        () => one.controller.status(),
        60_000,
      );
      return performance.now() - begun;
    };
    const byTask: number[] = [],
      inside: number[] = [];
    for (let at = 0; at < samples; at += 1) byTask.push(await measure((id) => one.cluster.faults.stopBy(id, "alice@pam"), at));
    for (let at = samples; at < samples * 2; at += 1) inside.push(await measure((id) => one.cluster.faults.powerOff(id), at));
    report("a guest stopped by somebody else to alert, by polling, median", median(byTask), "ms", { target: 5000 });
    report("a guest stopped by somebody else to alert, by polling, longest", percentile(byTask, 100), "ms");
    report("a guest stopped from inside to alert, by polling, median", median(inside), "ms", { target: 20_000 });
    report("a guest stopped from inside to alert, by polling, longest", percentile(inside, 100), "ms");
  } finally {
    await one.close();
  }
}

await idle();
await drift(Math.max(2, Math.round(6 * scale)));
