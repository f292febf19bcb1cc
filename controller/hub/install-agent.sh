#!/bin/sh
# Installs, upgrades or removes the Backend AI agent on this host. Run it as root:
#   sh install-agent.sh --url https://CONTROLLER:3001 --ca CA.pem < JOIN_TOKEN
#   sh install-agent.sh --uninstall [--keep-state]
# The join token comes by standard input, so that no list of processes shows it. Running it again upgrades the agent.
set -eu
umask 022

lib=/usr/local/lib/ai-agent
link=/usr/local/bin/ai-agent
etc=/etc/ai-agent
state=/var/lib/ai-agent
unit=/etc/systemd/system/ai-agent.service
openrc=/etc/init.d/ai-agent

usage() {
  cat <<'USAGE'
usage: install-agent.sh --url URL --ca FILE [--enrol-again]   install or upgrade; the join token is read from standard input
       install-agent.sh --uninstall [--keep-state]            remove the agent
  --url URL       the controller's address for agents, such as https://controller.example:3001
  --ca FILE       the controller's CA certificate (PEM): nothing else is trusted
  --enrol-again   forget who this agent is, and use the join token even if it is enrolled
  --keep-state    leave the agent's settings, identity and backups (/etc/ai-agent, /var/lib/ai-agent)
USAGE
}

say() { printf '%s\n' "ai-agent: $*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# SHA-256 of the agents that the controller offers.
digest_of() {
  case $1 in
@DIGESTS@    *) return 1 ;;
  esac
}

systemd_unit() {
  cat <<'UNIT'
@SYSTEMD_UNIT@
UNIT
}

# The watchdog is fed by systemd-notify: without that program an agent that is well would be killed every minute.
unit_for_host() {
  if have systemd-notify; then systemd_unit; else systemd_unit | grep -v -e '^NotifyAccess=' -e '^Watchdog'; fi
}

start_script() {
  cat <<'START'
@START@
START
}

openrc_script() {
  cat <<'SCRIPT'
@OPENRC_SCRIPT@
SCRIPT
}

main() {
  url='' ca='' again='' remove='' keep=''
  while [ $# -gt 0 ]; do
    case $1 in
      --url) [ $# -ge 2 ] || die "--url needs an address"; url=$2; shift ;;
      --ca) [ $# -ge 2 ] || die "--ca needs a file"; ca=$2; shift ;;
      --enrol-again) again=yes ;;
      --uninstall) remove=yes ;;
      --keep-state) keep=yes ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; die "unknown argument: $1" ;;
    esac
    shift
  done
  [ "$(id -u)" -eq 0 ] || die "Unable to go on: this has to run as root"
  init=$(detect_init)
  if [ -n "$remove" ]; then uninstall; else install_agent; fi
}

detect_init() {
  if [ -d /run/systemd/system ]; then echo systemd
  elif have rc-service && have supervise-daemon; then echo openrc
  else die "Unable to install: neither systemd nor OpenRC runs this host"
  fi
}

# ---- install and upgrade

