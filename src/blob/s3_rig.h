/* s3_rig.h -- a service for tests, on blocking sockets: objects in memory, signatures not looked at
 * (the tests of the whole server have one that does), and faults in the order in which a test wants
 * them. */
#ifndef BLOB_S3_RIG_H
#define BLOB_S3_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "blob/s3.h"

#define S3_RIG_OBJECTS_MAX 8
#define S3_RIG_FAULTS_MAX 8

/* Instead of an answer: a status from 400 on is one with its code as XML. */
enum { S3_RIG_WELL = 0, S3_RIG_CLOSE = 1, S3_RIG_HALF = 2, S3_RIG_HANG = 3 };

struct s3_rig_object {
    char path[256]; /* "": none */
    struct buf bytes;
};

struct s3_rig {
    uint16_t port;
    int listening;
    pthread_t thread;
    atomic_bool stopping;
    atomic_int requests, fault_next;
    int faults[S3_RIG_FAULTS_MAX]; /* of the first requests; the others go well */
    const char *code;              /* of errors */
    struct s3_rig_object objects[S3_RIG_OBJECTS_MAX];
    char last[512]; /* the last request's line and headers that tests look at */
    char endpoint[64];
    struct s3_settings settings;
};

/* Zeroed, or with faults, before. */
void s3_rig_start(struct s3_rig *rig);
void s3_rig_stop(struct s3_rig *rig);
size_t s3_rig_count(const struct s3_rig *rig); /* of objects */

#endif
