/* Imports nothing but a function of check_library.c. */
int say(const char *text);

int main(void)
{
	return say("hello\n");
}