install_agent() {
  case $url in https://?*) ;; *) usage >&2; die "Unable to install: --url has to be an https address" ;; esac
  url=$(printf '%s' "$url" | sed 's:/*$::')
  # Settings that somebody wrote may name another folder.
  other=$(other_state)
  [ -z "$other" ] || state=$other
  [ -f "$ca" ] || die "Unable to install: --ca has to name the controller's CA certificate"
  grep -q 'BEGIN CERTIFICATE' "$ca" || die "Unable to install: $ca is not a PEM certificate"
  had_lib='' had_etc='' had_state='' had_unit='' had_link='' uses_node='' finished=''
  [ ! -e "$lib/ai-agent" ] || had_lib=yes
  had_start='' had_current=''
  [ ! -e "$lib/start" ] || had_start=yes
  had_current=$(readlink "$lib/current" || :)
  [ ! -d "$etc" ] || had_etc=yes
  [ ! -d "$state" ] || had_state=yes
  [ ! -L "$link" ] || had_link=yes
  if [ -e "$unit" ] || [ -e "$openrc" ]; then had_unit=yes; fi
  [ -n "$had_link" ] || [ ! -e "$link" ] || die "Unable to install: $link exists and is not ours"
  if enrolled && [ -z "$again" ] && [ -f "$etc/ca.pem" ] && [ "$(cat "$ca")" != "$(cat "$etc/ca.pem")" ]; then
    die "Unable to install: this host is enrolled with another controller; --enrol-again leaves that one for this"
  fi
  read_token
  work=''
  trap 'settle' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir -p "$lib"
  # What a power cut left of an earlier try.
  rm -rf "$lib"/.install.*
  # Beside the place where the agent will be: a rename is atomic, and that file system lets programs run.
  work=$(mktemp -d "$lib/.install.XXXXXX")
  mkdir "$work/none"
  get_agent
  write_settings
  enrol_agent
  put_agent
  write_service
  start_service
  finished=yes
  say "the agent $("$lib/ai-agent" --version 2>/dev/null || :) runs; $(whose_word)"
}

whose_word() {
  if [ "$init" = systemd ]; then echo "see: systemctl status ai-agent, journalctl -u ai-agent"; else echo "see: rc-service ai-agent status, /var/log/ai-agent.log"; fi
}

# The token is asked for only where it is needed, and never shown.
read_token() {
  token=''
  if enrolled && [ -z "$again" ]; then return; fi
  if [ -t 0 ]; then
    printf 'Join token: ' >&2
    stty -echo 2>/dev/null || :
    IFS= read -r token || :
    stty echo 2>/dev/null || :
    printf '\n' >&2
  else
    IFS= read -r token || :
  fi
  token=$(printf '%s' "$token" | tr -d ' \t\r')
  case $token in bai_?*) ;; *) die "Unable to install: a join token (bai_…) has to come by standard input; 'backend-ai enrol' on the controller makes one" ;; esac
}

other_state() { sed -n 's/^STATE_DIR=//p' "$etc/agent.env" 2>/dev/null | tail -n 1 | tr -d "\"'" || :; }

enrolled() { [ -s "$state/identity.json" ]; }

fetch() {
  if have curl; then
    # --capath: without an empty one some builds trust the system's authorities as well.
    curl --fail --silent --show-error --proto '=https' --connect-timeout 15 --retry 3 --cacert "$ca" --capath "$work/none" --output "$2" "$1"
  elif have wget && wget --help 2>&1 | grep -q -e --ca-certificate; then
    wget --quiet --https-only --timeout=30 --tries=3 --ca-certificate="$ca" --ca-directory="$work/none" --output-document="$2" "$1"
  else
    die "Unable to download: curl or GNU wget is needed (busybox wget cannot check certificates)$(! have apk || echo '; apk add curl')"
  fi
}

sha256() {
  if have sha256sum; then sha256sum "$1" | cut -d' ' -f1
  elif have openssl; then openssl dgst -sha256 -r "$1" | cut -d' ' -f1
  else die "Unable to check the download: sha256sum or openssl is needed"
  fi
}

detect_machine() {
  case $(uname -m) in x86_64 | amd64) arch=x64 ;; aarch64 | arm64) arch=arm64 ;; *) arch='' ;; esac
  libc=''
  for loader in /lib/ld-musl-*; do if [ -e "$loader" ] && is_musl; then libc=-musl; fi; done
}

# A host of glibc may have musl beside it, and one of musl something that passes for glibc.
is_musl() {
  case $(ldd --version 2>&1 || :) in *musl*) return 0 ;; *GLIBC* | *GNU*) return 1 ;; esac
  [ ! -e /lib64/ld-linux-x86-64.so.2 ] && [ ! -e /lib/ld-linux-aarch64.so.1 ]
}

