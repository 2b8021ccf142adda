/* Rules in inner.h. */
#define _GNU_SOURCE
#include "inner.h"
#include "real.h"

struct inner inner;

bool inner_find(void)
{
	inner = (struct inner){
		.on_exit = real_in_libc("on_exit"),
		.register_atfork = real_in_libc("__register_atfork"),
		.key_create = real_in_libc("pthread_key_create"),
		.key_delete = real_in_libc("pthread_key_delete"),
		.setspecific = real_in_libc("pthread_setspecific"),
		.setcancelstate = real_in_libc("pthread_setcancelstate"),
	};
	return inner.on_exit && inner.register_atfork && inner.key_create
		&& inner.key_delete && inner.setspecific && inner.setcancelstate;
}
