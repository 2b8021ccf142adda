/*
 * What a stand-in wants of the thread that waits for it: to read and write the program's
 * memory, as the hooks inside would. What can't be read is told, as there.
 */
#ifndef PYSHIM_REMOTE_SERVE_H
#define PYSHIM_REMOTE_SERVE_H

#include "bridge.h"
#include "remote_wire.h"

/* Whatever `channel->word` wants but WANT_REAL; what is to stand in `channel->size`. */
int64_t remote_serve(struct channel *channel, const struct ground *ground);

/* The paths of a call, unasked: most hooks look at them, and a turn costs more. */
void remote_hand_texts(struct channel *channel, const struct call *call);

#endif
