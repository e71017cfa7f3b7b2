# SPDX-License-Identifier: GPL-2.0-only
#
# The monitor, build/kap, from hostos/.

HOSTOS_SRC := $(sort $(wildcard hostos/*/*.c))
HOSTOS_OBJ := $(HOSTOS_SRC:%.c=build/obj/%.o)
HOSTOS_MAIN := build/obj/hostos/cli/main.o

KAP_CFLAGS := -std=gnu11 -Wall -Wextra -pthread -Ihostos -Ikernel-shim/include
KAP_LDLIBS := -Wl,--as-needed -lseccomp -lcap

build/kap: $(HOSTOS_OBJ)
	@echo '  LD      $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(KAP_LDLIBS)

# What `kap gdb` loads into gdb.
build/kap: | build/kap-gdb.py
build/kap-gdb.py: scripts/gdb/kap-gdb.py
	@mkdir -p $(@D)
	@ln -sf ../scripts/gdb/kap-gdb.py $@

# One rule for every C file that runs on the host, tests included.
build/obj/%.o: %.c build/config.mak mk/kap.mk
	@echo '  CC      $<'
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(KAP_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard build/obj/*/*/*.d)
