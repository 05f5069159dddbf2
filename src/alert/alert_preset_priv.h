/* alert_preset_priv.h -- bodies for receivers that refuse what they do not know. */
#ifndef ALERT_ALERT_PRESET_PRIV_H
#define ALERT_ALERT_PRESET_PRIV_H

#include "base/str.h"

struct alert_preset {
    const char *name;
    const char *url;  /* "": the user's */
    const char *body; /* a template */
};

/* NULL: there is no such one. */
const struct alert_preset *alert_preset_find(struct str name);

#endif
