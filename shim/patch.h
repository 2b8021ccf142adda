/*
 * libc's and ld.so's own syscall sites, turned into jumps: such a call is caught in tens
 * of nanoseconds, where a SIGSYS takes microseconds. What may be replaced is in a plan
 * that the host made (patch_wire.h), in the run's folder, one for each library.
 *
 * A site that can't be patched is left to the dispatch (catchall.h), which is slower and
 * sees the same; so is every site of a library for which there is no plan.
 */
#ifndef PYSHIM_PATCH_H
#define PYSHIM_PATCH_H

/* Constructor only, when the catch-all is armed. Nothing is said of what is left. */
void patch_libraries(void);

/* The slots (patch_x86_64.S): behind the range whose syscalls pass. */
extern char patch_room[] __attribute__((visibility("hidden")));
extern char patch_room_end[] __attribute__((visibility("hidden")));

#endif