good_node() { have node && [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 22' 2>/dev/null)" = true ]; }

get_agent() {
  detect_machine
  name=agent-linux-$arch$libc
  if [ -n "$arch" ] && digest_of "$name" >/dev/null; then
    get "$name" "$work/ai-agent"
    if runs; then return; fi
    # The one library that Alpine may not have; the message is the loader's.
    case $libc:$why in -musl:*libstdc++*)
      if have apk; then
        say "installing libstdc++, which the agent needs"
        apk add --quiet libstdc++ >&2 || say "Unable to install libstdc++ by apk"
        if runs; then return; fi
      fi ;;
    esac
    say "$name does not run on this machine: $why"
    rm -f "$work/ai-agent"
  fi
  digest_of agent.cjs >/dev/null || die "Unable to install: the controller has no agent for $(uname -m)$libc"
  good_node || die "Unable to install: the controller has no program that runs on $(uname -m)$libc, and there is no Node 22 or later to run agent.cjs"
  get agent.cjs "$work/agent.cjs"
  uses_node=yes
  node=$(command -v node)
  printf '#!/bin/sh\nexec "%s" @NODE_OPTIONS@ "$(dirname "$(readlink -f "$0")")/agent.cjs" "$@"\n' "$node" >"$work/ai-agent"
  chmod 0755 "$work/ai-agent"
}

# Whether the program starts here; if not, why has the first line of what was said.
runs() {
  if why=$("$work/ai-agent" --version 2>&1); then return 0; fi
  why=$(printf '%s\n' "$why" | sed -n 1p)
  return 1
}

get() {
  say "downloading $1"
  fetch "$url/agent/v1/download/$1" "$2" || die "Unable to download $1 from $url"
  [ "$(sha256 "$2")" = "$(digest_of "$1")" ] || die "Unable to install: the download of $1 is damaged, or is not the one this script was made for; get the script again"
  chmod 0755 "$2"
}

# Settings that somebody wrote stay; the controller's address is ours.
write_settings() {
  (umask 077 && mkdir -p "$etc" "$state")
  if [ -f "$etc/agent.env" ]; then cp -p "$etc/agent.env" "$work/agent.env.before"; fi
  if [ -f "$etc/ca.pem" ]; then cp -p "$etc/ca.pem" "$work/ca.pem.before"; fi
  (
    umask 077
    { echo "CONTROLLER_URL=$url"; [ ! -f "$etc/agent.env" ] || grep -v '^CONTROLLER_URL=' "$etc/agent.env" || :; } >"$work/agent.env"
    cat "$ca" >"$work/ca.pem"
  )
  mv -f "$work/agent.env" "$etc/agent.env"
  mv -f "$work/ca.pem" "$etc/ca.pem"
}

enrol_agent() {
  if enrolled && [ -z "$again" ]; then say "already enrolled; --enrol-again would use a join token"; return; fi
  # The identity before stays until there is another: a power cut in between leaves the host enrolled.
  if enrolled; then cp -p "$state/identity.json" "$work/identity.before"; fi
  if [ -n "$uses_node" ]; then printf '%s\n' "$token" | node "$work/agent.cjs" enrol --again --ca "$ca" || die "Unable to enrol this host"
  else printf '%s\n' "$token" | "$work/ai-agent" enrol --again --ca "$ca" || die "Unable to enrol this host"
  fi
  token=''
}

put_agent() {
  # Versions lie side by side, and a link says which is current: each step is a rename, so that there is one that works at every moment.
  file=ai-agent
  [ -z "$uses_node" ] || file=agent.cjs
  version=$("$work/ai-agent" --version)
  dir=$version-$(sha256 "$work/$file" | cut -c 1-12)
  mkdir -p "$lib/versions" "$work/version"
  [ -z "$uses_node" ] || mv -f "$work/agent.cjs" "$work/version/agent.cjs"
  mv -f "$work/ai-agent" "$work/version/ai-agent"
  start_script >"$work/start"
  chmod 0755 "$work/start" "$work/version"
  # systemd may start programs of this type; what lies in a lib folder has another.
  if have selinuxenabled && selinuxenabled; then chcon -t bin_t "$work/start" "$work/version/ai-agent" || :; fi
  rm -rf "$lib/versions/.new-$dir"
  # A folder of that name holds this very program, unless somebody damaged it.
  if [ "$(sha256 "$lib/versions/$dir/$file" 2>/dev/null || :)" = "$(sha256 "$work/version/$file")" ]; then
    mv -f "$work/version/ai-agent" "$lib/versions/$dir/ai-agent"
  else
    rm -rf "$lib/versions/$dir"
    mv "$work/version" "$lib/versions/$dir"
  fi
  sync
  if [ -e "$lib/start" ]; then ln -f "$lib/start" "$lib/start.before"; fi
  # Of the time when there was one version alone: two names for it, too.
  if [ -f "$lib/ai-agent" ] && [ ! -L "$lib/ai-agent" ]; then ln -f "$lib/ai-agent" "$lib/ai-agent.before"; fi
  mv -f "$work/start" "$lib/start"
  rm -f "$lib/trial" "$lib/failed"
  point current "versions/$dir"
  point ai-agent current/ai-agent
  # This script stays, so that it can remove the agent; read from a pipe, there is no file of it.
  case $(sed -n 2p "$0" 2>/dev/null || :) in
    "# Installs, upgrades or removes the Backend AI agent"*) cp "$0" "$work/self" && chmod 0755 "$work/self" && mv -f "$work/self" "$lib/install-agent.sh" ;;
  esac
  mkdir -p /usr/local/bin
  ln -sfn "$lib/ai-agent" "$link"
  sync
}

