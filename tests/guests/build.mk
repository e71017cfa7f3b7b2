# SPDX-License-Identifier: GPL-2.0-only
#
# Test kernels: build/tests/guests/NAME from NAME.c, the runtime and kernel-shim. Kernels
# with a wrong note are made from boot.c, with another note than the shim's.

GUEST_CFLAGS := -ffreestanding -fPIE -mcmodel=small -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-jump-tables -fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
	-fno-tree-loop-distribute-patterns -O2 -g -std=gnu11 -Wall -Wextra -nostdinc \
	-Ikernel-shim/include -Ikernel-shim -Itests/guests

GUEST_OBJ := build/obj/guests
GUEST_SHIM := $(patsubst %,$(GUEST_OBJ)/%.o,$(basename $(wildcard kernel-shim/*.c \
	kernel-shim/engine/*.c kernel-shim/x86/*.S)))
GUEST_LIB := $(addprefix $(GUEST_OBJ)/tests/guests/,lib.o user.o)
GUEST_NOTES := note_version note_window note_none
GUESTS := $(addprefix build/tests/guests/,$(filter-out lib user $(GUEST_NOTES), \
	$(basename $(notdir $(wildcard tests/guests/*.c)))))
BAD_GUESTS := $(addprefix build/tests/guests/,$(GUEST_NOTES))

$(GUEST_OBJ)/%.o: %.c tests/guests/build.mk
	@echo '  CC [g]  $<'
	@mkdir -p $(@D)
	@$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

$(GUEST_OBJ)/%.o: %.S tests/guests/build.mk
	@echo '  AS [g]  $<'
	@mkdir -p $(@D)
	@$(CC) $(GUEST_CFLAGS) -D__ASSEMBLER__ -MMD -MP -c -o $@ $<

$(GUEST_OBJ)/guest.lds: tests/guests/guest.lds kernel-shim/include/kap/abi.h
	@mkdir -p $(@D)
	@$(CC) -E -P -undef -nostdinc -D__ASSEMBLER__ -Ikernel-shim/include -x assembler-with-cpp \
		-o $@ $<

define guest_link
	@echo '  LD [g]  $@'
	@mkdir -p $(@D)
	@$(CC) -nostdlib -static -no-pie -Wl,-T,$(GUEST_OBJ)/guest.lds -Wl,--build-id=none \
		-Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -Wl,--no-relax $(GUEST_LDFLAGS) -o $@ $(filter %.o,$^)
endef

$(GUESTS): build/tests/guests/%: $(GUEST_OBJ)/tests/guests/%.o $(GUEST_LIB) $(GUEST_SHIM) \
		$(GUEST_OBJ)/guest.lds
	$(guest_link)

# It gets at the boot information before the shim does.
build/tests/guests/badboot: GUEST_LDFLAGS := -Wl,-e,spoil_entry

$(BAD_GUESTS): build/tests/guests/%: $(GUEST_OBJ)/tests/guests/boot.o \
		$(GUEST_OBJ)/tests/guests/%.o $(GUEST_LIB) \
		$(filter-out %/note.o,$(GUEST_SHIM)) $(GUEST_OBJ)/guest.lds
	$(guest_link)

-include $(wildcard $(GUEST_OBJ)/*/*.d $(GUEST_OBJ)/*/*/*.d)

CHECK_DEPS += $(GUESTS) $(BAD_GUESTS)

.PHONY: guests
guests: $(GUESTS) $(BAD_GUESTS)
