/* Makes one call that changes (or reads) files below a folder fail, or kills the process there.

   cc -shared -fPIC faults.c -o faults.so -ldl, then LD_PRELOAD=faults.so; arm() before the work. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char root[PATH_MAX];
static long counted[2], due = -1; /* calls that write, calls that read */
static int fault, forever, of_reads, armed, back;

/* error: an errno, or 0 to die by SIGKILL, in a write after half of it; due < 0 only counts. */
void arm(const char *folder, long number, int error, int again, int reads) {
    strncpy(root, folder, sizeof root - 1);
    counted[0] = counted[1] = 0; due = number; fault = error; forever = again; of_reads = reads; armed = 1;
}
long calls(int reads) { return counted[reads]; }
void set_back(int seconds) { back = seconds; }

static int below(const char *path) {
    return armed && path && strncmp(path, root, strlen(root)) == 0;
}
static int open_below(int file) {
    char name[64], path[PATH_MAX];
    int kept = errno;
    if (!armed) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    errno = kept;
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}
static int strikes(int is_read) {
    long number = __sync_fetch_and_add(&counted[is_read], 1);
    return is_read == of_reads && due >= 0 && (number == due || (forever && number > due));
}
static void die(void) { kill(getpid(), SIGKILL); pause(); }

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define FAIL(value) do { if (!fault) die(); errno = fault; return value; } while (0)

#define WRITER(name, head, names, half) \
    ssize_t name head { \
        REAL(name); \
        if (open_below(file) && strikes(0)) { if (!fault) half; FAIL(-1); } \
        return real names; \
    }
WRITER(write, (int file, const void *data, size_t size), (file, data, size),
       (void)!real(file, data, size / 2))
WRITER(pwrite, (int file, const void *data, size_t size, off_t at), (file, data, size, at),
       (void)!real(file, data, size / 2, at))
WRITER(pwrite64, (int file, const void *data, size_t size, off64_t at), (file, data, size, at),
       (void)!real(file, data, size / 2, at))
WRITER(writev, (int file, const struct iovec *parts, int count), (file, parts, count), (void)0)

size_t fwrite(const void *data, size_t size, size_t count, FILE *stream) {
    REAL(fwrite);
    if (armed && open_below(fileno(stream)) && strikes(0)) {
        if (!fault) { real(data, size, count / 2, stream); fflush(stream); }
        FAIL(0);
    }
    return real(data, size, count, stream);
}

#define CHANGER(name, head, names, where) \
    int name head { \
        REAL(name); \
        if (where && strikes(0)) FAIL(-1); \
        return real names; \
    }
CHANGER(fsync, (int file), (file), open_below(file))
CHANGER(fdatasync, (int file), (file), open_below(file))
CHANGER(ftruncate, (int file, off_t size), (file, size), open_below(file))
CHANGER(ftruncate64, (int file, off64_t size), (file, size), open_below(file))
CHANGER(rename, (const char *from, const char *to), (from, to), below(to))
CHANGER(mkdir, (const char *path, mode_t mode), (path, mode), below(path))
CHANGER(unlink, (const char *path), (path), fault != ENOSPC && below(path))
CHANGER(rmdir, (const char *path), (path), fault != ENOSPC && below(path))

#define OPENER(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        if (below(path) && strikes(!(flags & O_CREAT))) FAIL(-1); \
        return real(path, flags, mode); \
    }
OPENER(open)
OPENER(open64)

#define READER(name, head, names) \
    ssize_t name head { \
        REAL(name); \
        if (open_below(file) && strikes(1)) FAIL(-1); \
        return real names; \
    }
READER(read, (int file, void *data, size_t size), (file, data, size))
READER(pread, (int file, void *data, size_t size, off_t at), (file, data, size, at))
READER(pread64, (int file, void *data, size_t size, off64_t at), (file, data, size, at))

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int done = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec -= back;
    return done;
}
