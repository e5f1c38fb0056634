/* Fails or kills a process at its n-th file-changing call of one kind. Loaded by LD_PRELOAD;
 * armed by faults_arm(), so that a forked child can be armed after its imports. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static char armed[32];
static long at, seen;
static int error, for_ever;

/* error 0 kills; otherwise the call fails with it. fires: how often it did. */
void faults_arm(const char *call, long n, int with_error, int ever) {
    strncpy(armed, call, sizeof armed - 1);
    at = n, seen = 0, error = with_error, for_ever = ever;
}

long faults_seen(void) { return seen; }

static int fault(const char *call) {
    if (!armed[0] || strcmp(call, armed)) return 0;
    long now = __sync_add_and_fetch(&seen, 1);
    if (now != at && !(for_ever && now > at)) return 0;
    if (!error) kill(getpid(), SIGKILL);
    errno = error;
    return 1;
}

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return fd > 2 && fault("write") ? -1 : real(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t where) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return fault("pwrite") ? -1 : real(fd, data, size, where);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t where) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return fault("pwrite") ? -1 : real(fd, data, size, where);
}
int fsync(int fd) { REAL(int, "fsync", int); return fault("fsync") ? -1 : real(fd); }
int fdatasync(int fd) { REAL(int, "fdatasync", int); return fault("fdatasync") ? -1 : real(fd); }
int ftruncate(int fd, off_t n) {
    REAL(int, "ftruncate", int, off_t);
    return fault("ftruncate") ? -1 : real(fd, n);
}
int ftruncate64(int fd, off64_t n) {
    REAL(int, "ftruncate64", int, off64_t);
    return fault("ftruncate") ? -1 : real(fd, n);
}
int rename(const char *a, const char *b) {
    REAL(int, "rename", const char *, const char *);
    return fault("rename") ? -1 : real(a, b);
}
int link(const char *a, const char *b) {
    REAL(int, "link", const char *, const char *);
    return fault("link") ? -1 : real(a, b);
}
int linkat(int from, const char *a, int to, const char *b, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    return fault("link") ? -1 : real(from, a, to, b, flags);
}
int unlink(const char *a) { REAL(int, "unlink", const char *); return fault("unlink") ? -1 : real(a); }
int mkdir(const char *a, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    return fault("mkdir") ? -1 : real(a, mode);
}
int close(int fd) {
    REAL(int, "close", int);
    /* A failing close has closed the file all the same. */
    if (fault("close")) { int kept = errno; real(fd); errno = kept; return -1; }
    return real(fd);
}
#define OPEN(name) int name(const char *path, int flags, ...) { \
    va_list more; va_start(more, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; va_end(more); \
    REAL(int, #name, const char *, int, ...); \
    return fault("open") ? -1 : real(path, flags, mode); }
OPEN(open)
OPEN(open64)
