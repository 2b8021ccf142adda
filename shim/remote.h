/*
 * Python outside the target: the same hooks run in a process of the host's, one for each
 * process here (remote_wire.h). The way where Python can't be inside: bridge.c chooses.
 *
 * Called with the hook mutex held, as the bridge inside is. The thread that asks reads and
 * writes the program's memory for the stand-in. When the stand-in is gone, whatever ended
 * it, the call goes through and is counted (SKIP_HOOK_GONE).
 */
#ifndef PYSHIM_REMOTE_H
#define PYSHIM_REMOTE_H

#include "bridge.h"
#include "remote_wire.h"

/* In the place of the bridge that libpybridge.so offers. Its start() returns -1 where
 * there is no stand-in to be had. */
extern struct bridge remote_bridge;

/* Constructor only. `mapped` is the whole file "hooks", NULL: there is none. */
void remote_init(struct remote *mapped);

bool remote_there(void);

/* Before start(): tells the host why Python can't be in this process. */
void remote_because(const char *why);

#endif
