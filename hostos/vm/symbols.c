// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols of the guest kernel, read from its .symtab when a crash report needs them and not
 * before.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/symbols.h"

#define MAX_TABLE (256u << 20)

struct symbol {
	uint64_t addr, size;
	uint32_t name;
};

struct symbols {
	struct symbol *list;	/* sorted by address */
	size_t count;
	char *names;
	size_t names_size;
};

static void *read_part(int fd, uint64_t offset, uint64_t size, uint64_t file_size)
{
	void *data;

	if (!size || size > MAX_TABLE || offset > file_size || size > file_size - offset)
		return NULL;
	data = malloc(size);
	if (data && pread(fd, data, size, offset) != (ssize_t)size) {
		free(data);
		return NULL;
	}
	return data;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static bool take_symbols(struct symbols *symbols, const Elf64_Sym *sym, size_t n)
{
	symbols->list = malloc((n ? n : 1) * sizeof(struct symbol));
	if (!symbols->list)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned int type = ELF64_ST_TYPE(sym[i].st_info);

		if ((type != STT_FUNC && type != STT_NOTYPE) || sym[i].st_shndx == SHN_UNDEF ||
		    sym[i].st_shndx == SHN_ABS || sym[i].st_name >= symbols->names_size ||
		    !symbols->names[sym[i].st_name])
			continue;
		symbols->list[symbols->count++] = (struct symbol){
			.addr = sym[i].st_value,
			.size = sym[i].st_size,
			.name = sym[i].st_name,
		};
	}
	qsort(symbols->list, symbols->count, sizeof(struct symbol), by_address);
	return symbols->count != 0;
}

static bool load(struct symbols *symbols, int fd)
{
	Elf64_Ehdr eh;
	Elf64_Shdr *sh = NULL;
	Elf64_Sym *sym = NULL;
	struct stat st;
	bool ok = false;
	int i;

	if (fstat(fd, &st) < 0 || pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_shentsize != sizeof(*sh))
		return false;
	sh = read_part(fd, eh.e_shoff, (uint64_t)eh.e_shnum * sizeof(*sh), st.st_size);
	if (!sh)
		return false;
	for (i = 0; i < eh.e_shnum && sh[i].sh_type != SHT_SYMTAB; i++)
		;
	if (i < eh.e_shnum && sh[i].sh_link < eh.e_shnum) {
		const Elf64_Shdr *str = &sh[sh[i].sh_link];

		sym = read_part(fd, sh[i].sh_offset, sh[i].sh_size, st.st_size);
		symbols->names = read_part(fd, str->sh_offset, str->sh_size, st.st_size);
		symbols->names_size = str->sh_size;
		if (sym && symbols->names) {
			symbols->names[symbols->names_size - 1] = 0;
			ok = take_symbols(symbols, sym, sh[i].sh_size / sizeof(*sym));
		}
	}
	free(sym);
	free(sh);
	return ok;
}

struct symbols *symbols__load(const char *path)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok = symbols && fd >= 0 && load(symbols, fd);

	if (fd >= 0)
		close(fd);
	if (ok)
		return symbols;
	symbols__free(symbols);
	return NULL;
}

void symbols__free(struct symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->list);
	free(symbols->names);
	free(symbols);
}

static const struct symbol *find(const struct symbols *symbols, uint64_t addr)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (symbols->list[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	/* Several names may share an address: one with a size is the function itself. */
	for (size_t i = low; i-- > 0 && low - i < 8;) {
		const struct symbol *s = &symbols->list[i];

		if (addr - s->addr < s->size)
			return s;
	}
	return low && !symbols->list[low - 1].size ? &symbols->list[low - 1] : NULL;
}

void symbols__format(const struct symbols *symbols, uint64_t addr, char *text, size_t size)
{
	const struct symbol *s = symbols ? find(symbols, addr) : NULL;

	if (!s)
		snprintf(text, size, "0x%llx", (unsigned long long)addr);
	else
		snprintf(text, size, "%.200s+0x%llx/0x%llx", symbols->names + s->name,
			 (unsigned long long)(addr - s->addr), (unsigned long long)s->size);
}
