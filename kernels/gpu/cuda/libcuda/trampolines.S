// One trampoline for each function in symbols.h: it jumps to the function of
// libcuda.so.1 of that name, which ort_cuda_find (libcuda.c) looks up at the first call.

#ifndef __x86_64__
#error "the CUDA build is for x86-64"
#endif

	.macro TRAMPOLINE name
	.section .rodata.str1.1,"aMS",@progbits,1
.Lname_\name:
	.asciz "\name"
	.section .data.rel,"aw"
	.balign 16
.Lentry_\name: // struct entry of libcuda.c
	.quad 0
	.quad .Lname_\name
	.text
	.balign 16
	.globl \name
	.hidden \name
	.type \name, @function
\name:
	endbr64
	movq .Lentry_\name(%rip), %r11
	testq %r11, %r11
	je 1f
	jmpq *%r11
1:	leaq .Lentry_\name(%rip), %r11
	jmp first_call
	.size \name, .-\name
	.endm

	.text
	.type first_call, @function
// Keeps the registers that hold arguments, finds the function of entry r11, goes on there.
first_call:
	.cfi_startproc
	subq $184, %rsp // with the return address, a multiple of 16
	.cfi_adjust_cfa_offset 184
	movq %rdi, 0(%rsp)
	movq %rsi, 8(%rsp)
	movq %rdx, 16(%rsp)
	movq %rcx, 24(%rsp)
	movq %r8, 32(%rsp)
	movq %r9, 40(%rsp)
	movq %rax, 48(%rsp)
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7
	movups %xmm\i, 56+16*\i(%rsp)
	.endr
	movq %r11, %rdi
	callq ort_cuda_find
	movq %rax, %r11
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7
	movups 56+16*\i(%rsp), %xmm\i
	.endr
	movq 0(%rsp), %rdi
	movq 8(%rsp), %rsi
	movq 16(%rsp), %rdx
	movq 24(%rsp), %rcx
	movq 32(%rsp), %r8
	movq 40(%rsp), %r9
	movq 48(%rsp), %rax
	addq $184, %rsp
	.cfi_adjust_cfa_offset -184
	jmpq *%r11
	.cfi_endproc
	.size first_call, .-first_call

#define CU(name) TRAMPOLINE name
#include "symbols.h"

	.section .note.GNU-stack,"",@progbits
