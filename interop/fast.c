/* Lets a program's days pass in seconds: loaded before the C library (LD_PRELOAD), it answers what time it is by a file of three
 * doubles, FAST_FILE: a moment of the real monotonic clock, the seconds that were skipped until then, and how many pass in one
 * since. What waits for sockets wakes up accordingly, and at least each second. See month.py. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const double *pace;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAST_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) pace = mapped;
}

static int real(clockid_t clock, struct timespec *at) { return (int)syscall(SYS_clock_gettime, clock, at); }

static int advances(clockid_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
           clock == CLOCK_BOOTTIME;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = real(clock, at);
    if (result || !pace || !advances(clock)) return result;
    struct timespec now;
    real(CLOCK_MONOTONIC, &now);
    double since = (double)now.tv_sec + (double)now.tv_nsec * 1e-9 - pace[0];
    long long skipped_ns = (long long)((pace[1] + since * (pace[2] - 1)) * 1e9) + at->tv_nsec;
    at->tv_sec += skipped_ns / 1000000000LL;
    at->tv_nsec = skipped_ns % 1000000000LL;
    return 0;
}

static int shorter(int timeout_ms) {
    if (!pace || timeout_ms == 0) return timeout_ms;
    double real_ms = timeout_ms < 0 ? 1000 : timeout_ms / pace[2];
    return real_ms < 1 ? 1 : real_ms > 1000 ? 1000 : (int)real_ms;
}

int epoll_pwait(int epoll, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask) {
    return (int)syscall(SYS_epoll_pwait, epoll, events, max, shorter(timeout_ms), mask, 8);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms) {
    return epoll_pwait(epoll, events, max, timeout_ms, NULL);
}
