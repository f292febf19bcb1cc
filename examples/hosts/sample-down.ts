import { connect } from "node:net";

/** Asks every address again and again whether it accepts connections; on SIGTERM prints how many were down at a time at most, as JSON. */
const targets = process.argv.slice(2),
  down = new Set<string>(),
  ever = new Set<string>();
let samples = 0,
  mostDown = 0;

const isUp = (target: string): Promise<boolean> =>
  new Promise((resolve) => {
    const [host = "", port = ""] = target.split(":"),
      socket = connect({ host, port: Number(port), timeout: 1000 });
    const over = (up: boolean) => () => (socket.destroy(), resolve(up));
    socket.once("connect", over(true)).once("error", over(false)).once("timeout", over(false));
  });

async function sample(target: string): Promise<void> {
  for (;;) {
    const up = await isUp(target);
    samples += 1;
    if (up) down.delete(target);
    else {
      ever.add(target);
      down.add(target);
    }
    mostDown = Math.max(mostDown, down.size);
    await new Promise((wake) => setTimeout(wake, 10));
  }
}

process.once("SIGTERM", () => {
  process.stdout.write(JSON.stringify({ samples, mostDown, downAtSomeTime: ever.size }), () => process.exit(0));
});
await Promise.all(targets.map(sample));
