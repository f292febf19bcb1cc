/** Where a sandbox is. */
export interface Place {
  readonly workspace: string;
  readonly controls: string;
  readonly server: string;
  readonly tokenFile: string;
  /** The context to name on the command line; undefined where it is the current one. */
  readonly context?: string | undefined;
}

/** A step of the tour: what it shows, and a line for a shell in the folder of the checkout. */
export interface TourStep {
  readonly about: string;
  readonly line: string;
}

const cli = "npx backend-ai";

/** The tour through a sandbox; the lines are those that the tests run. */
export function tour({ workspace }: Place): readonly TourStep[] {
  const manifest = `${workspace}/manifests/app.yaml`;
  return [
    { about: "Look at the fleet: everything is as the manifests say.", line: `${cli} status` },
    {
      about: "Change a manifest and commit it: the shop gets eight workers in place of four.",
      line: `sed -i 's/APP_WORKERS: "4"/APP_WORKERS: "8"/' ${manifest} && git -C ${workspace} commit --quiet --all --message="More workers for the shop"`,
    },
    { about: "See the plan. These hosts are production, so it waits for somebody's yes.", line: `${cli} reconcile --dry-run` },
    { about: "Say yes, and watch it converge: one host after the other, each checked before the next.", line: `${cli} reconcile --yes` },
    { about: "Take it back: the manifest gets what was before, and the hosts follow.", line: `${cli} undo --yes` },
    { about: "Break something on a web server, behind the controller's back.", line: `${cli} sandbox break web-01 "stop nginx"` },
    { about: "The drift was told, with who did it, and mended: a policy says so for web servers.", line: `${cli} events` },
    {
      about: "Elsewhere drift is told and nothing is touched.",
      line: `${cli} sandbox break dev-01 "chmod 0600 /etc/motd" && sleep 1 && ${cli} drift`,
    },
    { about: "Put it back.", line: `${cli} reconcile --yes` },
    { about: "Ask about something in words. Nothing changes.", line: `${cli} ask "what is the status of nginx on web-01?"` },
    { about: "Ask for something. What changes is a manifest, and it is shown first.", line: `${cli} ask --yes "restart nginx on web-01"` },
  ];
}

/** What the sandbox prints once it is ready. */
export function guide(steps: readonly TourStep[], place: Place, seconds: number): string {
  const { server, tokenFile, workspace, controls, context } = place;
  const tourLines = steps.map(({ about, line }, at) => `${String(at + 1).padStart(2)}. ${about}\n    ${line}`);
  return `
The sandbox is ready (${seconds.toFixed(1)} s). Open another terminal in this folder:
${context === undefined ? "" : `\n    export BACKEND_AI_CONTEXT=${context}\n`}
${tourLines.join("\n\n")}

API        ${server}
Workspace  ${workspace}
Faults     curl -s ${controls}/sandbox/faults
By hand    export BACKEND_AI_SERVER=${server} BACKEND_AI_TOKEN="$(cat ${tokenFile})"

Ctrl-C ends it${""} and removes everything.
`;
}
