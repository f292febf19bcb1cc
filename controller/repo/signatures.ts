import { error, type Problem } from "../../schemas/problem.ts";
import { runGit } from "./git.ts";
import { inObjects, type Repository } from "./repository.ts";

export interface SignatureSettings {
  /** Absolute path of a file as ssh-keygen(1) describes under ALLOWED SIGNERS. It must lie outside of the workspace, or a commit could let itself in. */
  readonly allowedSigners?: string | undefined;
  /** Absolute path of the SSH key that signs our own commits. */
  readonly signingKey?: string | undefined;
}

/**
 * Why a commit may not take effect: without an SSH signature of an allowed signer. Undefined where it has one, or none is
 * asked for. The signature covers the whole tree, so those of its ancestors do not matter.
 */
export async function unsigned(repo: Repository, commit: string, settings: SignatureSettings | undefined): Promise<Problem | undefined> {
  if (settings?.allowedSigners === undefined) return undefined;
  const config = [
    `gpg.ssh.allowedSignersFile=${settings.allowedSigners}`,
    "gpg.ssh.program=ssh-keygen",
    "gpg.minTrustLevel=fully",
    // A key in somebody's GnuPG ring is not among the allowed signers.
    "gpg.program=/bin/false",
    "gpg.openpgp.program=/bin/false",
    "gpg.x509.program=/bin/false",
  ].flatMap((setting) => ["-c", setting]);
  const { code, stderr } = await runGit(repo.commonDir, [...inObjects(repo), ...config, "verify-commit", "--", commit]);
  if (code === 0 && /^Good "git" signature for /m.test(stderr)) return undefined;
  return error("repo/unsigned", `Commit ${commit.slice(0, 12)} does not take effect: it has no signature of an allowed signer`, {
    ...(stderr === "" ? {} : { detail: stderr }),
    hint: `Sign it (git commit --amend -S) with a key of ${settings.allowedSigners}`,
  });
}
