import { error, type Problem } from "../../schemas/problem.ts";

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The name that a machine gets as a host, from what it calls itself: the first label in lower case, since a `Host`
 * resource of that name has to be a DNS label too. `localhost` and names that are no DNS label are problems.
 */
export function hostNameOf(hostname: string): string | Problem {
  const name = (hostname.split(".")[0] ?? "").toLowerCase().replaceAll("_", "-");
  const why = !label.test(name)
    ? "it is not a DNS label (a-z, 0-9, hyphens)"
    : name === "localhost"
      ? "every machine is called so"
      : undefined;
  if (why === undefined) return name;
  return error("enrol/host-name", `Unable to enrol: the machine calls itself ${JSON.stringify(hostname.slice(0, 100))}: ${why}`, {
    hint: "Set the machine's host name, or give the name with the join token: `backend-ai enrol --host NAME`.",
  });
}