# A link that leads elsewhere from one moment to the next; an old busybox lacks -T, and its host is for a moment without.
point() {
  rm -f "$lib/.link"
  ln -s "$2" "$lib/.link"
  mv -fT "$lib/.link" "$lib/$1" 2>/dev/null || { rm -f "$lib/.link"; ln -sfn "$2" "$lib/$1"; }
}

# Versions that no link names.
tidy_versions() {
  for each in "$lib"/versions/* "$lib"/versions/.new-*; do
    case versions/${each##*/} in "$(readlink "$lib/current")" | "$(readlink "$lib/previous" 2>/dev/null || :)") ;; *) rm -rf "$each" ;; esac
  done
}

write_service() {
  if [ "$init" = systemd ]; then
    if [ -f "$unit" ]; then cp -p "$unit" "$work/unit.before"; fi
    unit_for_host >"$work/unit"
    chmod 0644 "$work/unit"
    mv -f "$work/unit" "$unit"
    systemctl daemon-reload
  else
    if [ -f "$openrc" ]; then cp -p "$openrc" "$work/unit.before"; fi
    openrc_script >"$work/unit"
    chmod 0755 "$work/unit"
    mv -f "$work/unit" "$openrc"
  fi
}

start_service() {
  if [ "$init" = systemd ]; then
    systemctl --quiet enable ai-agent.service
    systemctl restart ai-agent.service
  else
    rc-update --quiet add ai-agent default >/dev/null
    rc-service --quiet ai-agent restart
  fi
  # An agent that cannot run ends within moments, and is started again: only one that stays the same process runs.
  sleep 1
  running || die "Unable to start the agent; $(whose_word)"
}

running() {
  if [ "$init" = systemd ]; then
    before=$(main_pid)
    sleep 2
    [ "$before" != 0 ] && [ "$(main_pid)" = "$before" ] && systemctl is-active --quiet ai-agent.service
  else
    sleep 2
    rc-service --quiet ai-agent status >/dev/null 2>&1
  fi
}

main_pid() { systemctl show --property=MainPID ai-agent.service | cut -d= -f2; }

