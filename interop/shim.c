/* Stands between a program and its data folder: records what it does there, or fails, stops or kills it at a named point.
 *
 *     cc -shared -fPIC -O2 -o shim.so interop/shim.c -ldl
 *     LD_PRELOAD=./shim.so SHIM_UNDER=/path/data SHIM_AT=journal.sync:7:kill-before postamt serve ...
 *
 * SHIM_UNDER=DIR      Only what lies below is looked at. Nothing happens without it.
 * SHIM_POINTS=FILE    A line for each point that is passed: its name.
 * SHIM_AT=POINT:N:ACTION  At the Nth passing (from 1) of POINT. POINT is CLASS.OP, `CLASS.*`, `*.OP` or `*`; CLASS as in the
 *                     table below, OP one of create, write, truncate, allocate, sync, rename, link, unlink, mkdir, rmdir,
 *                     sync-folder, and open (of what is there already; it changes nothing, so `*` alone does not mean it). ACTION:
 *         kill-before, kill-after   SIGKILL to itself before or after the call.
 *         kill-half                 Half the octets of a write, then SIGKILL; as kill-before where nothing is written.
 *         stop                      SIGSTOP to itself before the call; it goes on with SIGCONT.
 *         fail-EIO                  The call fails once and does nothing; ENOSPC, EMFILE, EROFS, EDQUOT and numbers likewise.
 *         fail-EIO-on               From then on all passings of POINT fail, until the file $SHIM_UNTIL exists.
 * SHIM_SYNC=swallow   Syncs say that they succeeded, and do nothing: a disk that lies.
 * SHIM_CLOCK=FILE     The first eight octets of the file are seconds, little-endian, that the wall clock is ahead; they may change.
 * SHIM_RECORD=FILE    What succeeded, in its order, is appended. A record is this head, little-endian, then the paths (relative to
 *                     DIR, no zero behind), then the data:
 *
 *         u8 kind, u8[3] 0, u32 thread, u64 inode, u64 at, u64 data octets, u32 path octets, u32 second path's octets
 *
 *         C  path was created, an empty file       S, s  a sync of the file begins, and has succeeded: what was done
 *         W  data was written at `at`                    before S is durable after s (matched by thread and inode)
 *         T  the file is `at` octets long now      D, d  likewise of the folder `path` (the names in it)
 *         A  it is at least `at` octets long now   R, L  path was renamed, linked to the second path
 *         U  the name is gone                      K, Z  folder made, removed
 *         M  a mark: data is the program's text    X     something else happened, which a reader has to know or refuse
 *
 *     A program puts a mark there by writing to the file `DIR.mark` (it has to exist; nothing is written to it).
 *
 * Raw system calls pass by: rustix makes them unless it is built with `use-libc`. Of a postamt these are the rename of fjall's
 * `current` (tempfile) and the allocation of the ballast. Files are known by their descriptor's link in /proc, so there is no table
 * of descriptors to keep, and close and dup need no eye. sync_file_range promises nothing: it is neither point nor record.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The first pattern that fits (`*` also means slashes); otherwise the path's first part, or `data` for the folder itself. */
static const char *const classes[][2] = {
    {"*/lock", "lock"},
    {"store/rows/*.jnl", "journal"},
    {"store/rows/renewing", "journal"},
    {"store/rows/keyspaces/*/tables*", "table"},
    {"store/rows/keyspaces/*", "manifest"},
    {"store/rows.redb.new", "redb-new"},
    {"store/rows.redb", "redb"},
    {"store/rows*", "engine"},
    {"store/FORMAT*", "format"},
    {"store/ballast", "ballast"},
    {"store/aside*", "aside"},
    {"blobs/tmp*", "blob-tmp"},
    {"blobs/*", "blob"},
};

static char under[PATH_MAX], mark[PATH_MAX];
static size_t under_octets;
static int record = -1, points = -1;
static char at_point[64], at_action[64];
static long at_count;
static _Atomic long passed;
static int swallows;
static volatile const int64_t *ahead; /* seconds */
static pthread_mutex_t order = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The next definition of a function, the C library's own. */
#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int appended(const char *variable) {
    const char *path = getenv(variable);
    return path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

static void start_clock(const char *file) {
    int fd = file ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
    if (file && mapped == MAP_FAILED) abort();
    if (file) ahead = mapped;
}

