"""Debian's Dovecot as the other server: a private instance on a loopback port with a folder of its own (needs root)."""
import atexit, os, shutil, signal, socket, subprocess, tempfile, time
from harness import HOST, Skip, free_ports

CONFIGURATION = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
listen = 127.0.0.1
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={dir}/mail/%n
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = sdbox:~/sdbox
mail_fsync = never
mail_max_userip_connections = 0
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = count:
  quota_rule = *:storage=1G
  quota_vsizes = yes
}}
login_trusted_networks = 127.0.0.0/8
import_environment = TZ=UTC
default_vsz_limit = 1G
default_client_limit = 2000
namespace inbox {{
  inbox = yes
  separator = /
  {special}
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  service_count = 100
}}
"""
SPECIAL = ("Archive", "Drafts", "Junk", "Sent", "Trash")


class Dovecot:
    """Takes any user's name with one password; `ports["imap"]` is where it listens."""

    def __init__(self, password):
        if not shutil.which("dovecot"):
            raise Skip("dovecot-imapd is not installed")
        self.dir = tempfile.mkdtemp(prefix="postamt-dovecot-", dir=os.environ.get("TMPDIR"))
        os.chmod(self.dir, 0o755)
        os.mkdir(f"{self.dir}/mail")
        shutil.chown(f"{self.dir}/mail", "mail", "mail")
        self.ports = {"imap": free_ports(1)[0]}
        special = "\n  ".join(f"mailbox {name} {{\n    special_use = \\{name}\n  }}" for name in SPECIAL)
        with open(f"{self.dir}/dovecot.conf", "w") as out:
            out.write(CONFIGURATION.format(dir=self.dir, password=password, port=self.ports["imap"], special=special))
        self.process = subprocess.Popen(["dovecot", "-F", "-c", f"{self.dir}/dovecot.conf"], stdin=subprocess.DEVNULL,
                                        start_new_session=True, cwd=self.dir, env={**os.environ, "TZ": "UTC"})
        atexit.register(self.remove)
        self._wait()

    def _wait(self):
        for _ in range(200):
            try:
                return socket.create_connection((HOST, self.ports["imap"]), 1).close()
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"Dovecot does not start; see {self.dir}/log")

    def version(self):
        return subprocess.run(["dovecot", "--version"], capture_output=True, text=True).stdout.split()[0]

    def remove(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
