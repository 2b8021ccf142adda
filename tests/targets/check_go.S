/*
 * The marks Go's linker leaves, in a C program: the build-id note, found by
 * its section, and the build info, found by its magic when sections are gone.
 */
	.section .note.go.buildid, "a", @note
	.balign 4
	.long 4, 8, 4			/* owner's length, text's length, type */
	.asciz "Go\0"
	.ascii "build-id"

	.section .go.buildinfo, "aw", @progbits
	.balign 16
	.ascii "\377 Go buildinf:"
	.byte 8, 2
	.skip 16

	.section .note.GNU-stack, "", @progbits
