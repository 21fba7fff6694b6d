/* The time of day of a process, off by the seconds that stand in the file $NNK_TEST_CLOCK (a long), as if
   somebody had set the clock. Preloaded; how fast time passes, and the times of files, stay true. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long *shift_s;

__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("NNK_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift_s, PROT_READ, MAP_SHARED, file, 0);
    shift_s = mapped == MAP_FAILED ? NULL : mapped;
    if (file >= 0)
        close(file);
}

static long shift(void)
{
    return shift_s ? *shift_s : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME)
        now->tv_sec += shift();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int failed = syscall(SYS_gettimeofday, now, zone);
    if (!failed && now)
        now->tv_sec += shift();
    return failed;
}

time_t time(time_t *stored)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (stored)
        *stored = now.tv_sec;
    return now.tv_sec;
}

/* Until a time of day: the kernel's has not been set. */
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
    struct timespec kernels = {until->tv_sec - shift(), until->tv_nsec};
    return sem_clockwait(semaphore, CLOCK_REALTIME, &kernels);
}
