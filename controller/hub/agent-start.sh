#!/bin/sh
# Starts the Backend AI agent of this host, for its service: start run
# One version is current, and a link says which. Where a new one is on trial (the file "trial") it is started instead, a few times and for a
# limited time; it becomes current only by itself, once it has reported in to the controller. Else the current one is started again, so that a
# version that does not run, hangs or never connects, and a power cut at any moment, leave an agent that works. Nothing here needs the controller.
lib=${0%/*}
trial=$lib/trial
AI_AGENT_START=$0
export AI_AGENT_START
unset AI_AGENT_TRIAL

tell() { printf '%s\n' "ai-agent: $*" >&2; }

# A trial takes longer than the service's watchdog may wait for a version that hangs: that is for the trial to end.
alive() { if [ -n "${WATCHDOG_USEC:-}" ]; then systemd-notify WATCHDOG=1 2>/dev/null || :; fi; }

# The version on trial is not started again; what became of it is kept for the agent to tell.
give_up() {
  tell "version $version is taken back: $1"
  { read -r line <"$trial"; printf '%s\n%s %s\n' "$line" "$(date +%s)" "$1"; } >"$lib/failed.new" && mv -f "$lib/failed.new" "$lib/failed"
  rm -f "$trial"
  sync
}

# A start is counted before it is made, on disk: one that takes the whole machine down counts as well.
count_start() {
  printf '%s %s %s %s %s %s\n' "$dir" "$within" "$((left - 1))" "$version" "$sha256" "$step" >"$trial.new" && mv -f "$trial.new" "$trial" && sync
}

# What an earlier start of a trial left running, where the service lost hold of it.
end_leftover() {
  [ -f "$lib/trial.pid" ] || return 0
  read -r old <"$lib/trial.pid"
  if grep -q "$lib/versions/" "/proc/${old:-none}/cmdline" 2>/dev/null; then kill -KILL "$old" 2>/dev/null; fi
  rm -f "$lib/trial.pid"
}

# Ends a version that has not reported in when its time is over. The time is counted in seconds that pass, whatever the host's clock says.
watch_trial() {
  waited=0
  while [ "$waited" -lt "$within" ]; do
    sleep 1
    waited=$((waited + 1))
    if [ ! -e "$trial" ] || ! kill -0 "$child" 2>/dev/null; then exit 0; fi
    [ $((waited % 10)) -ne 0 ] || alive
  done
  give_up "it did not report in to the controller within $within s"
  kill -KILL "$child" 2>/dev/null
  exit 0
}

try_once() {
  tell "trying version $version"
  AI_AGENT_TRIAL=$dir "$lib/versions/$dir/ai-agent" "$@" &
  child=$!
  echo "$child" >"$lib/trial.pid"
  stopping=''
  trap 'stopping=yes; kill -TERM "$child" 2>/dev/null' TERM INT
  watch_trial &
  watcher=$!
  # A signal ends a wait before its time.
  wait "$child"
  status=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
  trap - TERM INT
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  rm -f "$lib/trial.pid"
}

end_leftover
usual='it was started several times and did not report in'
why=$usual
while [ -f "$trial" ]; do
  dir='' within='' left='' version='' sha256='' step=''
  read -r dir within left version sha256 step <"$trial" || :
  case "$within:$left" in :* | *: | *[!0-9:]*) tell "the note of a trial is damaged"; rm -f "$trial"; break ;; esac
  # It reported in, and the power was cut before that was noted here.
  if [ "$(readlink "$lib/current")" = "versions/$dir" ]; then rm -f "$trial"; break; fi
  if [ "$left" -le 0 ]; then give_up "$why"; break; fi
  # Where starts cannot be counted, none is made.
  count_start || { tell "unable to try version $version: the disk cannot be written"; break; }
  alive
  try_once "$@"
  [ -z "$stopping" ] || exit 0
  if [ ! -e "$trial" ]; then
    # Reported in, and ended later: as any agent that ends. Taken back: the current one is next.
    if ! grep -qF "$dir " "$lib/failed" 2>/dev/null; then exit "$status"; fi
    break
  fi
  tried=$dir
  read -r dir within <"$trial" || :
  # It reported in, ran, and has put another one on trial.
  if [ "$dir" != "$tried" ]; then why=$usual; continue; fi
  why="it ended with status $status before it had reported in"
  tell "version $version: $why"
  sleep 1
done
alive
if [ -x "$lib/current/ai-agent" ]; then exec "$lib/current/ai-agent" "$@"; fi
tell "the current version is not there: starting the one before"
exec "$lib/previous/ai-agent" "$@"
