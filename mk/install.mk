# SPDX-License-Identifier: GPL-2.0-only
#
# make install: the program, the guest, and the sources that `kap build` needs.

KAP_LIB = $(DESTDIR)$(prefix)/lib/kap

install: all
	install -d '$(DESTDIR)$(prefix)/bin' '$(KAP_LIB)' '$(DESTDIR)$(mandir)/man1'
	install -m 755 build/kap '$(DESTDIR)$(prefix)/bin/kap'
	install -m 644 build/vmlinux build/initramfs.cpio '$(KAP_LIB)/'
	install -m 755 scripts/kap-build scripts/progress.sh '$(KAP_LIB)/'
	install -m 644 scripts/gdb/kap-gdb.py '$(KAP_LIB)/'
	rm -rf '$(KAP_LIB)/arch-um' '$(KAP_LIB)/kernel-shim'
	cp -RP arch-um kernel-shim '$(KAP_LIB)/'
	install -m 644 docs/kap.1 '$(DESTDIR)$(mandir)/man1/kap.1'
