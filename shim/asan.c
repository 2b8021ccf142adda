/*
 * AddressSanitizer's runtime wants to be the first library, and ends the program when it
 * is not: its malloc and its wrappers would be somebody else's. Here they are its own:
 * of what it defines we export calls only, and our real is the next definition, which
 * is its. So the check is answered for it, with a default that ASAN_OPTIONS overrides; a
 * program that defines this function itself comes before us, and has to say so itself.
 *
 * It may be called before anything here is relocated: no pointer is loaded from data.
 */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "verify_asan_link_order=0";
}
