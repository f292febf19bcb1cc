#!/bin/bash
# lab.sh - real Linux hosts on one machine, for tests that a pretend host cannot answer.
#
# A host is an init process of its own (systemd, or OpenRC) in fresh kernel namespaces, on an overlay over one shared
# Debian tree, with a network card on a bridge that exists only in the lab's private network namespace. So a host has
# its own PID 1, journal, D-Bus, dpkg, sshd and boot id, boots in about a second, and can lose its power or its link.
# The one way out is a relay to the Debian mirror that this machine uses itself, so that apt works inside hosts.
# It is no security boundary: root inside a host holds most capabilities of root on this machine.
set -euo pipefail

usage() {
  cat <<'HELP'
usage: lab.sh COMMAND
  up N                     make and boot h1..hN (the first time: build their base too), wait until they are up
  down [--base]            remove every host and the network (and the cached base)
  start hN | stop hN       boot, wait until it is up | shut down in order
  reboot hN | kill hN      reboot in order, wait until it is up | cut its power
  cut hN | heal hN         silently drop every packet of hN | stop doing so
  exec hN [--] [CMD...]    run CMD as root in hN, arguments untouched (without CMD: a login shell)
  push hN SRC DST          copy a file, or what is in a folder, to the path DST ("DST/": into that folder)
  net [--] CMD...          run CMD with this machine's files, but on the lab's network
  ip hN | gateway          address of hN | address where programs run by "net" can listen for the hosts
  list                     every host: name, address, state, cut or linked
environment:
  LAB_DIR (/var/tmp/backend-ai-lab; another folder is another lab)   LAB_NET (10.213.0; a /24)   LAB_MEM (2G a host; or max)
  LAB_OS (systemd; or openrc: for hosts that this call makes)   LAB_SUITE (bookworm)   LAB_TIMEOUT (90 seconds to boot)
  LAB_MIRROR (what this machine's apt uses; http or https)
HELP
}
LAB_DIR=${LAB_DIR:-/var/tmp/backend-ai-lab} LAB_NET=${LAB_NET:-10.213.0} LAB_OS=${LAB_OS:-systemd} LAB_MEM=${LAB_MEM:-2G}
LAB_SUITE=${LAB_SUITE:-bookworm} LAB_MIRROR=${LAB_MIRROR:-} LAB_TIMEOUT=${LAB_TIMEOUT:-90}
SELF=$(readlink -f "$0") CG=/sys/fs/cgroup
NS=backend-ai-lab-$(cksum <<<"$LAB_DIR" | cut -d' ' -f1)                # netns and cgroups: one name per LAB_DIR
DROP=-mknod,-sys_module,-sys_rawio,-sys_time,-mac_admin,-mac_override   # capabilities that reach past a namespace
INSIDE=(container=lxc LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
h='' d=''                                                               # the host at hand and its folder: see `use`

say() { echo "lab: $*" >&2; }
die() { say "$*"; exit 1; }
address() { echo "$LAB_NET.$((100 + ${1#h}))"; }
hosts() { find "$LAB_DIR/hosts" -mindepth 1 -maxdepth 1 -name 'h*' -printf '%f\n' 2>/dev/null | sort -V; }
use() {
  [[ ${1:-} =~ ^h[1-9][0-9]?$ ]] || die "not a host name (h1 to h99): '${1:-}'"
  h=$1 d=$LAB_DIR/hosts/$1
  [ -d "$d" ] || [ "${2:-}" = new ] || die "no such host: $h (see: lab.sh list)"
}
# What runs in the background holds the lock on its file while it lives: unlike a process id, that cannot go stale.
held() { [ -e "$1" ] && ! flock -n -s "$1" true; }
daemon() { # LOCK LOG CMD...; fd 8 takes the lock into CMD; fd 9, the lab's own lock, stays here
  exec 8>"$1"
  flock -w 5 8 || die "$1 is held already"
  setsid "${@:3}" </dev/null >>"$2" 2>&1 9>&- &
  exec 8>&-
}
# The pid of a host's init. The file is there once init is alone with its own files; the cgroup proves it is still that one.
init_pid() { local p; p=$(cat "$d/pid" 2>/dev/null) && grep -q "/$NS/$h\(/\|$\)" "/proc/$p/cgroup" 2>/dev/null && echo "$p"; }

# --- what the machine has to have --------------------------------------------------------------------------------
require() {
  local tool missing=() instances=/proc/sys/fs/inotify/max_user_instances
  for tool in ip:iproute2 setpriv:util-linux mmdebstrap:mmdebstrap socat:socat ssh-keygen:openssh-client; do
    command -v "${tool%:*}" >/dev/null || missing+=("${tool#*:}")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${missing[*]}"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
      >"$LAB_DIR/apt.log" 2>&1 || die "unable to install ${missing[*]}: see $LAB_DIR/apt.log"
  fi
  unshare -m -u -i -p -n -C --time --fork true 2>/dev/null || die "unable to make namespaces: CAP_SYS_ADMIN and Linux 5.8 are needed"
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || die "this kernel has no overlayfs"
  [ "$(stat -fc %T "$LAB_DIR")" != overlayfs ] || die "$LAB_DIR is on an overlayfs, which cannot carry another: set LAB_DIR"
  # a host takes about ten, and the usual limit for all of root is 128
  [ "$(<$instances)" -ge 1024 ] || { echo 1024 >$instances; } 2>/dev/null || say "warning: $instances is only $(<$instances)"
}
find_mirror() { # sets LAB_MIRROR, sources, and where the mirror's server is
  local known
  # shellcheck disable=SC2016
  known=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | sed 's#/$##' | sort -u)
  LAB_MIRROR=${LAB_MIRROR:-$(grep -m1 '^https\?://.*/debian$' <<<"$known" || :)}
  [ -n "$LAB_MIRROR" ] || die "this machine's apt knows no Debian mirror by http or https: set LAB_MIRROR"
  mirror_host=${LAB_MIRROR#*://} mirror_host=${mirror_host%%/*} mirror_port=80
  case $LAB_MIRROR in https:*) mirror_port=443 ;; esac
  case $mirror_host in *:*) mirror_port=${mirror_host##*:} mirror_host=${mirror_host%:*} ;; esac
  sources=("deb $LAB_MIRROR $LAB_SUITE main" "deb $LAB_MIRROR $LAB_SUITE-updates main")
  ! grep -qxF "$LAB_MIRROR-security" <<<"$known" || sources+=("deb $LAB_MIRROR-security $LAB_SUITE-security main")
}

# --- the base, a Debian tree below all hosts that nothing writes to; and what makes a host of it -----------------
build_base() { # sets base
  local packages=dbus,openssh-server,nginx,curl,ca-certificates,iproute2,iputils-ping,procps,netbase,sudo,util-linux,less,jq
  case $LAB_OS in
    systemd) packages+=,systemd,systemd-sysv,libpam-systemd ;;
    openrc) packages+=,sysvinit-core,openrc ;;
    *) die "LAB_OS is systemd or openrc, not '$LAB_OS'" ;;
  esac
  # named by all that goes into it, so that a change, of this script too, makes another
  base=$LAB_DIR/base-$LAB_OS-$(cksum <<<"${sources[*]} $packages $(declare -f furnish)" | cut -d' ' -f1)
  [ ! -d "$base" ] || return 0
  say "building the $LAB_OS base (once)"
  rm -rf --one-file-system "$base.new"
  mmdebstrap --mode=root --variant=minbase --skip=cleanup/apt/lists --dpkgopt=force-unsafe-io --aptopt='Acquire::Languages "none"' \
    --include="$packages" "$LAB_SUITE" "$base.new" "${sources[@]}" >"$LAB_DIR/base.log" 2>&1 ||
    { tail -n 5 "$LAB_DIR/base.log" >&2; die "mmdebstrap failed: see $LAB_DIR/base.log"; }
  furnish "$base.new"
  mv "$base.new" "$base"
}
furnish() { # ROOT: what Debian leaves open and every host has in common
  rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/resolv.conf" "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
  echo LANG=C.UTF-8 >"$1/etc/default/locale"
  if [ "$LAB_OS" = systemd ]; then # the timers would take dpkg's lock at random, the mounts are of the one shared kernel
    chroot "$1" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dev-hugepages.mount sys-fs-fuse-connections.mount
    return
  fi
  echo 'rc_sys="lxc"' >>"$1/etc/rc.conf"
  # without terminals to log in at; either way down ends in reboot(2), which ends this init and tells us which way it was
  printf '%s\n' id:2:initdefault: si::sysinit:'/sbin/openrc sysinit' bo::bootwait:'/sbin/openrc boot' l2:2:wait:'/sbin/openrc default' \
    up:2:once:'/usr/bin/touch /run/lab-up' l0:0:wait:'/sbin/openrc shutdown' p0:0:wait:'/sbin/halt -d -f -p' \
    l6:6:wait:'/sbin/openrc reboot' p6:6:wait:'/sbin/reboot -d -f' >"$1/etc/inittab"
}
create() { # hN: its identity, the first files that lie over the base
  use "$1" new
  [ ! -d "$d" ] || return 0
  local new=$LAB_DIR/new etc=$LAB_DIR/new/upper/etc n
  rm -rf --one-file-system "$new"
  mkdir -p "$etc/ssh" "$new/scratch" "$new/root"
  install -d -m 700 "$new/upper/root" "$new/upper/root/.ssh"
  echo "$LAB_OS $base" >"$new/spec"
  echo "$h" >"$etc/hostname"
  tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id"
  { printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n%s gateway\n%s %s\n' "$LAB_NET.1" "$LAB_NET.2" "$mirror_host"
    for n in {1..99}; do echo "$(address "h$n") h$n"; done; } >"$etc/hosts"
  ssh-keygen -q -t ed25519 -N '' -C "$h" -f "$etc/ssh/ssh_host_ed25519_key"
  # one key opens every host: lab.sh net -- ssh -i $LAB_DIR/id_ed25519 root@$(lab.sh ip h1)
  [ -e "$LAB_DIR/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C lab -f "$LAB_DIR/id_ed25519"
  cp "$LAB_DIR/id_ed25519.pub" "$new/upper/root/.ssh/authorized_keys"
  mv "$new" "$d"
}

# --- the network: a bridge in a namespace; .1 is the gateway, .2 the relay, .100+N is hN ---------------------------
network() {
  local address
  if [ ! -e "/run/netns/$NS" ]; then
    ip netns add "$NS" && ip -n "$NS" link set lo up
    ip -n "$NS" link add br0 type bridge forward_delay 0
    for address in 1 2; do ip -n "$NS" address add "$LAB_NET.$address/24" dev br0; done
    ip -n "$NS" link set br0 up
  fi
  ! held "$LAB_DIR/relay" || return 0
  # it listens in the lab, and each connection steps back through fd 7 into this machine's network, to reach the mirror
  exec 7</proc/self/ns/net
  daemon "$LAB_DIR/relay" "$LAB_DIR/relay.log" nsenter --net="/run/netns/$NS" \
    socat "TCP-LISTEN:$mirror_port,bind=$LAB_NET.2,reuseaddr,fork" \
    "EXEC:nsenter --net=/proc/self/fd/7 socat STDIO TCP\:$mirror_host\:$mirror_port"
  echo $! >"$LAB_DIR/relay.pid"
  exec 7<&-
}
set_link() { ip -n "$NS" link set "$h" "$@" 2>/dev/null || :; } # a host that is off has none

# --- cgroups: a part of every hierarchy that an init manages --------------------------------------------------------
# Lines "NAME FOLDER": "." on a machine with cgroup v2 alone, else the v1 hierarchies and "unified". With v1 the lab
# is placed below its caller's own groups, so that limits on the caller hold for it too; v2 allows that only at the top.
find_cgroups() {
  local name path
  if [ -e $CG/cgroup.controllers ]; then echo ". $CG/$NS"; return; fi
  while IFS=: read -r _ name path; do
    case $name in
      name=systemd | '') name=${name#name=} name=${name:-unified} ;;
      cpu | cpuacct | cpu,cpuacct | memory | pids | blkio | devices) ;;
      *) continue ;;
    esac
    [ ! -w "$CG/$name${path%/}/cgroup.procs" ] || echo "$name $CG/$name${path%/}/$NS"
  done </proc/self/cgroup
}
make_cgroups() {
  local name folder file
  while read -r name folder; do
    mkdir -p "$folder/$h"
    [ "$name" != . ] || for file in {"$CG","$folder"}/cgroup.subtree_control; do
      for name in memory pids cpu io; do echo "+$name" >"$file" || :; done 2>/dev/null
    done
    for file in "$folder/$h"/memory.{limit_in_bytes,max}; do
      [ "$LAB_MEM" = max ] || [ ! -e "$file" ] || echo "$LAB_MEM" >"$file"
    done
  done <"$LAB_DIR/cgroups"
}
remove_cgroups() { # "/hN" or "" for all
  local folder
  while read -r _ folder; do
    for _ in {1..50}; do # the last processes may take a moment to be gone
      [ -d "$folder$1" ] || continue 2
      find "$folder$1" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    say "unable to remove $folder$1: there are processes in it"
  done <"$LAB_DIR/cgroups"
}
join() { # FOLDER: this shell, and what it turns into, is part of the host from now on
  local folder
  while read -r _ folder; do
    mkdir -p "$folder/$h$1" # systemd tidies away what it does not know
    echo "$BASHPID" >"$folder/$h$1/cgroup.procs"
  done <"$LAB_DIR/cgroups"
}

