/* sender_scene.h -- for tests of the sender: a rig with one receiver, fresh for each test, on both
 * stores. */
#ifndef DELIVERY_SENDER_SCENE_H
#define DELIVERY_SENDER_SCENE_H

#include "delivery/sender_rig.h"
#include "store/endpoints.h"
#include "store/secrets.h"

struct scene {
    struct sender_rig rig; /* not started */
    struct inbox inbox;
    char url[128]; /* of the inbox: "/hook?token=1" */
};

/* Each test with a struct scene as its state; with PostgreSQL too if there is one. Returns how many
 * failed. */
int scene_run(const struct CMUnitTest *tests, size_t count);
#define SCENE_RUN(tests) scene_run((tests), ARRAY_LEN(tests))

/* What the event does not say is the scene's: a run's webhook to its inbox. */
int64_t scene_add(struct scene *scene, struct outbox_event event);
/* Makes the endpoint of run webhooks to the inbox as told. */
void scene_make_endpoint(struct scene *scene, struct endpoint_row told);
/* The one that a delivery goes to. */
struct endpoint_row scene_endpoint_of(struct scene *scene, int64_t delivery_id);
/* Gives a secret to it. */
void scene_put_secret(struct scene *scene, const struct secret *secret);
/* Retires the sender, so that another one may be started or the inbox be closed. */
void scene_retire(struct scene *scene);
/* On the sender's thread; waits for it. */
void scene_look(struct scene *scene, void (*look)(struct delivery *delivery, void *context),
                void *context);

/* From now on each write takes as long at least, until the end. */
struct jam;
struct jam *scene_jam(struct scene *scene, int64_t each_ms);
void jam_end(struct jam *jam);

#endif
