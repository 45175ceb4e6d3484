"""Debian's Postfix and Exim as neighbours: private instances on loopback with folders of their own, the system's untouched.

Both send what is for our domain to us by MX, and everything for `peer.test` on to a scripted exchanger, which keeps it.
They ask our own name server: /etc/resolv.conf is replaced in a mount namespace of their own (needs root).
"""
import atexit, os, shutil, signal, socket, subprocess, tempfile, time
from harness import DOMAIN, HOST, Skip, need
from world import Names

THEIRS = "peer.test"
NAME_SERVER = "127.0.0.53"


class Peer:
    """`port` takes mail from loopback for any domain; what is for THEIRS goes to `sink`, for DOMAIN to the exchangers' port `ours`."""

    def __init__(self, ours, sink, port):
        self.names = Names(address=(NAME_SERVER, 53))
        self.dir = tempfile.mkdtemp(prefix=f"postamt-{self.name}-")
        os.chmod(self.dir, 0o755)
        self.port, self.ours, self.sink = port, ours, sink
        self.names.exchanger(DOMAIN, HOST)
        self.setup()
        self.write("resolv.conf", f"nameserver {NAME_SERVER}\n")
        inside = f"mount --bind {self.dir}/resolv.conf /etc/resolv.conf && exec \"$@\""
        self.output = open(f"{self.dir}/start.log", "ab")
        self.process = subprocess.Popen(["unshare", "-m", "--propagation", "slave", "sh", "-c", inside, "sh", *self.command()], stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=self.output, start_new_session=True, cwd=self.dir)
        atexit.register(self.stop)
        self._wait()

    def _wait(self):
        for _ in range(200):
            try:
                return socket.create_connection((HOST, self.port), 1).close()
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"{self.name} does not start; see {self.dir}")

    def write(self, path, text):
        path = f"{self.dir}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)

    def stop(self):
        """A second time it finds nothing."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.output.close()
        atexit.unregister(self.stop)
        if os.environ.get("KEEP"):
            print("left behind:", self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


class Postfix(Peer):
    name = "postfix"

    def setup(self):
        need("postfix", "unshare")
        d = self.dir
        for sub in ("spool", "data"):
            os.makedirs(f"{d}/{sub}")
        shutil.chown(f"{d}/data", "postfix")
        self.write("conf/main.cf", f"""
compatibility_level = 3.6
queue_directory = {d}/spool
data_directory = {d}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {d}/mail.log
maillog_file_prefixes = {d}
myhostname = mx.{THEIRS}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
transport_maps = inline:{{{{{THEIRS}=smtp:[127.0.0.1]:{self.sink}}}, {{{DOMAIN}=smtp:{DOMAIN}:{self.ours}}}}}
smtpd_peername_lookup = no
smtp_line_length_limit = 0
line_length_limit = 4000000
smtpd_tls_security_level = none
smtp_tls_security_level = may
minimal_backoff_time = 2s
maximal_backoff_time = 2s
queue_run_delay = 2s
in_flow_delay = 0
message_size_limit = 52428800
default_destination_concurrency_failed_cohort_limit = 1000
""")
        any_ = "unix - - n - -"
        self.write("conf/master.cf", f"""
127.0.0.1:{self.port} inet n - n - 200 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite {any_} trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap {any_} proxymap
smtp {any_} smtp
relay {any_} smtp
showq unix n - n - - showq
error {any_} error
retry {any_} error
discard {any_} discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
""")
        subprocess.run(["postfix", "-c", f"{d}/conf", "set-permissions"], capture_output=True)
        subprocess.run(["postfix", "-c", f"{d}/conf", "check"], check=True, capture_output=True)

    def command(self):
        return ["postfix", "-c", f"{self.dir}/conf", "start-fg"]

    def stop(self):
        # The master daemon, by the number it wrote down itself.
        subprocess.run(["postfix", "-c", f"{self.dir}/conf", "stop"], capture_output=True)
        super().stop()


class Exim(Peer):
    """Its package excludes Postfix's: it is unpacked into the folder and run from there."""
    name = "exim"

    def setup(self):
        need("apt-get", "dpkg", "unshare")
        d = self.dir
        for package in ("exim4-base", "exim4-daemon-light"):
            got = subprocess.run(["apt-get", "-q", "download", package], cwd=d, capture_output=True, text=True)
            if got.returncode:
                raise Skip(f"{package} cannot be had: {got.stderr[-200:]}")
        for file in os.listdir(d):
            if file.endswith(".deb"):
                subprocess.run(["dpkg", "-x", file, "unpacked"], cwd=d, check=True)
        for sub in ("spool", "log"):
            os.makedirs(f"{d}/{sub}")
            shutil.chown(f"{d}/{sub}", "mail", "mail")
        self.write("exim.conf", f"""
exim_path = {d}/unpacked/usr/sbin/exim4
spool_directory = {d}/spool
log_file_path = {d}/log/%s.log
pid_file_path = {d}/spool/exim.pid
local_interfaces = <; 127.0.0.1
daemon_smtp_ports = {self.port}
primary_hostname = mx.{THEIRS}
never_users =
exim_user = mail
exim_group = mail
acl_smtp_rcpt = accept
acl_smtp_data = accept
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 500
smtp_accept_max_per_host = 0
smtp_accept_queue_per_connection = 0
queue_run_max = 10
remote_max_parallel = 2
split_spool_directory = true
message_size_limit = 50M
accept_8bitmime = true
tls_advertise_hosts =
dns_dnssec_ok = 0
keep_environment =
begin acl
begin routers
sink:
  driver = manualroute
  domains = {THEIRS}
  transport = sink
  route_list = * 127.0.0.1
  self = send
ours:
  driver = dnslookup
  domains = {DOMAIN}
  transport = ours
  self = send
  ignore_target_hosts =
begin transports
sink:
  driver = smtp
  port = {self.sink}
  allow_localhost
  hosts_try_fastopen =
  message_linelength_limit = 10000000
ours:
  driver = smtp
  port = {self.ours}
  allow_localhost
  hosts_try_fastopen =
  message_linelength_limit = 10000000
begin retry
* * F,1h,2s
begin authenticators
""")

    def command(self):
        return [f"{self.dir}/unpacked/usr/sbin/exim4", "-C", f"{self.dir}/exim.conf", "-bdf", "-q2s"]


PEERS = {peer.name: peer for peer in (Postfix, Exim)}