# --- a host's life: launch -> supervise -> boot -> become -> /sbin/init ----------------------------------------------
launch() {
  use "$1"
  if [ -e "$d/on" ] && held "$d/lock"; then return; fi
  flock -s -w 60 "$d/lock" true || die "$h is still shutting down"
  touch "$d/on"
  daemon "$d/lock" "$d/log" bash "$SELF" supervise "$h"
}
supervise() { # one boot after the other, for as long as the host is meant to run
  use "$1"; local status up
  while [ -e "$d/on" ]; do
    make_cgroups
    status=0 up=$(cut -d. -f1 /proc/uptime) # the host's uptime starts at zero
    unshare -m -u -i -p -n --time --boottime="-$up" --monotonic="-$up" --fork --kill-child bash "$SELF" boot "$h" || status=$?
    rm -f "$d/pid"
    remove_cgroups "/$h"
    [ $status = 129 ] || break # in a pid namespace reboot(2) ends init by SIGHUP to boot again, by SIGINT to power off
  done
  rm -f "$d/on"
}
boot() { # in new namespaces but with this machine's files: plugs in the network card, joins the cgroups
  use "$1"; local card
  ip -n "$NS" link delete "$h" 2>/dev/null || : # the kernel may not have removed the last boot's yet
  # always the same card, or the others' ARP caches would point at nothing after a reboot
  ip link add eth0 address "02:ba:c0:de:00:$(printf %02x "${h#h}")" type veth peer name "$h" netns "$NS"
  ip address add "$(address "$h")/24" dev eth0
  for card in lo eth0; do ip link set "$card" up; done
  set_link up
  [ -e "$d/cut" ] || set_link master br0
  join ''
  exec unshare -C bash "$SELF" become "$h" 8>&-
}
become() { # builds the host's file system, moves into it, turns into its init
  use "$1"; local root=$d/root safe=nosuid,nodev,noexec base name pid v1
  read -r pid _ </proc/self/stat # /proc is still this machine's, and so is the number
  read -r _ base <"$d/spec"
  v1=$(grep -v '^\. ' "$LAB_DIR/cgroups" || :)
  mount -t overlay "$h" -o "lowerdir=$base,upperdir=$d/upper,workdir=$d/scratch" "$root"
  mount -t proc -o $safe proc "$root/proc"
  mount -t sysfs -o $safe,ro sysfs "$root/sys"
  [ -z "$v1" ] || mount -t tmpfs -o mode=755,$safe tmpfs "$root$CG"
  while read -r name _; do
    mkdir -p "$root$CG/$name"
    case $name in
      . | unified) mount -t cgroup2 -o $safe cgroup2 "$root$CG/$name" ;;
      systemd) mount -t cgroup -o $safe,none,name=systemd cgroup "$root$CG/$name" ;;
      *) mount -t cgroup -o "$safe,$name" cgroup "$root$CG/$name" ;;
    esac
    case $name in *,*) ln -s "$name" "$root$CG/${name%,*}" && ln -s "$name" "$root$CG/${name#*,}" ;; esac
  done <"$LAB_DIR/cgroups"
  [ -z "$v1" ] || mount -o remount,ro "$root$CG" # or systemd would go on to mount hierarchies that are the machine's
  mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"; mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
  mkdir "$root"/dev/{pts,shm}
  mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5,nosuid,noexec devpts "$root/dev/pts"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
  cp -a /dev/{null,zero,full,random,urandom,tty} "$root/dev/"
  for name in ptmx:pts/ptmx fd:/proc/self/fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do ln -s "${name#*:}" "$root/dev/${name%%:*}"; done
  # the kernel's settings are shared, so read-only, but the network's are the host's own; and each boot has its boot id
  for name in sys sys/net; do mount --bind "$root/proc/$name" "$root/proc/$name"; done
  cat /proc/sys/kernel/random/uuid >"$root/run/boot_id"
  mount --bind "$root/run/boot_id" "$root/proc/sys/kernel/random/boot_id"
  mount -o remount,bind,ro "$root/proc/sys"
  hostname "$h"
  exec 7>"$d/pid" # empty until nothing of this machine is in reach, so that `exec` cannot come too early
  cd "$root"
  pivot_root . mnt
  # shellcheck disable=SC2016
  exec env -i "${INSIDE[@]}" TERM=linux sh -c 'umount -l /mnt && mount --make-rshared / && rm /run/boot_id &&
    echo "$1" >&7 && exec 7>&- && exec setpriv --bounding-set="$2" /sbin/init' sh "$pid" $DROP </dev/null >/dev/null 2>&1
}
enter() { # HOST CMD...; takes the place of this shell; who kills it kills CMD
  use "$1"; local pid
  pid=$(init_pid) || die "$h is off"
  join /exec # a group apart: v2 has processes in leaves only
  exec nsenter -t "$pid" -m -u -i -n -p -C -T setpriv --bounding-set=$DROP --pdeathsig KILL \
    env -i "${INSIDE[@]}" HOME=/root USER=root LOGNAME=root TERM="${TERM:-dumb}" "${@:2}"
}
inside() { (enter "$h" "$@"); }

