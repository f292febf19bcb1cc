/** What an install command is made of: the agents' address of the controller, its CA (PEM), and a join token. */
export interface EnrolCommand {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

/**
 * The text to paste into a shell of a new host. It carries the CA itself, so that the first download is pinned already,
 * and gives the token by standard input, so that no list of processes shows it.
 */
export function enrolCommand({ url, ca, token }: EnrolCommand): string {
  const base = url.replace(/\/+$/, "");
  if (!/^https:\/\/[\w.:[\]-]+$/.test(base)) throw new TypeError(`enrolCommand: not an https address without a path: ${url}`);
  if (!/^bai_[\w-]+$/.test(token)) throw new TypeError("enrolCommand: not a join token");
  return `( set -e; umask 077; d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; mkdir "$d/none"; cat >"$d/ca.pem" <<'CA'
${ca.trim()}
CA
if command -v curl >/dev/null; then curl -fsS --proto '=https' --cacert "$d/ca.pem" --capath "$d/none" -o "$d/install-agent.sh" ${base}/install-agent.sh
elif wget --help 2>&1 | grep -q ca-certificate; then wget -q --https-only --ca-certificate="$d/ca.pem" --ca-directory="$d/none" -O "$d/install-agent.sh" ${base}/install-agent.sh
else echo 'curl or GNU wget is needed' >&2; exit 1; fi
if [ "$(id -u)" = 0 ]; then s=; else s=sudo; fi
$s sh "$d/install-agent.sh" --url ${base} --ca "$d/ca.pem" <<'TOKEN'
${token}
TOKEN
)`;
}
