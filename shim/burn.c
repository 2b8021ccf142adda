/* libpyburn.so: takes pthread keys 0-23 in the bridge's namespace before anybody else
 * there can. Why: bridge.c, reserve_keys(). Linked with -z initfirst. */
#include <pthread.h>

__attribute__((constructor)) static void burn(void)
{
	pthread_key_t key;

	while (!pthread_key_create(&key, NULL) && key < 23)
		;
}
