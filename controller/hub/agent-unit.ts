/** What the compiled agent's allocator is told: no thread of its own that wakes an idle agent several times a second to tidy up; it tidies when it is used. */
export const agentEnvironment = { MIMALLOC_SCAVENGER: "0" } as const;

/** What Node.js is told for the bundle: little room for what is new, no optimizing compilers and no threads for them; an agent calculates little. */
export const nodeOptions = ["--max-semi-space-size=1", "--optimize-for-size", "--no-opt", "--no-maglev", "--single-threaded-gc"] as const;

/** Each of these settings as a line that begins so. */
const assignments = (prefix: string): string =>
  Object.entries(agentEnvironment)
    .map(([name, value]) => `${prefix}${name}=${value}`)
    .join("\n");

/**
 * The systemd unit of the agent. It writes files anywhere that manifests name and asks the system manager for everything
 * that runs outside of its sandbox (systemd-run over D-Bus), so what hides or protects the host's files is left out:
 *
 * - no ProtectSystem, ProtectHome, PrivateTmp, ReadOnlyPaths: a File may be in /etc, /home or /tmp, and the agent must see the same files as everybody;
 * - no ProtectHostname: the agent would never see a new host name; no PrivateDevices, ProtectProc: it reports disks, and which program listens;
 * - no MemoryDenyWriteExecute: its JavaScript engine compiles at run time;
 * - no RestrictSUIDSGID: a File may have such a mode; no UMask: parent folders of a File keep the host's usual mode;
 * - no User: systemd, dpkg and other users' files need root.
 *
 * An agent that ends is started again, but not where its settings are wrong (64, 78 of sysexits.h, as agent/main.ts exits):
 * that does not mend itself. One that hangs misses its watchdog (agent/runtime/watchdog.ts) and is killed, by SIGKILL since a
 * core dump would hold its key; install-agent.sh leaves the watchdog's lines out where there is no systemd-notify to feed it.
 *
 * What is there keeps a subverted agent from the kernel itself, from other address families and from namespaces of its own.
 * Directives that an older systemd does not know are ignored by it.
 */
export const systemdUnit = `[Unit]
Description=Backend AI agent
Documentation=file:/etc/ai-agent/agent.env
After=network.target dbus.socket
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/local/lib/ai-agent/start run
${assignments("Environment=")}
Restart=always
RestartSec=2
RestartPreventExitStatus=64 78
NotifyAccess=all
WatchdogSec=60
WatchdogSignal=SIGKILL
KillMode=mixed
TimeoutStopSec=30
StateDirectory=ai-agent
StateDirectoryMode=0700
LimitNOFILE=65536
TasksMax=512
MemoryMax=256M
OOMScoreAdjust=-250
NoNewPrivileges=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @debug @module @mount @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_TIME CAP_SYS_BOOT CAP_SYSLOG CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_BPF CAP_PERFMON CAP_WAKE_ALARM

[Install]
WantedBy=multi-user.target
`;

/** The same for OpenRC, which has no sandbox to offer; its supervisor starts the agent again. */
export const openrcScript = `#!/sbin/openrc-run
name="Backend AI agent"
description="Watches and changes this host as its controller's manifests say"
supervisor=supervise-daemon
command=/usr/local/lib/ai-agent/start
command_args=run
respawn_delay=2
respawn_max=0
output_log=/var/log/ai-agent.log
error_log=/var/log/ai-agent.log
rc_ulimit="-n 65536"
${assignments("export ")}

depend() {
  use net dbus
  after firewall
}
`;