static void start(void) {
    const char *sync = getenv("SHIM_SYNC");
    swallows = sync && !strcmp(sync, "swallow");
    start_clock(getenv("SHIM_CLOCK"));
    const char *folder = getenv("SHIM_UNDER"), *at = getenv("SHIM_AT");
    if (!folder) return;
    /* It may not be there yet, but what it will lie in has to be. */
    char parent[PATH_MAX], *slash;
    if (!realpath(folder, under)) {
        snprintf(parent, sizeof parent, "%s", folder);
        for (size_t end = strlen(parent); end > 1 && parent[end - 1] == '/'; end--) parent[end - 1] = 0;
        slash = strrchr(parent, '/');
        if (slash) *slash = 0;
        char whole[PATH_MAX];
        if (!realpath(slash ? (*parent ? parent : "/") : ".", whole)) abort();
        if (snprintf(under, sizeof under, "%s/%s", whole, slash ? slash + 1 : parent) >= PATH_MAX) abort();
    }
    under_octets = strlen(under);
    if (snprintf(mark, sizeof mark, "%s.mark", under) >= PATH_MAX) abort();
    record = appended("SHIM_RECORD");
    points = appended("SHIM_POINTS");
    if (at && sscanf(at, "%63[^:]:%ld:%63s", at_point, &at_count, at_action) != 3) {
        fprintf(stderr, "shim: SHIM_AT has to be POINT:N:ACTION, not %s\n", at);
        abort();
    }
}

/* A path relative to the data folder; `below` is null where it lies elsewhere. */
struct place {
    char path[PATH_MAX];
    const char *below;
};

static int is_ours(struct place *place) {
    place->below = NULL;
    if (!under_octets || strncmp(place->path, under, under_octets)) return 0;
    const char *rest = place->path + under_octets;
    if (*rest == '/') place->below = rest + 1;
    else if (!*rest) place->below = rest;
    return place->below != NULL;
}

static int by_descriptor(int fd, struct place *place) {
    int kept = errno;
    char link[32];
    pthread_once(&once, start);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t octets = under_octets ? readlink(link, place->path, PATH_MAX - 1) : -1;
    place->path[octets > 0 ? octets : 0] = 0;
    errno = kept;
    return is_ours(place);
}

/* The last part stays as it is: a link there is the name itself. */
static int by_path(int folder, const char *path, struct place *place) {
    int kept = errno, found = 0;
    char parent[PATH_MAX], whole[PATH_MAX];
    pthread_once(&once, start);
    place->below = NULL;
    if (!under_octets || !path || !*path) return 0;
    int octets;
    if (*path == '/') octets = snprintf(parent, sizeof parent, "%s", path);
    else if (folder == AT_FDCWD) octets = snprintf(parent, sizeof parent, "./%s", path);
    else octets = snprintf(parent, sizeof parent, "/proc/self/fd/%d/%s", folder, path);
    if (octets < PATH_MAX) {
        while (octets > 1 && parent[octets - 1] == '/') parent[--octets] = 0;
        char *slash = strrchr(parent, '/'), *name = slash + 1;
        *slash = 0;
        found = realpath(*parent ? parent : "/", whole)
            && snprintf(place->path, PATH_MAX, "%s/%s", whole[1] ? whole : "", name) < PATH_MAX && is_ours(place);
    }
    errno = kept;
    return found;
}

static void class_of(const char *below, char *class, size_t room) {
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (!fnmatch(classes[i][0], below, 0)) {
            snprintf(class, room, "%s", classes[i][1]);
            return;
        }
    const char *part = *below ? below : "data";
    snprintf(class, room, "%.*s", (int)strcspn(part, "/"), part);
}

static uint64_t inode_of(int fd, const char *path) {
    struct stat found;
    int kept = errno, failed = path ? lstat(path, &found) : fstat(fd, &found);
    errno = kept;
    return failed ? 0 : found.st_ino;
}

/* Appends a record; whoever calls it has `order`, but for marks and syncs, which take it. */
static void note(char kind, uint64_t inode, uint64_t at, const struct place *a, const struct place *b, const struct iovec *data, int count,
                 size_t octets) {
    if (record < 0) return;
    int kept = errno;
    const char *one = a ? a->below : "", *two = b ? b->below : "";
    struct {
        char kind, zeros[3];
        uint32_t thread;
        uint64_t inode, at, octets;
        uint32_t one, two;
    } head = {kind, {0}, (uint32_t)syscall(SYS_gettid), inode, at, octets, (uint32_t)strlen(one), (uint32_t)strlen(two)};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)one, head.one}, {(void *)two, head.two}};
    long told = syscall(SYS_writev, record, parts, 3);
    int whole = told == (long)(sizeof head + head.one + head.two);
    for (int i = 0; i < count && octets > 0 && whole; i++) {
        size_t part = data[i].iov_len < octets ? data[i].iov_len : octets;
        whole = syscall(SYS_write, record, data[i].iov_base, part) == (long)part;
        octets -= part;
    }
    if (!whole) abort(); /* a record with a hole proves nothing */
    errno = kept;
}

