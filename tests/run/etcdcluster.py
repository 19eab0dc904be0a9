# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three nodes of Debian's etcd on the loopback, with TLS, client certificates and authentication, on free ports.

The program is /usr/bin/etcd if it is there.  Otherwise the package is unpacked into the cache, without installing it."""

import base64
import glob
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

PASSWORD = "only for this test"
PREFIX = "test/"


class NoEtcd(Exception):
    """There is none here, and no network to get it from."""


def find_program():
    if os.access("/usr/bin/etcd", os.X_OK):
        return "/usr/bin/etcd"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = os.path.join(os.environ.get("COCO_CACHE") or os.path.join(home, "coco-agent"), "etcd")
    program = os.path.join(cache, "usr/bin/etcd")
    if os.access(program, os.X_OK):
        return program
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        got = subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "download", "etcd-server"], cwd=folder, capture_output=True, text=True, check=False)
        packages = glob.glob(os.path.join(folder, "etcd-server_*.deb"))
        if got.returncode != 0 or not packages:
            raise NoEtcd("there is no /usr/bin/etcd, and apt-get download etcd-server says: " + " ".join(got.stderr.split())[-300:])
        subprocess.run(["dpkg", "-x", packages[0], os.path.join(folder, "unpacked")], check=True)
        shutil.copytree(os.path.join(folder, "unpacked"), cache, dirs_exist_ok=True, symlinks=True)
    return program


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def b64(text):
    return base64.b64encode(text.encode()).decode()


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_certificate(folder, name, subject, names=None):
    """A key and a certificate of the authority in the folder, which is made first if it is not there."""
    def path(file):
        return os.path.join(folder, file)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    if not os.path.exists(path("ca.pem")):
        openssl("req", "-x509", *key, "-keyout", path("ca.key"), "-out", path("ca.pem"), "-subj", "/O=authority", "-days", "30")
    openssl("req", *key, "-keyout", path(name + ".key"), "-out", path(name + ".csr"), "-subj", subject)
    with open(path("ext"), "w", encoding="ascii") as f:
        f.write("extendedKeyUsage=serverAuth,clientAuth\n" + (f"subjectAltName={names}\n" if names else ""))
    openssl("x509", "-req", "-in", path(name + ".csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
            "-days", "30", "-extfile", path("ext"), "-out", path(name + ".pem"))


class Networks:
    """A network namespace for each of @n nodes, each with two cables: one to its clients, who are here, and one to its peers.  For root in a network
    and a mount namespace of its own."""

    def __init__(self, n):
        self.n = n
        os.makedirs("/run/netns")
        for net in "cp":
            self.ip(f"link add name net-{net} type bridge", f"link set net-{net} up")
        # This side.
        self.ip("addr add 10.77.1.254/24 dev net-c")
        for i in range(n):
            self.ip(f"netns add n{i}", f"-n n{i} link set lo up")
            for k, net in enumerate("cp", 1):
                self.ip(f"link add name {net}{i} type veth peer name eth{k} netns n{i}", f"link set {net}{i} master net-{net} up",
                        f"-n n{i} addr add 10.77.{k}.{i + 1}/24 dev eth{k}", f"-n n{i} link set eth{k} up")

    @staticmethod
    def why_not():
        """Why there can be none here, or ""."""
        if not shutil.which("ip"):
            return "there is no ip(8)"
        made = subprocess.run(["unshare", "--net", "sh", "-c", "ip link add name net type bridge && ip link add name one type veth peer name two"], capture_output=True, text=True, check=False)
        return made.stderr.strip() if made.returncode != 0 else ""

    @staticmethod
    def ip(*lines):
        for line in lines:
            subprocess.run(["ip", *line.split()], check=True)

    def cut(self, i, cables="cp"):
        for net in cables:
            self.ip(f"link set {net}{i} down")

    def mend(self, i, cables="cp"):
        for net in cables:
            self.ip(f"link set {net}{i} up")


class Cluster:
    """The user "broker" may read and write below PREFIX; "root" may do anything.  With @networks each node is in a namespace of its own."""

    def __init__(self, folder, n=3, quota=0, auth=True, networks=None):
        self.folder, self.n, self.quota, self.token, self.networks = folder, n, quota, None, networks
        self.hosts, self.peer_hosts = ([f"10.77.{k}.{i + 1}" if networks else "127.0.0.1" for i in range(n)] for k in (1, 2))
        self.program = find_program()
        make_certificate(folder, "server", "/CN=etcd", ",".join(["DNS:localhost", *(f"IP:{h}" for h in sorted({"127.0.0.1", *self.hosts, *self.peer_hosts}))]))
        make_certificate(folder, "client", "/O=coco-broker")
        make_certificate(folder, "named", "/CN=coco-broker")
        self.password_file = os.path.join(folder, "password")
        with open(self.password_file, "w", encoding="ascii") as f:
            f.write(PASSWORD + "\n")
        os.chmod(self.password_file, 0o600)
        ports = free_ports(2 * n)
        self.ports, self.peers = ports[:n], ports[n:]
        self.nodes = [None] * n
        for i in range(n):
            self.start(i)
        self.wait()
        if auth:
            self.enable_auth()

    def url(self, i):
        return f"https://{self.hosts[i]}:{self.ports[i]}"

    def address(self, order=None):
        return "etcd:" + ",".join(self.url(i) for i in order or range(self.n))

    def start(self, i):
        def tls(prefix):
            return [f"--{prefix}cert-file={self.folder}/server.pem", f"--{prefix}key-file={self.folder}/server.key",
                    f"--{prefix}trusted-ca-file={self.folder}/ca.pem", f"--{prefix}client-cert-auth"]
        peer = [f"https://{h}:{p}" for h, p in zip(self.peer_hosts, self.peers)]
        within = ["ip", "netns", "exec", f"n{i}"] if self.networks else []
        with open(os.path.join(self.folder, f"log{i}"), "ab") as log:
            self.nodes[i] = subprocess.Popen(  # pylint: disable=consider-using-with
                [*within, self.program, f"--name=n{i}", f"--data-dir={self.folder}/data{i}", f"--listen-client-urls={self.url(i)}",
                 f"--advertise-client-urls={self.url(i)}", f"--listen-peer-urls={peer[i]}", f"--initial-advertise-peer-urls={peer[i]}",
                 "--initial-cluster=" + ",".join(f"n{k}={p}" for k, p in enumerate(peer)), "--initial-cluster-state=new",
                 f"--quota-backend-bytes={self.quota}", "--logger=zap", "--log-level=error", *tls(""), *tls("peer-")],
                stdout=log, stderr=log, env={**os.environ, "GOMAXPROCS": "2"})

    def ask(self, path, body, i=None, token=True, timeout=10):
        """(status, answer) of a request as root."""
        i = i if i is not None else self.alive()[0]
        context = ssl.create_default_context(cafile=os.path.join(self.folder, "ca.pem"))
        context.load_cert_chain(os.path.join(self.folder, "client.pem"), os.path.join(self.folder, "client.key"))
        headers = {"Authorization": self.token} if token and self.token else {}
        c = http.client.HTTPSConnection(self.hosts[i], self.ports[i], context=context, timeout=timeout)
        try:
            c.request("POST", path, json.dumps(body), headers)
            answer = c.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            c.close()

    def do(self, path, body, **more):
        status, answer = self.ask(path, body, **more)
        if status == 401:
            self.login()
            status, answer = self.ask(path, body, **more)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {answer}")
        return answer

    def login(self):
        self.token = self.do("/v3/auth/authenticate", {"name": "root", "password": PASSWORD}, token=False)["token"]

    def alive(self):
        return [i for i, node in enumerate(self.nodes) if node and node.poll() is None]

    def wait(self, seconds=20):
        """Until a write would be answered."""
        end = time.monotonic() + seconds
        while True:
            try:
                if all(self.ask("/v3/kv/range", {"key": b64("x")}, i=i, timeout=3)[0] in (200, 400, 401) for i in self.alive()):
                    return
            except (OSError, ValueError, http.client.HTTPException):
                pass
            if time.monotonic() > end:
                raise RuntimeError("etcd does not come up")
            time.sleep(0.1)

    def enable_auth(self):
        self.do("/v3/auth/role/add", {"name": "broker"})
        self.do("/v3/auth/role/grant", {"name": "broker", "perm": {"permType": "READWRITE", "key": b64(PREFIX), "range_end": b64(PREFIX[:-1] + "0")}})
        self.do("/v3/auth/role/add", {"name": "root"})
        for user in ("root", "broker"):
            self.do("/v3/auth/user/add", {"name": user, "password": PASSWORD})
            self.do("/v3/auth/user/grant", {"user": user, "role": user})
        self.do("/v3/auth/enable", {})
        self.login()

    def leader(self):
        """The node that leads, by its number."""
        for i in self.alive():
            try:
                answer = self.do("/v3/maintenance/status", {}, i=i, timeout=3)
            except (OSError, RuntimeError, ValueError, http.client.HTTPException):
                continue
            if answer.get("leader") == answer["header"]["member_id"]:
                return i
        return None

    def kill(self, i):
        self.nodes[i].send_signal(signal.SIGCONT)
        self.nodes[i].kill()
        self.nodes[i].wait()

    def stop(self, i):
        self.nodes[i].send_signal(signal.SIGSTOP)

    def resume(self, i):
        self.nodes[i].send_signal(signal.SIGCONT)

    def close(self):
        for i in self.alive():
            self.kill(i)
