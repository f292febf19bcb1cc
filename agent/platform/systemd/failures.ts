import type { HostEvent } from "../../../schemas/report.ts";
import { managerName, type Signal, type SystemdBus } from "./bus.ts";
import { unitOfPath } from "./names.ts";

/** Units that come and go with a program that is run once: what fails there is told by whoever ran it. */
const passing = /^(backend-ai-step-|run-)/;

const reasons: Readonly<Record<string, string>> = {
  failed: "failed",
  timeout: "took longer than the unit allows",
  dependency: "was given up: a unit that it needs failed",
};

/** A signal of systemd as an event: a job that failed, or a service of which the kernel killed a process for want of memory. */
export function failureIn({ member, path, body }: Signal, at: number): HostEvent | undefined {
  if (member === "JobRemoved") {
    const [, , unit, result] = body.map(String);
    const reason = reasons[result ?? ""];
    if (unit === undefined || reason === undefined || passing.test(unit)) return undefined;
    return { at, type: "job-failed", subject: unit, text: `the job of ${unit} ${reason}` };
  }
  if (member !== "PropertiesChanged" || body[0] !== `${managerName}.Service`) return undefined;
  const unit = unitOfPath(path),
    changed = body[1] as { readonly Result?: unknown } | undefined;
  if (unit === undefined || changed?.Result !== "oom-kill" || passing.test(unit)) return undefined;
  return { at, type: "oom-kill", subject: unit, text: `the kernel killed a process of ${unit}: out of memory` };
}

/** Tells of failures of any unit, once each, until the returned function is called. */
export async function tellFailures(bus: SystemdBus, emit: (event: HostEvent) => void): Promise<() => void> {
  const killed = new Set<string>();
  const stop = bus.onSignal((signal) => {
    const event = failureIn(signal, Date.now());
    if (signal.member === "PropertiesChanged" && signal.body[0] === `${managerName}.Service`) {
      // The property stays until the next start, and comes again with each other change.
      const again = event !== undefined && killed.has(signal.path);
      if (event === undefined) killed.delete(signal.path);
      else killed.add(signal.path);
      if (again) return;
    }
    if (event !== undefined) emit(event);
  });
  await bus.connect();
  return stop;
}