/* Kernel order is record order: one changing call at a time while recording. */
static void lock(void) {
    if (record >= 0) pthread_mutex_lock(&order);
}

static void unlock(void) {
    if (record >= 0) pthread_mutex_unlock(&order);
}

/* Not in the midst of another thread's record. */
static void die(void) {
    lock();
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int number_of(const char *name) {
    static const struct { const char *name; int number; } known[] = {
        {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"EROFS", EROFS}, {"EDQUOT", EDQUOT}, {"EACCES", EACCES},
    };
    size_t octets = strcspn(name, "-");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == octets && !strncmp(known[i].name, name, octets)) return known[i].number;
    return atoi(name) > 0 ? atoi(name) : EIO;
}

static int matches(const char *class, const char *op) {
    size_t octets = strlen(class);
    if (!strcmp(at_point, "*")) return strcmp(op, "open") != 0;
    if (!strncmp(at_point, "*.", 2)) return !strcmp(at_point + 2, op);
    if (strncmp(at_point, class, octets) || at_point[octets] != '.') return 0;
    return !strcmp(at_point + octets + 1, op) || !strcmp(at_point + octets + 1, "*");
}

enum what { GO, FAIL, HALF, AFTER };

/* What is to happen at the point that is reached now. */
static enum what reached(const struct place *place, const char *op) {
    char class[48], line[96];
    if (points < 0 && !*at_point) return GO;
    class_of(place->below, class, sizeof class);
    if (points >= 0) {
        int octets = snprintf(line, sizeof line, "%s.%s\n", class, op);
        if (syscall(SYS_write, points, line, octets) != octets) abort();
    }
    if (!*at_point || !matches(class, op)) return GO;
    long count = ++passed;
    size_t end = strlen(at_action);
    int lasting = !strncmp(at_action, "fail-", 5) && end > 3 && !strcmp(at_action + end - 3, "-on");
    if (lasting ? count < at_count : count != at_count) return GO;
    if (!strncmp(at_action, "fail-", 5)) {
        const char *until = getenv("SHIM_UNTIL");
        if (lasting && until && syscall(SYS_faccessat, AT_FDCWD, until, F_OK) == 0) return GO;
        errno = number_of(at_action + 5);
        return FAIL;
    }
    if (!strcmp(at_action, "kill-after")) return AFTER;
    if (!strcmp(at_action, "kill-half") && !strcmp(op, "write")) return HALF;
    if (!strncmp(at_action, "kill-", 5)) die();
    if (!strcmp(at_action, "stop")) kill(getpid(), SIGSTOP);
    return GO;
}

/* A call that changes one thing: the point, the call, the record. */
#define STEP(place, op, call, failed, noted) \
    do { \
        enum what what_ = reached(place, op); \
        if (what_ == FAIL) return failed; \
        lock(); \
        __typeof__(call) got_ = call; \
        if (got_ != (failed)) { noted; } \
        unlock(); \
        if (what_ == AFTER) die(); \
        return got_; \
    } while (0)

static int opening(int folder, const char *path, int flags, mode_t mode) {
    struct place place;
    struct stat found;
    static int (*real)(int, const char *, int, ...);
    if (!real) real = dlsym(RTLD_NEXT, "openat64");
    if (!by_path(folder, path, &place)) return real(folder, path, flags, mode);
    if (!(flags & (O_CREAT | O_TRUNC))) STEP(&place, "open", real(folder, path, flags, mode), -1, );
    lock(); /* whether it is there must not change until it is open */
    int fresh = (flags & O_CREAT) && lstat(place.path, &found) != 0;
    int cuts = !fresh && (flags & O_TRUNC) && found.st_size > 0;
    enum what what = reached(&place, fresh ? "create" : cuts ? "truncate" : "open");
    int fd = what == FAIL ? -1 : real(folder, path, flags, mode);
    if (fd >= 0 && (fresh || cuts)) note(fresh ? 'C' : 'T', inode_of(fd, NULL), 0, &place, NULL, NULL, 0, 0);
    unlock();
    if (what == AFTER) die();
    return fd;
}