# Runs at every end. After a failure everything is as it was before: removed, or the version before put back.
settle() {
  code=$?
  trap - EXIT INT TERM HUP
  set +e
  if [ -z "$finished" ]; then
    if [ -n "$had_lib" ]; then put_back; else take_away; fi
  fi
  rm -f "$lib/ai-agent.before" "$lib/start.before" "$lib/.link"
  if [ -n "$finished" ]; then
    rm -f "$lib/agent.cjs"
    if [ -n "$had_current" ] && [ "$had_current" != "$(readlink "$lib/current")" ]; then point previous "$had_current"; fi
    tidy_versions
  fi
  [ -z "$work" ] || rm -rf "$work"
  [ -n "$had_lib" ] || [ -n "$finished" ] || rmdir "$lib" 2>/dev/null
  exit "$code"
}

put_back() {
  say "putting back the version before"
  if [ -n "$had_current" ]; then point current "$had_current"; fi
  [ ! -e "$lib/ai-agent.before" ] || mv -f "$lib/ai-agent.before" "$lib/ai-agent"
  if [ -e "$lib/start.before" ]; then mv -f "$lib/start.before" "$lib/start"; elif [ -z "$had_start" ]; then rm -f "$lib/start"; fi
  if [ -n "$had_current" ]; then tidy_versions; else rm -rf "$lib/versions" "$lib/current"; fi
  [ ! -f "$work/agent.env.before" ] || mv -f "$work/agent.env.before" "$etc/agent.env"
  [ ! -f "$work/ca.pem.before" ] || mv -f "$work/ca.pem.before" "$etc/ca.pem"
  [ ! -f "$work/identity.before" ] || mv -f "$work/identity.before" "$state/identity.json"
  if [ -f "$work/unit.before" ]; then
    if [ "$init" = systemd ]; then mv -f "$work/unit.before" "$unit"; systemctl daemon-reload; else mv -f "$work/unit.before" "$openrc"; fi
  fi
  [ -z "$had_unit" ] || restart_quietly
}

restart_quietly() {
  if [ "$init" = systemd ]; then systemctl restart ai-agent.service; else rc-service --quiet ai-agent restart; fi
}

take_away() {
  say "removing what was half done"
  remove_service
  [ -n "$had_link" ] || rm -f "$link"
  rm -rf "$lib/ai-agent" "$lib/start" "$lib/current" "$lib/versions" "$lib/install-agent.sh"
  if [ -n "$had_etc" ]; then
    if [ -f "$work/agent.env.before" ]; then mv -f "$work/agent.env.before" "$etc/agent.env"; else rm -f "$etc/agent.env"; fi
    if [ -f "$work/ca.pem.before" ]; then mv -f "$work/ca.pem.before" "$etc/ca.pem"; else rm -f "$etc/ca.pem"; fi
  else rm -rf "$etc"
  fi
  if [ -z "$had_state" ]; then rm -rf "$state"
  elif [ -f "$work/identity.before" ]; then mv -f "$work/identity.before" "$state/identity.json"
  fi
}

# ---- removal

remove_service() {
  if [ "$init" = systemd ]; then
    systemctl --quiet disable --now ai-agent.service 2>/dev/null || :
    rm -f "$unit"
    rm -rf "$unit.d"
    systemctl daemon-reload
    systemctl reset-failed ai-agent.service 2>/dev/null || :
  else
    rc-service --quiet ai-agent stop 2>/dev/null || :
    rc-update --quiet delete ai-agent default >/dev/null 2>&1 || :
    rm -f "$openrc" /var/log/ai-agent.log /var/log/ai-agent.log.[123]
  fi
}

uninstall() {
  remove_service
  if [ -L "$link" ]; then rm -f "$link"; fi
  other=$(other_state)
  rm -rf "$lib"
  if [ -z "$keep" ]; then
    rm -rf "$etc" "$state" /run/backend-ai-steps
    # A folder that a setting names is not removed on its word.
    case $other in '' | "$state") ;; *) say "the agent's state in $other was left: remove it by hand" ;; esac
    say "removed, with settings, identity and backups of files; what it configured stays as it is"
  else say "removed; settings, identity and backups were kept in $etc and $state"
  fi
  say "on the controller, 'backend-ai agent revoke NAME' lets the host name go"
}

main "$@"