state() { # off, starting, running, degraded (a unit failed), stopping
  use "$1"; local answer=''
  if ! held "$d/lock"; then answer=off
  elif grep -q ^systemd "$d/spec"; then answer=$(inside systemctl is-system-running 2>/dev/null) || :
  elif inside test -e /run/lab-up 2>/dev/null; then answer=running; fi
  case $answer in off | running | degraded | stopping) echo "$answer" ;; *) echo starting ;; esac
}
list() { use "$1"; echo "$h $(address "$h") $(state "$h") $([ -e "$d/cut" ] && echo cut || echo linked)"; }
wait_up() {
  use "$1"; local now end=$((SECONDS + LAB_TIMEOUT))
  while now=$(state "$h") || exit; [ "$now" != running ]; do
    case $now in
      degraded) say "$h is up, but a unit failed: lab.sh exec $h systemctl --failed"; return ;;
      off) tail -n 5 "$d/log" >&2; die "$h did not boot: see $d/log" ;;
    esac
    [ $SECONDS -lt $end ] || die "$h is not up after $LAB_TIMEOUT s: see $d/log and: lab.sh exec $h journalctl -b"
    sleep 0.1
  done
}
power_cut() {
  use "$1"; local pid
  rm -f "$d/on"
  set_link nomaster # first, so that nobody hears the dying sockets say goodbye
  for _ in {1..100}; do
    ! pid=$(init_pid) || kill -KILL "$pid" 2>/dev/null || :
    ! flock -s -w 0.1 "$d/lock" true || return 0
  done
  die "$h does not die: see $d/log"
}
stop() {
  use "$1"
  rm -f "$d/on"
  held "$d/lock" || return 0
  inside poweroff >/dev/null 2>&1 || : # the answer may be lost with the host
  flock -s -w 60 "$d/lock" true || { say "$h did not shut down in 60 s: cutting its power"; power_cut "$h"; }
}
reboot() {
  use "$1"; local before end=$((SECONDS + LAB_TIMEOUT))
  before=$(init_pid) || die "$h is off"
  inside reboot >/dev/null 2>&1 || :
  while [ "$(init_pid)" = "$before" ]; do [ $SECONDS -lt $end ] || die "$h did not go down in $LAB_TIMEOUT s"; sleep 0.1; done
  wait_up "$h"
}
push() { # the source travels as an open file, so no path of the host is ever followed out here
  use "$1"; local to=$3
  [ -r "$2" ] || die "no such file: $2"
  case $to in */) to=$to$(basename "$2") ;; esac
  exec 6<"$2"
  if [ -f "$2" ]; then inside install -D -m "$(stat -Lc %a "$2")" /proc/self/fd/6 "$to"; return; fi
  inside mkdir -p "$to"
  inside cp -a --no-preserve=ownership -T /proc/self/fd/6/. "$to"
}

