/* What /proc/self and getrusage say. */
#include "io/process_figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"

#define STAT_BYTES_MAX 1024
/* Behind the name, which may hold anything, come the numbers; of stat(5) these: */
#define FIELD_FIRST 3
#define FIELD_THREADS 20
#define FIELD_START 22
#define FIELD_VIRTUAL 23
#define FIELD_RESIDENT 24

static struct str read_small(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, size);

    if (fd >= 0)
        close(fd);
    return len < 0 ? STR_NONE : str_range(text, (size_t)len);
}

static int64_t field_of(struct str stat, int wanted)
{
    struct str rest = stat, piece = STR("");
    int64_t value = -1;
    int field = FIELD_FIRST;

    while (str_split(&rest, ' ', &piece) && field < wanted)
        field++;
    return field == wanted && str_to_i64(str_trim(piece), &value) == OK ? value : -1;
}

static struct str behind_name(struct str stat)
{
    size_t at = stat.len;

    while (at > 0 && stat.data[at - 1] != ')')
        at--;
    return str_trim(str_from(stat, at));
}

/* "btime 1764356400" of /proc/stat: when the system started. */
static int64_t booted_us(void)
{
    char text[64 * 1024];
    struct str stat = read_small("/proc/stat", text, sizeof(text)), line;
    int64_t seconds = -1;

    while (str_split(&stat, '\n', &line))
        if (str_starts(line, STR("btime ")) && str_to_i64(str_from(line, 6), &seconds) == OK)
            return seconds * US_PER_SECOND;
    return -1;
}

static int64_t cpu_us(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage))
        return -1;
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * US_PER_SECOND +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int64_t count_open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t count = -1; /* itself is among them */

    if (!dir)
        return -1;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2; /* . and .. */
}

struct process_figures process_figures_read(void)
{
    char text[STAT_BYTES_MAX];
    struct str stat = behind_name(read_small("/proc/self/stat", text, sizeof(text)));
    int64_t ticks = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE), booted = booted_us();
    int64_t resident = field_of(stat, FIELD_RESIDENT), start = field_of(stat, FIELD_START);
    struct rlimit files;

    return (struct process_figures){
        .resident_bytes = resident < 0 ? -1 : resident * page,
        .virtual_bytes = field_of(stat, FIELD_VIRTUAL),
        .cpu_us = cpu_us(),
        .threads = field_of(stat, FIELD_THREADS),
        .started_us =
            booted < 0 || start < 0 || ticks <= 0 ? -1 : booted + start * US_PER_SECOND / ticks,
        .open_files = count_open_files(),
        .open_files_max = getrlimit(RLIMIT_NOFILE, &files) ? -1 : (int64_t)files.rlim_cur,
    };
}
