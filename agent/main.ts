import { printProblem, ProblemError } from "../schemas/problem.ts";
import { readOptions } from "./commands/settings.ts";
import manifest from "./package.json" with { type: "json" };

const help = `ai-agent ${manifest.version}: the agent of a Backend AI controller on this host

  run        connect to the controller and do what it orders, as far as agent.env allows
  enrol      make this machine known to a controller; the join token is read from standard input
               printf '%s' "$TOKEN" | ai-agent enrol --ca ca.pem
  status     who this agent is and whether it is connected (exit 0: connected, 3: not)
  uninstall  remove the agent from this machine; needs --yes
  version

  --config FILE   settings, /etc/ai-agent/agent.env where not given
  --ca FILE       authority of the controller's certificate (enrol)
  --again         replace an identity that is there (enrol)
  --json          machine-readable (status)
  --keep-state    leave identity, memory and backups (uninstall)
`;

/** Runs a sub-command; answers the exit status. Each is loaded when it is asked for. */
async function main([command = "help", ...args]: readonly string[]): Promise<number> {
  if (command === "in-namespace") return (await (await import("./platform/in-namespace.ts")).main(), 0);
  const options = readOptions(command === "help" ? [] : args);
  const tell = (text: string, code = 0): number => (process.stdout.write(text), code);
  switch (command) {
    case "run":
      return (await (await import("./commands/run.ts")).run(options, manifest.version), 0);
    case "enrol":
      return tell(await (await import("./commands/enrol.ts")).enrol(options, manifest.version));
    case "status": {
      const { text, code } = await (await import("./commands/status.ts")).status(options);
      return tell(text, code);
    }
    case "uninstall":
      return tell(await (await import("./commands/uninstall.ts")).uninstall(options));
    case "version":
    case "--version":
      return tell(`${manifest.version}\n`);
    case "help":
    case "--help":
      return tell(help);
    default:
      process.stderr.write(help);
      return 64;
  }
}

/** Usage 64, configuration 78 (sysexits.h): the unit does not start the agent again for those. */
const statusOf = (failure: ProblemError): number =>
  failure.problems[0]?.code === "usage"
    ? 64
    : failure.problems.some(({ code }) => code === "agent/config" || code === "agent/not-enrolled" || code === "agent/identity")
      ? 78
      : 1;

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (failure: unknown) => {
    if (!(failure instanceof ProblemError)) throw failure;
    process.stderr.write(`${failure.problems.map(printProblem).join("\n")}\n`, () => process.exit(statusOf(failure)));
  },
);
