"""File systems that a driver makes for itself: an ext4 whose power can be cut, and a small one in memory. They need root."""
import fcntl, os, shutil, struct, subprocess, tempfile, time
from harness import need

SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2                     # EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
MIB = 1 << 20


class Mounted:
    """A file system at `at`."""

    def __init__(self, within=None):
        need("mount", "umount")
        self.folder = tempfile.mkdtemp(prefix="postamt-power-", dir=within)
        self.at = f"{self.folder}/mnt"
        os.mkdir(self.at)

    @staticmethod
    def run(*command):
        subprocess.run(command, check=True, capture_output=True)

    def umount(self):
        for _ in range(600):
            if subprocess.run(["umount", self.at], capture_output=True).returncode == 0:
                return
            time.sleep(0.025)
        raise OSError("umount: busy")

    def remove(self):
        if os.path.ismount(self.at):
            self.umount()
        shutil.rmtree(self.folder, ignore_errors=True)


class Image(Mounted):
    """An ext4 file system whose power can be cut."""

    def __init__(self, octets=512 * MIB, within=None):
        super().__init__(within)
        need("mkfs.ext4")
        self.image = f"{self.folder}/image"
        with open(self.image, "wb") as out:
            out.truncate(octets)
        self.run("mkfs.ext4", "-q", "-F", self.image)
        self.mount()

    def mount(self):
        self.run("mount", "-o", "loop", self.image, self.at)

    def cut(self):
        folder = os.open(self.at, os.O_RDONLY)
        fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(folder)


class Memory(Mounted):
    """A tmpfs of a size of its own, which may grow."""

    def __init__(self, octets):
        super().__init__()
        self.run("mount", "-t", "tmpfs", "-o", f"size={octets}", "tmpfs", self.at)

    def grow(self, octets):
        self.run("mount", "-o", f"remount,size={octets}", self.at)
