/** A package of rpm: its version has the epoch in front where that is not nought, as dnf prints it. */
export interface RpmPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** Lines of `NAME|EPOCH|VERSION-RELEASE|ARCH`; keys (gpg-pubkey), messages and empty lines are left out. */
export function parseRows(output: string): RpmPackage[] {
  return output.split("\n").flatMap((line) => {
    const [name, epoch, version, architecture] = line.split("|");
    if (name === undefined || version === undefined || architecture === undefined || name === "gpg-pubkey") return [];
    return [{ name, version: epoch === "0" || epoch === "(none)" || epoch === "" ? version : `${epoch}:${version}`, architecture }];
  });
}

/** Versions by NAME and by NAME.ARCH; of several versions of a package, such as kernels, the last that was told counts. */
export function index(rows: readonly RpmPackage[]): Map<string, string> {
  const versions = new Map<string, string>();
  for (const { name, version, architecture } of rows) versions.set(name, version).set(`${name}.${architecture}`, version);
  return versions;
}

/** Names of which `rpm -q` says that they are not installed. */
export const notInstalled = (output: string): Set<string> =>
  new Set([...output.matchAll(/^package (\S+) is not installed$/gm)].map((match) => match[1] as string));

/**
 * The reason that dnf names: `Error: …` on one line, or the first problem below an empty `Error:`, with what it comes from;
 * dnf5 says it below `Failed to resolve the transaction:`. A script of a package that fails is told by rpm.
 */
export function reasonIn(output: string): string | undefined {
  const script = /^(?:error: )?(%\w+\(.+\) scriptlet failed, .+)$/m.exec(output)?.[1];
  const problem = /^ ?Problem(?: \d+)?: (.+)((?:\n {2}- .+)*)/m.exec(output);
  const below = problem?.[2]
    ?.split("\n")
    .map((line) => line.replace(/^ {2}- /, ""))
    .find((line) => line !== "" && line !== problem[1]);
  const named = problem?.[1] === undefined ? undefined : below === undefined ? problem[1] : `${problem[1]}: ${below}`;
  return script ?? named ?? /^Error: (\S.*)$/m.exec(output)?.[1] ?? /^Failed to [^\n]+:\n(.+)$/m.exec(output)?.[1];
}

/** Packages that a removal takes along, from the table that dnf shows before it asks. */
export function alsoRemoved(output: string): string[] {
  const rows = /^Removing dependent packages:\n((?: .+\n)*)/m.exec(output)?.[1] ?? "";
  return [...rows.matchAll(/^ (\S+)\s/gm)].map((match) => match[1] as string);
}
