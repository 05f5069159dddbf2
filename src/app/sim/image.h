/* image.h -- a data folder as a first start leaves it, so that most seeds need not build the whole
 * schema anew. Made once for a campaign, before its first seed. */
#ifndef APP_SIM_IMAGE_H
#define APP_SIM_IMAGE_H

#include "app/sim/trial.h"

/* Before any trial of the process. */
void image_make(void);
/* Into "data" of the trial's disk, durably; one seed in so many begins with an empty disk instead,
 * so that migrations are cut off too. */
void image_put(struct trial *trial);

#endif
