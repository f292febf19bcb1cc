import { Listr, ListrLogger, PRESET_TIMER, ProcessOutput } from "listr2";
import type { RunView } from "../../schemas/run.ts";
import { clean } from "./clean.ts";
import type { Progress } from "./follow-run.ts";
import type { Paint } from "./paint.ts";
import { progressOf, stepNames } from "./views/progress.ts";

interface Line {
  open: number;
  failed: string | undefined;
  output: (text: string) => void;
  readonly over: PromiseWithResolvers<void>;
}

/** A line for each host, drawn over on standard error as its steps go on. */
export function liveProgress(run: RunView, paint: Paint): Progress {
  const names = stepNames(clean(run)),
    lines = new Map<string, Line>();
  for (const { host } of names.values()) {
    const line = lines.get(host) ?? { open: 0, failed: undefined, output: () => undefined, over: Promise.withResolvers<void>() };
    line.open++;
    lines.set(host, line);
  }
  const list = new Listr(
    [...lines].map(([host, line]) => ({
      title: host,
      task: async (_: unknown, task: { output: string; title: string }) => {
        line.output = (text) => void (task.output = text);
        await line.over.promise;
        if (line.failed !== undefined) throw new Error(line.failed);
      },
    })),
    {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
      rendererOptions: {
        timer: PRESET_TIMER,
        collapseErrors: false,
        logger: new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) }),
      },
    },
  );
  const drawn = list.run();
  return {
    event(event) {
      const progress = progressOf(event, names, paint),
        line = progress === undefined ? undefined : lines.get(progress.host);
      if (progress === undefined || line === undefined) return;
      line.output(progress.text);
      if (progress.failed) line.failed = progress.text;
      if (event.type === "step-result" && --line.open === 0 && !progress.failed) line.over.resolve();
    },
    async end() {
      for (const line of lines.values()) line.over.resolve();
      await drawn;
    },
  };
}