up() {
  [[ ${1:-} =~ ^[1-9][0-9]?$ ]] || die "usage: lab.sh up N (1 to 99)"
  local n
  require
  find_mirror
  build_base
  [ -s "$LAB_DIR/cgroups" ] || find_cgroups >"$LAB_DIR/cgroups"
  [ -s "$LAB_DIR/cgroups" ] || die "there is no cgroup hierarchy at $CG that a host could use"
  network
  for ((n = 1; n <= $1; n++)); do create "h$n"; launch "h$n"; done
  flock -u 9
  for ((n = 1; n <= $1; n++)); do wait_up "h$n"; done
}
down() {
  local name
  for name in $(hosts); do power_cut "$name"; done
  ! held "$LAB_DIR/relay" || kill -- "-$(<"$LAB_DIR/relay.pid")"
  [ ! -e "$LAB_DIR/cgroups" ] || remove_cgroups ''
  [ ! -e "/run/netns/$NS" ] || ip netns delete "$NS"
  rm -rf --one-file-system "$LAB_DIR"/{hosts,new,cgroups,relay,relay.pid,relay.log}
  [ "${1:-}" != --base ] || rm -rf --one-file-system "$LAB_DIR"
}
main() {
  local command=${1:-help} name
  [ $# = 0 ] || shift
  case $command in help | ip | gateway) ;; *) [ "$(id -u)" = 0 ] || die "must run as root" ;; esac
  case $command in up | down | start) mkdir -p "$LAB_DIR/hosts"; exec 9>"$LAB_DIR/lock"; flock 9 ;; esac
  case $command in
    up) up "${1:-}" ;;
    down) down "${1:-}" ;;
    start) launch "${1:-}"; flock -u 9; wait_up "$h" ;;
    stop) stop "${1:-}" ;;
    reboot) reboot "${1:-}" ;;
    kill) power_cut "${1:-}" ;;
    cut) use "${1:-}"; touch "$d/cut"; set_link nomaster ;;
    heal) use "${1:-}"; rm -f "$d/cut"; set_link master br0 ;;
    exec) use "${1:-}"; shift; [ "${1:-}" != -- ] || shift; [ $# -gt 0 ] || set -- bash -l; enter "$h" "$@" ;;
    net) [ "${1:-}" != -- ] || shift; [ -e "/run/netns/$NS" ] || die "no lab is up"; exec nsenter --net="/run/netns/$NS" "$@" ;;
    push) [ $# = 3 ] || die "usage: lab.sh push hN SRC DST"; push "$@" ;;
    ip) use "${1:-}"; address "$h" ;;
    gateway) echo "$LAB_NET.1" ;;
    list) for name in $(hosts); do list "$name"; done ;;
    supervise) supervise "$1" ;; boot) boot "$1" ;; become) become "$1" ;; # not for people: the stages of a boot
    help | --help | -h) usage ;;
    *) usage >&2; exit 2 ;;
  esac
}
main "$@"; exit # on one line: a running lab must survive an edit of this file
