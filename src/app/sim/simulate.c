/* simulate.c -- the program: plays a scenario from many seeds.
 *
 *   simulate [--scenario NAME] [--jobs N] [--hashes] FIRST COUNT
 *   simulate [--scenario NAME] --trace SEED
 *
 * Each seed has a process of its own, so that an abort ends one seed and not the campaign. A
 * failing seed is printed with what was wrong and how to replay it; --hashes prints every seed's
 * hash: the same seed gives the same hash in every process. The last line is `N passed, N failed`.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/sim/image.h"
#include "app/sim/scenario.h"

#define JOBS_MAX 64
#define SEED_SECONDS_MAX 600        /* of one seed, with the slowest sanitizer on a busy machine */
#define REPORT_BYTES_MAX (48 * KIB) /* less than a pipe holds */

static const struct scenario *const scenarios[] = {&scenario_server, &scenario_cuts,
                                                   &scenario_kills, &scenario_engine};

struct campaign {
    const struct scenario *scenario;
    int64_t first, count, jobs;
    bool has_hashes, is_traced;
    int64_t passed, failed;
};

struct job {
    pid_t pid; /* 0: free */
    int report;
    int64_t seed;
};

/* ---- one seed ---- */

static int seed_play(const struct campaign *campaign, int64_t seed, FILE *report)
{
    struct trial trial;
    int code;

    alarm(SEED_SECONDS_MAX);
    trial_begin(&trial, (uint64_t)seed, campaign->is_traced);
    campaign->scenario->play(&trial);
    code = trial.complaint_count > 0;
    fprintf(report, "%016llx\n%.*s", (unsigned long long)sim_trace_hash(trial.sim),
            STR_ARG(buf_str(&trial.complaints)));
    fflush(report);
    trial_end(&trial);
    return code;
}

static void job_start(const struct campaign *campaign, struct job *job, int64_t seed)
{
    int ends[2];

    REQUIRE(pipe(ends) == 0);
    fflush(stdout);
    job->seed = seed;
    job->report = ends[0];
    job->pid = fork();
    REQUIRE(job->pid >= 0);
    if (job->pid == 0) {
        FILE *report = fdopen(ends[1], "w");

        REQUIRE(report);
        close(ends[0]);
        _exit(seed_play(campaign, seed, report));
    }
    close(ends[1]);
}

/* ---- the campaign ---- */

static void job_judge(struct campaign *campaign, struct job *job, int status)
{
    static char text[REPORT_BYTES_MAX];
    size_t len = 0;
    ssize_t got;
    struct str report, hash;
    bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    while ((got = read(job->report, text + len, sizeof(text) - len)) > 0)
        len += (size_t)got;
    close(job->report);
    report = str_range(text, len);
    (void)(str_split(&report, '\n', &hash) || (hash = STR("-"), true));
    campaign->passed += is_good;
    campaign->failed += !is_good;
    if (campaign->has_hashes || !is_good)
        printf("seed %lld hash %.*s\n", (long long)job->seed, STR_ARG(hash));
    if (WIFSIGNALED(status))
        printf("  it ended by signal %d\n", WTERMSIG(status));
    if (!is_good)
        printf("%.*s  replay: simulate --scenario %s --trace %lld\n", STR_ARG(report),
               campaign->scenario->name, (long long)job->seed);
    fflush(stdout);
    job->pid = 0;
}

static void campaign_run(struct campaign *campaign)
{
    struct job jobs[JOBS_MAX] = {0};
    int64_t next = campaign->first, running = 0;

    while (next < campaign->first + campaign->count || running > 0) {
        int status;
        pid_t pid;

        for (int64_t i = 0; i < campaign->jobs && next < campaign->first + campaign->count; i++) {
            if (jobs[i].pid)
                continue;
            job_start(campaign, &jobs[i], next++);
            running++;
        }
        pid = waitpid(-1, &status, 0);
        REQUIRE(pid > 0);
        for (int64_t i = 0; i < campaign->jobs; i++)
            if (jobs[i].pid == pid) {
                job_judge(campaign, &jobs[i], status);
                running--;
            }
    }
}

/* ---- the command line ---- */

static bool number_take(const char *text, int64_t least, int64_t *number)
{
    return text && !str_to_i64(str_of(text), number) && *number >= least;
}

static bool scenario_take(const char *name, const struct scenario **scenario)
{
    for (size_t i = 0; name && i < ARRAY_LEN(scenarios); i++)
        if (str_eq(str_of(name), str_of(scenarios[i]->name))) {
            *scenario = scenarios[i];
            return true;
        }
    return false;
}

static bool arguments_read(struct campaign *campaign, char **argv)
{
    int64_t *const numbers[] = {&campaign->first, &campaign->count};
    size_t count = 0;

    for (; *argv; argv++) {
        struct str word = str_of(*argv);
        bool is_good = true;

        if (str_eq(word, STR("--hashes"))) {
            campaign->has_hashes = true;
        } else if (str_eq(word, STR("--trace"))) {
            campaign->is_traced = true;
            is_good = number_take(*++argv, 0, &campaign->first);
        } else if (str_eq(word, STR("--jobs"))) {
            is_good = number_take(*++argv, 1, &campaign->jobs) && campaign->jobs <= JOBS_MAX;
        } else if (str_eq(word, STR("--scenario"))) {
            is_good = scenario_take(*++argv, &campaign->scenario);
        } else {
            is_good = count < ARRAY_LEN(numbers) && number_take(*argv, 0, numbers[count++]);
        }
        if (!is_good)
            return false;
    }
    return true;
}

int main(int argc UNUSED, char **argv)
{
    struct campaign campaign = {.scenario = scenarios[0], .first = 1, .count = 1, .jobs = 1};

    if (!arguments_read(&campaign, argv + 1)) {
        fputs("simulate [--scenario NAME] [--jobs N] [--hashes] FIRST COUNT\n"
              "simulate [--scenario NAME] --trace SEED\n",
              stderr);
        return 2;
    }
    image_make();
    if (campaign.is_traced)
        return seed_play(&campaign, campaign.first, stdout);
    campaign_run(&campaign);
    printf("%lld passed, %lld failed\n", (long long)campaign.passed, (long long)campaign.failed);
    return campaign.failed > 0;
}