#define OPEN_WITH_MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *path, int flags, ...) { OPEN_WITH_MODE(flags) return opening(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { OPEN_WITH_MODE(flags) return opening(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { OPEN_WITH_MODE(flags) return opening(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { OPEN_WITH_MODE(flags) return opening(folder, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opening(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return opening(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* All four writing calls; `at` below zero: where the descriptor stands. */
static ssize_t writing(int fd, const struct iovec *data, int count, off_t at) {
    struct place place;
    static __typeof__(&writev) real;
    static __typeof__(&pwritev) real_at;
    if (!real) real = dlsym(RTLD_NEXT, "writev"), real_at = dlsym(RTLD_NEXT, "pwritev");
    int ours = by_descriptor(fd, &place);
    if (!ours && under_octets && !strcmp(place.path, mark)) {
        size_t octets = 0;
        for (int i = 0; i < count; i++) octets += data[i].iov_len;
        lock();
        note('M', 0, 0, NULL, NULL, data, count, octets);
        unlock();
        return (ssize_t)octets;
    }
    if (!ours) return at < 0 ? real(fd, data, count) : real_at(fd, data, count, at);
    enum what what = reached(&place, "write");
    if (what == FAIL) return -1;
    lock();
    if (what == HALF) {
        size_t octets = 0;
        for (int i = 0; i < count; i++) octets += data[i].iov_len;
        for (octets /= 2; count > 0 && octets > 0; data++, count--) { /* part by part: `at` below zero moves by itself */
            struct iovec part = {data->iov_base, data->iov_len < octets ? data->iov_len : octets};
            ssize_t got = at < 0 ? real(fd, &part, 1) : real_at(fd, &part, 1, at);
            if (got < 0) break;
            octets -= (size_t)got;
            at += at < 0 ? 0 : got;
        }
        die();
    }
    ssize_t got = at < 0 ? real(fd, data, count) : real_at(fd, data, count, at);
    if (got > 0) {
        int kept = errno;
        off_t began = at < 0 ? lseek(fd, 0, SEEK_CUR) - got : at;
        errno = kept;
        note('W', inode_of(fd, NULL), (uint64_t)began, &place, NULL, data, count, (size_t)got);
    }
    unlock();
    if (what == AFTER) die();
    return got;
}

#define ONE {(void *)data, octets}
ssize_t write(int fd, const void *data, size_t octets) { struct iovec one = ONE; return writing(fd, &one, 1, -1); }
ssize_t pwrite(int fd, const void *data, size_t octets, off_t at) { struct iovec one = ONE; return writing(fd, &one, 1, at); }
ssize_t pwrite64(int fd, const void *data, size_t octets, off64_t at) { struct iovec one = ONE; return writing(fd, &one, 1, at); }
ssize_t writev(int fd, const struct iovec *data, int count) { return writing(fd, data, count, -1); }
ssize_t pwritev(int fd, const struct iovec *data, int count, off_t at) { return writing(fd, data, count, at); }
ssize_t pwritev64(int fd, const struct iovec *data, int count, off64_t at) { return writing(fd, data, count, at); }

/* Refused below the folder, so that programs copy by reading and writing, which is seen. */
#define REFUSED(name, out, ...) \
    struct place place; \
    REAL(name); \
    if (!by_descriptor(out, &place)) return real(__VA_ARGS__); \
    errno = EINVAL; \
    return -1
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t octets, unsigned flags) { REFUSED(copy_file_range, out, in, from, out, to, octets, flags); }
ssize_t sendfile(int out, int in, off_t *from, size_t octets) { REFUSED(sendfile, out, out, in, from, octets); }
ssize_t sendfile64(int out, int in, off64_t *from, size_t octets) { REFUSED(sendfile64, out, out, in, from, octets); }
ssize_t splice(int in, off64_t *from, int out, off64_t *to, size_t octets, unsigned flags) { REFUSED(splice, out, in, from, out, to, octets, flags); }

