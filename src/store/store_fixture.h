/* store_fixture.h -- for tests: a store in a folder of its own (or on PostgreSQL), and works to
 * give it. */
#ifndef STORE_STORE_FIXTURE_H
#define STORE_STORE_FIXTURE_H

#include <semaphore.h>
#include <stdatomic.h>

#include "base/test.h"
#include "store/store.h"

struct fixture {
    struct world *world;
    struct store *store;
    const char *postgres_url; /* NULL: SQLite */
    const char *vfs;          /* NULL: the system's */
    char folder[TEST_FOLDER_BYTES];
    bool is_beside; /* its world is another one's */
    atomic_int deaths;
};

/* One row of `idempotency`, or a look at it. */
struct job {
    struct store_work work;
    struct str id;
    struct str body;  /* of its row */
    enum topic topic; /* with `notes`: what it notifies of, with the id as key */
    bool notes;
    enum err returns; /* after its work */
    sem_t *holds;     /* apply waits for it */
    sem_t *entered;   /* apply says that it waits */
    int64_t found;
    int applied_at; /* the how manyth apply of the process it was */
    int applies;
    enum err err;
    sem_t is_done;
};

int fixture_open(struct fixture *fixture, const char *postgres_url);
int fixture_open_on(struct fixture *fixture, const char *vfs);
/* A second node on the same PostgreSQL. */
int fixture_open_beside(struct fixture *fixture, const struct fixture *first);
void fixture_stop(struct fixture *fixture);  /* closes the store, if it is open */
void fixture_close(struct fixture *fixture); /* and removes the folder */
/* As after a restart of the process: also when the store is stopped or dead. */
void fixture_reopen(struct fixture *fixture);
struct store_config fixture_config(struct fixture *fixture);

/* apply of a job: inserts the row, counts rows of that id, or just holds. */
enum err job_insert(struct tx *tx, struct store_work *work);
enum err job_count(struct tx *tx, struct store_work *work);
enum err job_nothing(struct tx *tx, struct store_work *work);

void job_init(struct job *job, enum err (*apply)(struct tx *, struct store_work *), struct str id);
enum err job_wait(struct job *job); /* and releases it */
/* Both in one. */
enum err fixture_insert(struct fixture *fixture, struct str id);
int64_t fixture_count(struct fixture *fixture, struct str id);

#endif
