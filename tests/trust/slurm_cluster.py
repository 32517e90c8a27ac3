"""A Slurm of two nodes on this machine, from Debian's packages slurm-wlm and munge, in a folder.

Each daemon listens on a port of its own on 127.0.0.1, and nothing outside the folder is touched but
the process table. Slurm wants to be root.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
NODES = ("n1", "n2")
_PATIENCE = 60.0  # seconds for a daemon to start
CONF = """
ClusterName=taxalens
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=2
CompleteWait=0
{nodes}
PartitionName=all Nodes=n1,n2 Default=YES State=UP MaxTime=60
"""


def missing() -> list[str]:
    """Return the programs that this machine lacks."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return [name for name in PROGRAMS if not shutil.which(name, path=path)]


class SlurmCluster:
    """The daemons, and the environment in which commands reach them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "state").mkdir(parents=True)
        ports = _free_ports(1 + len(NODES))
        lines = [
            f"NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=1 "
            "RealMemory=2000 State=UNKNOWN"
            for name, port in zip(NODES, ports[1:], strict=True)
        ]
        host = socket.gethostname()
        conf = CONF.format(host=host, controller=ports[0], folder=folder, nodes="\n".join(lines))
        (folder / "slurm.conf").write_text(conf)
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o400)
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._start(
            "munged",
            *("--foreground", "--force", f"--socket={folder}/munge.socket"),
            *(f"--key-file={folder}/munge.key", f"--pid-file={folder}/munge.pid"),
            *(f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"),
        )
        _until(lambda: (folder / "munge.socket").exists(), "munged")
        self._start("slurmctld", "-D", "-c")
        for name in NODES:
            self.start_node(name)
        _until(lambda: self.ask("sinfo", "-h", "-o", "%D %t").strip() == "2 idle", "slurmd")

    def ask(self, *command: str) -> str:
        """Return what a command of Slurm's prints."""
        environment = self.variables()
        return subprocess.run(command, env=environment, capture_output=True, text=True).stdout

    def variables(self) -> Mapping[str, str]:
        """Return an environment whose commands reach this Slurm."""
        return os.environ | self.environment

    def start_node(self, name: str) -> None:
        """Start a node."""
        self._start("slurmd", "-D", "-N", name, as_=name)

    def kill_node(self, name: str) -> None:
        """Kill a node's daemon; the tasks that it has started go on, as on a node cut off."""
        self.daemons[name].kill()
        self.daemons[name].wait()

    def close(self) -> None:
        """End all jobs and daemons."""
        self.ask("scancel", "--user", "root")
        time.sleep(3)
        for process in reversed(self.daemons.values()):
            process.send_signal(signal.SIGTERM)
        for process in self.daemons.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, program: str, *arguments: str, as_: str = "") -> None:
        path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert path
        with (self.folder / f"{as_ or program}.output").open("ab") as output:
            self.daemons[as_ or program] = subprocess.Popen(
                [path, *arguments],
                env=self.variables(),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )


def _until(is_true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not is_true():
        assert time.monotonic() < end, f"{what} does not start"
        time.sleep(0.2)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
