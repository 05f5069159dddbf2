/* process_figures.h -- what this process uses, as the system counts it. */
#ifndef IO_PROCESS_FIGURES_H
#define IO_PROCESS_FIGURES_H

#include "base/base.h"

/* -1: the system does not say. */
struct process_figures {
    int64_t resident_bytes, virtual_bytes;
    int64_t cpu_us; /* user and system */
    int64_t threads;
    int64_t started_us; /* wall clock, to a hundredth of a second */
    int64_t open_files, open_files_max;
};

/* Reads /proc: some microseconds. Any thread. */
struct process_figures process_figures_read(void);

#endif