static int truncating(int fd, off_t length) {
    struct place place;
    static __typeof__(&ftruncate) real;
    if (!real) real = dlsym(RTLD_NEXT, "ftruncate64");
    if (!by_descriptor(fd, &place)) return real(fd, length);
    STEP(&place, "truncate", real(fd, length), -1, note('T', inode_of(fd, NULL), (uint64_t)length, &place, NULL, NULL, 0, 0));
}
int ftruncate(int fd, off_t length) { return truncating(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncating(fd, length); }

/* posix_fallocate answers with the error itself, but nobody here calls it. */
static int allocating(int fd, int mode, off_t at, off_t octets) {
    struct place place;
    static __typeof__(&fallocate) real;
    if (!real) real = dlsym(RTLD_NEXT, "fallocate64");
    if (!by_descriptor(fd, &place)) return real(fd, mode, at, octets);
    STEP(&place, "allocate", real(fd, mode, at, octets), -1,
         note(mode ? 'X' : 'A', inode_of(fd, NULL), (uint64_t)(at + octets), &place, NULL, NULL, 0, 0));
}
int fallocate(int fd, int mode, off_t at, off_t octets) { return allocating(fd, mode, at, octets); }
int fallocate64(int fd, int mode, off64_t at, off64_t octets) { return allocating(fd, mode, at, octets); }

/* The lock is not held while the disk works: others may write meanwhile, and do in truth. */
static int syncing(int fd, int (*real)(int)) {
    struct place place;
    struct stat found;
    if (!by_descriptor(fd, &place)) return real(fd);
    int folder = !fstat(fd, &found) && S_ISDIR(found.st_mode);
    enum what what = reached(&place, folder ? "sync-folder" : "sync");
    if (what == FAIL) return -1;
    lock();
    note(folder ? 'D' : 'S', found.st_ino, 0, &place, NULL, NULL, 0, 0);
    unlock();
    int failed = swallows ? 0 : real(fd);
    lock();
    if (!failed) note(folder ? 'd' : 's', found.st_ino, 0, &place, NULL, NULL, 0, 0);
    unlock();
    if (what == AFTER) die();
    return failed;
}
int fsync(int fd) { REAL(fsync); return syncing(fd, real); }
int fdatasync(int fd) { REAL(fdatasync); return syncing(fd, real); }

/* The wall clock only: what is waited for is not. */
int clock_gettime(clockid_t which, struct timespec *now) {
    REAL(clock_gettime);
    pthread_once(&once, start);
    int failed = real(which, now);
    if (!failed && ahead && which == CLOCK_REALTIME) now->tv_sec += *ahead;
    return failed;
}

/* The point is that of the new name; coming from or going elsewhere is something a record cannot tell. */
static int naming(const char *op, char kind, int from_folder, const char *from, int to_folder, const char *to, int flags) {
    struct place one, two;
    static int (*real_rename)(int, const char *, int, const char *, unsigned);
    static __typeof__(&linkat) real_link;
    if (!real_link) real_link = dlsym(RTLD_NEXT, "linkat"), real_rename = dlsym(RTLD_NEXT, "renameat2");
    int a = by_path(from_folder, from, &one), b = by_path(to_folder, to, &two);
#define CALL (kind == 'L' ? real_link(from_folder, from, to_folder, to, flags) : real_rename(from_folder, from, to_folder, to, (unsigned)flags))
    if (!a && !b) return CALL;
    char noted = a && b && !(kind == 'R' && flags & RENAME_EXCHANGE) ? kind : 'X';
    STEP(b ? &two : &one, op, CALL, -1, note(noted, inode_of(-1, two.path), 0, a ? &one : NULL, b ? &two : NULL, NULL, 0, 0));
}
int rename(const char *from, const char *to) { return naming("rename", 'R', AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int f, const char *from, int t, const char *to) { return naming("rename", 'R', f, from, t, to, 0); }
int renameat2(int f, const char *from, int t, const char *to, unsigned flags) { return naming("rename", 'R', f, from, t, to, (int)flags); }
int link(const char *from, const char *to) { return naming("link", 'L', AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int f, const char *from, int t, const char *to, int flags) { return naming("link", 'L', f, from, t, to, flags); }

static int removing(int folder, const char *path, int flags) {
    struct place place;
    static __typeof__(&unlinkat) real;
    if (!real) real = dlsym(RTLD_NEXT, "unlinkat");
    if (!by_path(folder, path, &place)) return real(folder, path, flags);
    int is_folder = flags & AT_REMOVEDIR;
    uint64_t inode = inode_of(-1, place.path);
    STEP(&place, is_folder ? "rmdir" : "unlink", real(folder, path, flags), -1, note(is_folder ? 'Z' : 'U', inode, 0, &place, NULL, NULL, 0, 0));
}
int unlink(const char *path) { return removing(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return removing(folder, path, flags); }
int rmdir(const char *path) { return removing(AT_FDCWD, path, AT_REMOVEDIR); }

static int making(int folder, const char *path, mode_t mode) {
    struct place place;
    static __typeof__(&mkdirat) real;
    if (!real) real = dlsym(RTLD_NEXT, "mkdirat");
    if (!by_path(folder, path, &place)) return real(folder, path, mode);
    STEP(&place, "mkdir", real(folder, path, mode), -1, note('K', inode_of(-1, place.path), 0, &place, NULL, NULL, 0, 0));
}
int mkdir(const char *path, mode_t mode) { return making(AT_FDCWD, path, mode); }
int mkdirat(int folder, const char *path, mode_t mode) { return making(folder, path, mode); }
