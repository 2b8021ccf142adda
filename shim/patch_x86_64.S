/*
 * The room: slots that patch.c fills, in pages that hold nothing else. It begins where the
 * range ends whose syscalls pass (catchall.c): a slot's own is for threads that have left
 * us. The kernel looks at the address behind an instruction, so the first slot stays empty.
 *
 * One description does for a signal that interrupts anywhere in it: the frame is that of
 * the site, whose address is in the last eight bytes of the slot, and nothing of it has
 * moved. CFA: rsp; rip: *((rip & -64) + 56).
 */
	.section .patch_room, "ax", @progbits
	.globl patch_room, patch_room_end
	.hidden patch_room, patch_room_end
	.type patch_room, @object
	.balign 4096
patch_room:
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa %rsp, 0
	.cfi_escape 0x16, 0x10, 0x08, 0x80, 0x00, 0x09, 0xc0, 0x1a, 0x23, 0x38, 0x06
	.skip 640 * 64, 0xcc
	.cfi_endproc
patch_room_end:
	.size patch_room, . - patch_room
	.section .note.GNU-stack,"",@progbits
