"""postamt as a peer of the mail servers' benchmark: name this file in BENCH_PEERS. The benchmark gives us Peer and DOMAIN.

POSTAMT names another binary than target/release/postamt.
"""
import os, subprocess

POSTAMT = os.environ.get("POSTAMT") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "release", "postamt")


class Postamt(Peer):                                      # noqa: F821 (given by the benchmark)
    name, base = "postamt", 21900
    durable = "yes (one fdatasync of the journal per group of commits; 250 and OK come after it)"

    def setup(self):
        p = self.port
        lines = [f'hostname = "mx.{DOMAIN}"', f'data = "{self.dir}/data"', f'domains = ["{DOMAIN}"]',  # noqa: F821
                 "[tls]", f'certificate = "{self.dir}/cert.pem"', f'key = "{self.dir}/key.pem"']
        for n in range(self.users):
            lines += ["[[account]]", f'address = "u{n}@{DOMAIN}"', f'password = "pw{n}"']                # noqa: F821
        clear = "plaintext_login = true"
        for protocol, port, more in (("smtp", p["smtp"], ""), ("lmtp", p["lmtp"], ""), ("submission", p["submission"], clear),
                                     ("imap", p["imap"], clear), ("pop3", p["pop3"], clear),
                                     ("imap", p["imaps"], 'tls = "implicit"')):
            lines += ["[[listener]]", f'protocol = "{protocol}"', f'address = "127.0.0.1:{port}"', more]
        lines += ["[[route]]", 'name = "sink"', f'for = ["{SINK_DOMAIN}"]', f'to = "smtp://{self.addr["sink"]}"', 'tls = "none"']  # noqa: F821
        self.write("postamt.toml", "\n".join(lines) + "\n", 0o600)

    def command(self):
        return [[POSTAMT, "serve", "--config", f"{self.dir}/postamt.toml"]]

    def version(self):
        return subprocess.run([POSTAMT, "--version"], capture_output=True, text=True).stdout.strip()


PEERS = [Postamt]
